"""Triggers that refuse what nobody may do to the log, asked by whomever: the database's own guard.

They let through what the application does itself: sealing an entry, once, below the newest
checkpoint; emptying what it says of a person; and removing what a checkpoint is marked to have
lost. The owner of a database can remove them. What is done then, verification finds, and so it does
whatever rows alone cannot tell: a checkpoint that somebody else has put in or marked.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connections, transaction

from django_reports.audit.chain import database
from django_reports.models import AuditCheckpoint, AuditEntry

MESSAGE = "The audit log is only ever added to, never changed or removed."
# What may be emptied, and what that is where it is not an empty text.
_EMPTY = {"actor_label": "", "address": "NEW.address IS NULL", "user_agent": ""}
_SEALING = ("position", "seal")
_ANCHORING = ("anchors", "is_anchored")


class NotSupported(Exception):
    """This kind of database has no triggers that are known here."""


@dataclass(frozen=True)
class Guard:
    """A trigger: on which table it refuses what, unless a condition holds."""

    name: str
    table: str
    event: str
    unless: str = ""


def install() -> list[str]:
    """Put all triggers in, anew where they are. Returns their names."""
    dialect = _dialect()
    guards = list(dialect.guards())
    with transaction.atomic(using=database()):
        for guard in guards:
            _execute(dialect.dropping(guard))
            _execute(dialect.making(guard))
    return [guard.name for guard in guards]


def remove() -> list[str]:
    """Take all triggers out. Returns their names."""
    dialect = _dialect()
    guards = list(dialect.guards())
    with transaction.atomic(using=database()):
        for guard in guards:
            _execute(dialect.dropping(guard))
    return [guard.name for guard in guards]


def missing() -> list[str]:
    """The names of the triggers that are not there, are switched off, or do something else."""
    dialect = _dialect()
    with connections[database()].cursor() as cursor:
        cursor.execute(dialect.PRESENT)
        present = {row[0]: row[1:] for row in cursor.fetchall()}
    return [
        guard.name
        for guard in dialect.guards()
        if present.get(guard.name) != dialect.definition(guard)
    ]


def _execute(statements: Iterable[str]) -> None:
    with connections[database()].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


class _Dialect:
    """What databases say differently."""

    SAME: str  # of a column, null or not
    EMPTY = "NEW.{} = ''"
    PRESENT: str  # the triggers that are there and enabled, each by its name and `definition`

    def definition(self, guard: Guard) -> tuple[Any, ...]:
        """What the database says of a trigger that does what it should, as PRESENT gives it."""
        raise NotImplementedError

    def making(self, guard: Guard) -> Iterator[str]:
        raise NotImplementedError

    def dropping(self, guard: Guard) -> Iterator[str]:
        yield f"DROP TRIGGER IF EXISTS {guard.name}"

    def guards(self) -> Iterator[Guard]:
        entries, checkpoints = AuditEntry._meta.db_table, AuditCheckpoint._meta.db_table
        yield Guard(
            "django_reports_entry_insert",
            entries,
            "INSERT",
            f"NEW.position IS NULL AND {self.EMPTY.format('seal')}",
        )
        yield Guard("django_reports_entry_update", entries, "UPDATE", self._entry_update())
        yield Guard(
            "django_reports_entry_delete",
            entries,
            "DELETE",
            f"OLD.seal <> '' AND EXISTS (SELECT 1 FROM {checkpoints} cut "  # noqa: S608 - our names
            "WHERE cut.cut_at IS NOT NULL AND cut.last_position >= OLD.position)",
        )
        # It follows the newest one: a range of positions is given once, and so is each position.
        yield Guard(
            "django_reports_checkpoint_insert",
            checkpoints,
            "INSERT",
            "NEW.cut_at IS NULL AND NEW.last_position >= NEW.first_position "  # noqa: S608
            f"AND NEW.number = COALESCE((SELECT MAX(number) FROM {checkpoints}), 0) + 1 "
            f"AND NEW.first_position = COALESCE((SELECT last_position FROM {checkpoints} "
            "ORDER BY number DESC LIMIT 1), 0) + 1",
        )
        # Only a checkpoint whose last entry is there can be marked: one that somebody put in for
        # that licenses nothing.
        yield Guard(
            "django_reports_checkpoint_update",
            checkpoints,
            "UPDATE",
            f"{self._frozen(AuditCheckpoint, {*_ANCHORING, 'cut_at'})} "  # noqa: S608 - our names
            f"AND ({self._same('cut_at')} OR (OLD.cut_at IS NULL AND EXISTS ("
            f"SELECT 1 FROM {entries} sealed "
            "WHERE sealed.position = OLD.last_position AND sealed.seal = OLD.seal)))",
        )
        yield Guard(
            "django_reports_checkpoint_delete",
            checkpoints,
            "DELETE",
            f"EXISTS (SELECT 1 FROM {checkpoints} cut "  # noqa: S608
            "WHERE cut.cut_at IS NOT NULL AND cut.number > OLD.number)",
        )

    def _entry_update(self) -> str:
        sealed = " AND ".join(map(self._same, _SEALING))
        table = AuditCheckpoint._meta.db_table
        sealing = (
            "OLD.position IS NULL AND OLD.seal = '' AND NEW.seal <> '' "  # noqa: S608 - our names
            f"AND EXISTS (SELECT 1 FROM {table} newest WHERE newest.cut_at IS NULL "
            f"AND newest.number = (SELECT MAX(number) FROM {table}) "
            "AND NEW.position BETWEEN newest.first_position AND newest.last_position)"
        )
        emptied = (
            f"({self._same(name)} OR {empty or self.EMPTY.format(name)})"
            for name, empty in _EMPTY.items()
        )
        return " AND ".join(
            [
                self._frozen(AuditEntry, {*_SEALING, *_EMPTY}),
                f"(({sealed}) OR ({sealing}))",
                *emptied,
            ]
        )

    def _frozen(self, model: Any, but: set[str]) -> str:
        columns = [field.column for field in model._meta.fields if field.column not in but]
        return " AND ".join(map(self._same, columns))

    def _same(self, column: str) -> str:
        name = connections[database()].ops.quote_name(column)
        return self.SAME.format(f"OLD.{name}", f"NEW.{name}")


class _PostgreSQL(_Dialect):
    SAME = "{} IS NOT DISTINCT FROM {}"
    # In a session's temporary schema, which comes first else, anybody may put a table of our name.
    PRESENT = (
        "SELECT tgname, pg_get_triggerdef(pg_trigger.oid, true), prosrc, lanname, "
        "proconfig = ARRAY['search_path=' || quote_ident(nspname) || ', pg_temp'] "
        "FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
        "JOIN pg_namespace ON pg_namespace.oid = relnamespace "
        "JOIN pg_proc ON pg_proc.oid = tgfoid JOIN pg_language ON pg_language.oid = prolang "
        "WHERE NOT tgisinternal AND tgenabled IN ('O', 'A') AND pg_table_is_visible(pg_class.oid)"
    )

    def guards(self) -> Iterator[Guard]:
        yield from super().guards()
        for name, model in (("entry", AuditEntry), ("checkpoint", AuditCheckpoint)):
            yield Guard(f"django_reports_{name}_truncate", model._meta.db_table, "TRUNCATE")

    def definition(self, guard: Guard) -> tuple[Any, ...]:
        return self._trigger(guard), self._body(guard), "plpgsql", True

    def making(self, guard: Guard) -> Iterator[str]:
        yield (
            f"CREATE OR REPLACE FUNCTION {guard.name}() RETURNS trigger LANGUAGE plpgsql "
            f"SET search_path = {self._schema(guard)}, pg_temp AS $${self._body(guard)}$$"
        )
        yield self._trigger(guard)

    def _schema(self, guard: Guard) -> str:
        with connections[database()].cursor() as cursor:
            cursor.execute(
                "SELECT quote_ident(nspname) FROM pg_class JOIN pg_namespace "
                "ON pg_namespace.oid = relnamespace WHERE pg_class.oid = %s::regclass",
                [guard.table],
            )
            return str(cursor.fetchone()[0])

    def _body(self, guard: Guard) -> str:
        refuse = f"RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'restrict_violation';"
        if guard.unless:
            refuse = f"IF (({guard.unless}) IS NOT TRUE) THEN {refuse} END IF;"
        row = "NEW" if guard.event in ("INSERT", "UPDATE") else "OLD"
        return f" BEGIN {refuse} RETURN {row}; END "

    def _trigger(self, guard: Guard) -> str:
        each = "STATEMENT" if guard.event == "TRUNCATE" else "ROW"
        return (
            f"CREATE TRIGGER {guard.name} BEFORE {guard.event} ON {guard.table} "
            f"FOR EACH {each} EXECUTE FUNCTION {guard.name}()"
        )

    def dropping(self, guard: Guard) -> Iterator[str]:
        yield f"DROP TRIGGER IF EXISTS {guard.name} ON {guard.table}"
        yield f"DROP FUNCTION IF EXISTS {guard.name}()"


class _MySQL(_Dialect):
    # Of bytes: a collation takes letters of either case, and spaces at the end, for the same.
    SAME = "BINARY {} <=> BINARY {}"
    EMPTY = "BINARY NEW.{} = BINARY ''"
    PRESENT = (
        "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, "
        "ACTION_STATEMENT FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()"
    )

    def definition(self, guard: Guard) -> tuple[str, ...]:
        return guard.table, "BEFORE", guard.event, self._body(guard)

    def making(self, guard: Guard) -> Iterator[str]:
        yield (
            f"CREATE TRIGGER {guard.name} BEFORE {guard.event} ON {guard.table} FOR EACH ROW "
            f"{self._body(guard)}"
        )

    def _body(self, guard: Guard) -> str:
        return (
            f"BEGIN IF (({guard.unless}) IS NOT TRUE) THEN SIGNAL SQLSTATE '45000' "
            f"SET MESSAGE_TEXT = '{MESSAGE}'; END IF; END"
        )


class _SQLite(_Dialect):
    SAME = "{} IS {}"
    PRESENT = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'"

    def definition(self, guard: Guard) -> tuple[str, ...]:
        return guard.table, self._trigger(guard)

    def guards(self) -> Iterator[Guard]:
        """Here `OR REPLACE` removes the row that is in the way without a DELETE."""
        yield from super().guards()
        for name, model, keys in (
            ("entry", AuditEntry, ("id", "key", "position")),
            ("checkpoint", AuditCheckpoint, ("number",)),
        ):
            table = model._meta.db_table
            taken = " OR ".join(f'"{key}" = NEW."{key}"' for key in keys)
            yield Guard(
                f"django_reports_{name}_replace",
                table,
                "INSERT",
                f"NOT EXISTS (SELECT 1 FROM {table} WHERE {taken})",  # noqa: S608
            )

    def _entry_update(self) -> str:
        table = AuditEntry._meta.db_table
        return (
            f"{super()._entry_update()} AND NOT EXISTS (SELECT 1 FROM {table} other "  # noqa: S608
            "WHERE other.position = NEW.position AND other.id <> OLD.id)"
        )

    def making(self, guard: Guard) -> Iterator[str]:
        yield self._trigger(guard)

    def _trigger(self, guard: Guard) -> str:
        return (
            f"CREATE TRIGGER {guard.name} BEFORE {guard.event} ON {guard.table} FOR EACH ROW "
            f"WHEN ({guard.unless}) IS NOT 1 BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
        )


_DIALECTS = {"postgresql": _PostgreSQL, "mysql": _MySQL, "sqlite": _SQLite}


def _dialect() -> _Dialect:
    vendor = connections[database()].vendor
    if vendor not in _DIALECTS:
        raise NotSupported(
            f"There are no triggers for {vendor}; there are some for {', '.join(_DIALECTS)}."
        )
    return _DIALECTS[vendor]()
