"""Reports and exports for Django: declare a report once, export it from every entry point.

The public names are imported when they are first used: `import django_reports` needs no settings
and loads nothing else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_reports.access.permissions import export_denial_reason
    from django_reports.access.policies import EffectivePermissions, GroupPolicy, Policy
    from django_reports.access.signed_urls import url_for
    from django_reports.audit.anchors import Anchor
    from django_reports.core import choices
    from django_reports.core.storages import PrivateFileSystemStorage
    from django_reports.definitions import kinds
    from django_reports.definitions.base import ModelReport, Report, ReportContext, Selection
    from django_reports.definitions.columns import Column
    from django_reports.definitions.kinds import Kind, register_kind
    from django_reports.definitions.registry import register, registry
    from django_reports.engine.writers import Writer, guard, register_writer
    from django_reports.jobs.execution import run_attempt
    from django_reports.jobs.runners.base import Runner

__version__ = "0.1.0"
__all__ = [
    "Anchor",
    "Column",
    "EffectivePermissions",
    "GroupPolicy",
    "Kind",
    "ModelReport",
    "Policy",
    "PrivateFileSystemStorage",
    "Report",
    "ReportContext",
    "Runner",
    "Selection",
    "Writer",
    "choices",
    "export_denial_reason",
    "guard",
    "kinds",
    "register",
    "register_kind",
    "register_writer",
    "registry",
    "run_attempt",
    "url_for",
]

_ORIGINS = {
    "access.permissions": ["export_denial_reason"],
    "access.policies": ["EffectivePermissions", "GroupPolicy", "Policy"],
    "access.signed_urls": ["url_for"],
    "audit.anchors": ["Anchor"],
    "core": ["choices"],
    "core.storages": ["PrivateFileSystemStorage"],
    "definitions": ["kinds"],
    "definitions.base": ["ModelReport", "Report", "ReportContext", "Selection"],
    "definitions.columns": ["Column"],
    "definitions.kinds": ["Kind", "register_kind"],
    "definitions.registry": ["register", "registry"],
    "engine.writers": ["Writer", "guard", "register_writer"],
    "jobs.execution": ["run_attempt"],
    "jobs.runners.base": ["Runner"],
}
_MODULES = {"choices", "guard", "kinds"}  # which are imported as such


def __getattr__(name: str) -> Any:
    for origin, names in _ORIGINS.items():
        if name in names:
            path = f"{__name__}.{origin}"
            if name in _MODULES:
                return import_module(f"{path}.{name}")
            return getattr(import_module(path), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
