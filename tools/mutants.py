"""Replaces each permission check by True, one at a time, and runs the tests: one must fail.

`python -m tools.mutants` lists each mutant, its check, and whether the tests killed it; it
exits with 1 if any survived. Arguments name modules, or checks, to which it is limited. With
TEST_MUTANT=module:line:column set, this is also the pytest plugin that leaves the one check out.
"""

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "django_reports"
# Those that ask most about rights first: with -x the first failure ends a run.
TESTS = [
    "tests/test_permissions.py", "tests/trust/test_matrix.py", "tests/trust/test_three_times.py",
    "tests/trust/test_grants.py", "tests/trust/test_rights.py", "tests/trust", "tests/entry_points",
]  # fmt: skip

# What asks whether somebody may do something, wherever it is called …
CALLS = {
    "has_perm", "has_module_perms", "may_export", "may_download", "may_cancel", "may_enter",
    "may_view", "sees_reports", "has_any", "door", "_may_read", "_has_perms", "may_see_rights",
    "has_view_or_change_permission", "may_all", "lacks_permission", "allows_format", "has_access",
    "is_signed", "is_request_of", "is_file_of", "_is_theirs", "_is_captured_for", "_may_seal",
}  # fmt: skip
# … and what is a fact about somebody or their report permissions.
FACTS = {"is_active", "is_authenticated", "is_staff", "can_view", "can_export", "can_download",
         "can_cancel_others"}  # fmt: skip
NO_DECISIONS = (
    "django_reports.access.change_log",
)  # which describes report permissions for the log


# What says why not, what is secret, or raises; without it, nothing is said, and all is well.
REASONS = {
    "download_denial_reason": "''",
    "refusal_of": "{}",
    "hidden_lookups": "[]",
    "undeclared_lookups": "[]",
    "has_secrets": "False",
    "_is_secret": "False",
    "check_detached": "None",
    "verify_order": "None",
    "_verify_page": "None",
    "_verify_values": "None",
}

# What gives just those exports that somebody may see; without it, all of them.
FILTERS = {"visible_jobs"}
EVERYTHING = "__import__('django_reports.models', fromlist=['*']).ReportJob.objects.all()"


def without(node):
    """What stands in a check's place when it is left out; None for what is no check."""
    if isinstance(node, ast.Attribute):
        is_state = getattr(node.value, "id", "") == "job"  # an active job, not an active person
        if node.attr == "has_expired":
            return "False"
        return "True" if node.attr in FACTS and not is_state else None
    if not isinstance(node, ast.Call):
        return None
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if name == "getattr":
        return "True" if getattr(node.args[1], "value", "") in FACTS else None
    if name in REASONS:
        return REASONS[name]
    return "True" if name in CALLS else EVERYTHING if name in FILTERS else None


def mutants():
    """Every check of the package: (module:line:column, its source)."""
    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_text()
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(source)):
            if without(node) and module not in NO_DECISIONS:
                yield page_context_of(module, node), ast.unparse(node)


def page_context_of(module, node):
    return f"{module}:{node.lineno}:{node.col_offset}"


class _LeaveOut(ast.NodeTransformer):
    def __init__(self, mutant):
        self.mutant = mutant
        self.module = mutant.partition(":")[0]

    def visit(self, node):
        if (instead := without(node)) and page_context_of(self.module, node) == self.mutant:
            return ast.copy_location(ast.parse(instead, mode="eval").body, node)
        return self.generic_visit(node)


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name, path, leave_out):
        super().__init__(name, path)
        self.leave_out = leave_out

    def get_code(self, fullname):  # never from a cached file, nor into one
        tree = self.leave_out.visit(ast.parse(self.get_data(self.path)))
        return compile(ast.fix_missing_locations(tree), self.path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    """Loads the one module without its one check."""

    def __init__(self, mutant):
        self.leave_out = _LeaveOut(mutant)

    def find_spec(self, name, path, target=None):
        if name != self.leave_out.module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        spec.loader = _Loader(name, spec.origin, self.leave_out)
        return spec


if mutant := os.environ.get("TEST_MUTANT"):
    sys.meta_path.insert(0, _Finder(mutant))


def is_killed(mutant):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tools.mutants", "-x", "-q",
         "-p", "no:cacheprovider", "-m", "not integration and not thorough", *TESTS],
        cwd=ROOT,
        env={**os.environ, "TEST_MUTANT": mutant, "TEST_DATABASE": "sqlite"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode == 1


def main():
    wanted = tuple(sys.argv[1:]) or ("django_reports",)
    found = [
        (mutant, source)
        for mutant, source in mutants()
        if mutant.startswith(wanted) or source.partition("(")[0].endswith(wanted)
    ]
    killed = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        verdicts = pool.map(lambda one: is_killed(one[0]), found)
        for (mutant, source), verdict in zip(found, verdicts, strict=True):
            killed.append(verdict)
            print(f"{'killed' if verdict else 'SURVIVED':9} {mutant:48} {source}", flush=True)
    print(f"{sum(killed)} of {len(killed)} mutants were killed")
    return 0 if all(killed) else 1


if __name__ == "__main__":
    sys.exit(main())
