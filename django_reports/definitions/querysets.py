"""Querysets of projects and of other packages: what they must be, and what of them is Django's own.

A queryset may be of any class, with a query, a compiler and an iterable of its own. Only of
Django's own classes is it known that SQL and rows have the columns that were asked for, in that
order.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.core.exceptions import EmptyResultSet, FieldDoesNotExist
from django.db import NotSupportedError
from django.db.models import Model, QuerySet
from django.db.models.expressions import Combinable, Ref
from django.db.models.sql.compiler import SQLCompiler
from django.utils.translation import gettext as _

from django_reports.definitions.base import ModelReport, ReportContext
from django_reports.definitions.columns import LOOKUP_SEPARATOR, BoundColumn, resolve_path
from django_reports.exceptions import InvalidQuerySet

# What makes rows of a query. Other methods make queries, which are compiled whatever made them.
READING = ("values_list", "_values", "iterator", "_iterator")
# A table in front of its column; Django 5.2 quotes tables, and no aliases.
TABLE = re.compile(r'(?:(["`])([^"`]+)\1|\b(\w+))\.(?=["`])')


def queryset_of(report: ModelReport, context: ReportContext) -> "QuerySet[Any]":
    """The rows of the report's own queryset. Raises InvalidQuerySet."""
    return checked(
        report.get_queryset(context), report.model, f"{type(report).__name__}.get_queryset()"
    )


def filtered(
    report: ModelReport, queryset: "QuerySet[Any]", context: ReportContext
) -> "QuerySet[Any]":
    """A queryset as the report narrows it. Raises InvalidQuerySet."""
    what = f"{type(report).__name__}.filter_queryset()"
    found = narrowed(queryset, lambda rows: report.filter_queryset(rows, context), what)
    return checked(found, report.model, what)


def narrowed(queryset: "QuerySet[Any]", narrow: Callable[["QuerySet[Any]"], Any], what: str) -> Any:
    """What `narrow` makes of a queryset. Raises InvalidQuerySet for one that Django cannot filter.

    `what` is the code that filters.
    """
    try:
        return narrow(queryset)
    except (TypeError, NotSupportedError) as error:
        if not (queryset.query.is_sliced or queryset.query.combinator):
            raise
        raise InvalidQuerySet(
            _(
                "%(what)s cannot filter these rows, because their queryset is a slice or a union. "
                "Slice or combine in filter_queryset(), after filtering."
            )
            % {"what": what}
        ) from error


def checked(queryset: Any, model: type[Model], what: str) -> "QuerySet[Any]":
    """The queryset if it holds objects of the model, one a row. Raises InvalidQuerySet.

    `what` is the code that returned it.
    """
    words = {"what": what, "model": model._meta.label}
    if not isinstance(queryset, QuerySet):
        kind = "None" if queryset is None else type(queryset).__name__
        raise InvalidQuerySet(
            _(
                "%(what)s returned %(type)s instead of a queryset of %(model)s. For rows that do "
                "not come from a queryset, write a Report with rows()."
            )
            % {**words, "type": kind}
        )
    if not issubclass(queryset.model, model._meta.concrete_model or model):
        raise InvalidQuerySet(
            _("%(what)s returned a queryset of %(other)s instead of %(model)s.")
            % {**words, "other": queryset.model._meta.label}
        )
    is_of_values = queryset._fields is not None  # type: ignore[attr-defined]
    if is_of_values or queryset.query.group_by not in (None, True):
        raise InvalidQuerySet(
            _(
                "%(what)s returned values() or groups instead of whole objects of %(model)s, from "
                "which the columns are read. For groups, write a Report whose rows() yields them."
            )
            % words
        )
    if queryset.query.select_for_update:
        raise InvalidQuerySet(
            _("%(what)s locks rows with select_for_update(). Leave it out: an export only reads.")
            % words
        )
    return queryset


def check_computable(queryset: "QuerySet[Any]", columns: Iterable[BoundColumn]) -> None:
    """Raises InvalidQuerySet for expressions beside a union(), which takes none."""
    if combinator := queryset.query.combinator:
        names = [c.name for c in columns if any(isinstance(s, Combinable) for s in c.sources)]
        raise InvalidQuerySet(
            _(
                "The rows come from %(combinator)s(), after which these columns cannot be "
                "computed: %(columns)s. Filter one queryset instead, or leave the columns out."
            )
            % {"combinator": combinator, "columns": ", ".join(names)}
        )


def foreign_part(queryset: "QuerySet[Any]") -> str:
    """The class of another package that has a say in which rows are read; else an empty text."""
    kind = type(queryset)
    if not all(is_djangos(getattr(kind, name)) for name in READING):
        return _name_of(kind)
    compiler = queryset.query.get_compiler(using=queryset.db)
    parts = (type(queryset.query), type(compiler))
    return next((_name_of(part) for part in parts if not is_djangos(part)), "")


def selects_what_was_asked(compiler: SQLCompiler, queryset: "QuerySet[Any]") -> bool:
    """Whether the columns of a compiled query are, name by name, those given to `values_list`."""
    asked: Any = queryset._fields  # type: ignore[attr-defined]
    return [alias for _expression, _sql, alias in compiler.select or ()] == list(asked)


def value_path(model: type[Model], path: str) -> str:
    """The path of a column's value alone.

    The name of a foreign key also means the order of the model that it leads to: selected under
    that name, `order_by` would take it for the key.
    """
    field = resolve_path(model, path)[-1]
    head, separator, _tail = path.rpartition(LOOKUP_SEPARATOR)
    return f"{head}{separator}{field.attname}" if field.is_relation else path


def canonical_path(model: type[Model], path: str) -> str:
    """The path of the field that a lookup tells of: "customer_id" for customer__id__exact."""
    return canonical_lookup(model, path)[0]


def canonical_lookup(model: type[Model], path: str) -> tuple[str, str]:
    """The path of the field that a lookup tells of, and what it asks of it: "customer_id" and
    "exact" for customer__id__exact."""
    parts = path.split(LOOKUP_SEPARATOR)
    fields = list(_fields(model, parts))
    if not fields:
        return path, ""
    kind = LOOKUP_SEPARATOR.join(parts[len(fields) :])
    if len(fields) > 1 and fields[-1].name in _keys(fields[-2]):
        fields.pop()
    *relations, last = fields
    name = getattr(last, "attname", last.name)
    return LOOKUP_SEPARATOR.join([*(field.name for field in relations), name]), kind


def _fields(model: type[Model], parts: Iterable[str]) -> Iterator[Any]:
    options: Any = model._meta
    for part in parts:
        if options is None:
            return
        try:
            field = options.pk if part == "pk" else options.get_field(part)
        except FieldDoesNotExist:
            field = next((f for f in options.concrete_fields if f.attname == part), None)
        if field is None:  # a transform or a lookup
            return
        yield field
        options = getattr(field.related_model, "_meta", None)


def _keys(relation: Any) -> set[str]:
    """The fields on the other side whose values a foreign key holds itself."""
    return {field.name for field in getattr(relation, "foreign_related_fields", ())}


def totally_ordered(queryset: "QuerySet[Any]") -> "QuerySet[Any]":
    """The queryset with its primary key as the last word on the order.

    An order that leaves ties open may give them differently to each query and each chunk.
    """
    query = queryset.query
    if query.is_sliced or query.combinator:
        return queryset
    options = query.get_meta()
    if query.extra_order_by:
        ordered: QuerySet[Any] = queryset.all()
        ordered.query.extra_order_by = (*query.extra_order_by, "pk")
        return ordered
    # DISTINCT ON wants the order to begin with its own fields.
    ordering: Any = (
        query.order_by
        or (query.default_ordering and options.ordering)
        or query.distinct_fields
        or ()
    )
    keys = {"pk"}
    if options.pk:
        keys.add(options.pk.attname)
        if not options.pk.is_relation:  # whose name means the order of the model that it leads to
            keys.add(options.pk.name)
    if any(_ordering_name(item) in keys for item in ordering):
        return queryset
    # A key of several fields by its parts: MariaDB cannot order by a tuple under DISTINCT.
    parts = [part.attname for part in options.pk_fields]
    # Not the queryset's own method, which may take the names for others.
    return QuerySet.order_by(queryset, *ordering, *(parts if len(parts) > 1 else ["pk"]))


def _ordering_name(item: Any) -> str | None:
    """The field that an item of an ordering names; None for a computed one."""
    item = getattr(item, "expression", item)  # an OrderBy
    item = getattr(item, "name", item)  # an F
    return item.lstrip("-") if isinstance(item, str) else None


def keeps_order(queryset: "QuerySet[Any]", other: "QuerySet[Any]") -> bool:
    """Whether another queryset of the same rows has them in the order of the first one."""
    if queryset.query.combinator:
        return True
    first, second = _order_of(queryset), _order_of(other)
    return second[: len(first)] == first


def _order_of(queryset: "QuerySet[Any]") -> list[tuple[str, str]]:
    """What is ordered by, in SQL: not the place of a selected column but its expression.

    Tables are named by the joins that lead to them, since aliases depend on what else is joined.
    """
    query = queryset.query.chain()
    compiler = query.get_compiler(using=queryset.db)
    try:
        _extra, ordering, _groups = compiler.pre_sql_setup()
    except EmptyResultSet:
        return []
    ways: dict[str, str] = {}
    for alias, join in query.alias_map.items():
        parent = ways.get(getattr(join, "parent_alias", None) or "", "")
        ways[alias] = f"{parent}/{join.table_name}{getattr(join, 'join_cols', '')}"

    def way_to(table: re.Match[str]) -> str:
        name = table[2] or table[3]
        return f"{ways.get(name, name)}."

    def plain(item: Any) -> tuple[str, str]:
        if isinstance(item.expression, Ref):
            (source,) = item.expression.get_source_expressions()
            item = item.copy()
            item.set_source_expressions([source])
        sql, parameters = compiler.compile(item)
        return TABLE.sub(way_to, sql), repr(tuple(parameters))

    return [plain(item) for item, _compiled in ordering]


def is_djangos(thing: Any) -> bool:
    """Whether a class or a function is Django's, and not a project's or another package's."""
    return str(thing.__module__).startswith("django.")


def _name_of(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
