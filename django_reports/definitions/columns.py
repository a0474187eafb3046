"""Columns: what a report declares, and what a declared column is bound to."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from django.db.models import BinaryField, CompositePrimaryKey, Max, Min, Model, Sum
from django.db.models.expressions import Col, Combinable, CombinedExpression
from django.db.models.functions import Coalesce
from django.utils.functional import Promise
from django.utils.text import capfirst, format_lazy

from django_reports.definitions.expressions import (
    ExpressionError,
    GroupedExpression,
    RelatedAggregate,
    rewritten,
)
from django_reports.definitions.hints import (
    instead_of_generic,
    instead_of_going_on,
    instead_of_unknown,
    is_generic,
)
from django_reports.definitions.kinds import (
    ARROW_DIGITS,
    KINDS,
    Auto,
    Decimal,
    Integer,
    Kind,
    Text,
    kind_for_field,
)
from django_reports.definitions.kinds.nested import WithEmpty
from django_reports.definitions.masks import MASKS, Mask, mask_function

Label = str | Promise
Row = tuple[Any, ...]
Total = Literal["sum", "average", "minimum", "maximum", "count"]
TOTALS: tuple[str, ...] = get_args(Total)
LOOKUP_SEPARATOR = "__"
SUM_DIGITS = 7  # that a sum of ten million values has more than each of them

_SECRET = re.compile(
    r"(^|_)(password|passwd|passphrase|secret|token|api_?key|private_?key|key_?hash|hashed_?key)"
    r"(s|$|_)",
    re.IGNORECASE,
)
_PERSONAL = re.compile(
    r"(^|_)(e?_?mail|phone|mobile|fax|birth|birthday|birth_?date|date_of_birth|dob|iban|bic|ssn"
    r"|social_security|tax_?(id|number)|national_id|passport|salary|wage|religion|gender|diagnosis"
    r"|first_?name|last_?name|surname|full_?name|maiden_?name|street|ip_?address)"
    r"(s|$|_)",
    re.IGNORECASE,
)


class ColumnError(ValueError):
    """A column that cannot be. The system checks turn it into an error that names it."""


def is_secret_looking(name: str) -> bool:
    """Whether a field's name, or a part of its path, says that it holds a credential."""
    return any(_SECRET.search(part) for part in name.split(LOOKUP_SEPARATOR))


def is_personal_looking(name: str) -> bool:
    """Whether a field's name, or a part of its path, says that it is about a person."""
    return any(_PERSONAL.search(part) for part in name.split(LOOKUP_SEPARATOR))


@dataclass(frozen=True)
class Column:
    """One field of a report.

    `name` is its key everywhere and, unless `path` says another, the path of the model field that
    it reads (`customer__email`). Instead of a path it may have an `expression`, or a `value`: a
    callable that gets a mapping of the paths in `fields` and returns the value.

    `kind` is a Kind or its name; unset, it follows the model field or the expression.
    Without `permission` ("app.codename") a person sees the column as `mask` says: "omit", "null",
    "partial" or "hash", or as the callable makes it of each value. `escape_formulas=False` turns
    the CSV formula guard off for this column. `total` is what stands below the column in a
    spreadsheet file. `silenced_system_checks` are ids of warnings that do not hold for it.
    """

    name: str
    label: Label | None = field(default=None, kw_only=True)
    path: str | None = field(default=None, kw_only=True)
    expression: Combinable | None = field(default=None, kw_only=True)
    value: Callable[[Mapping[str, Any]], Any] | None = field(default=None, kw_only=True)
    fields: Sequence[str] = field(default=(), kw_only=True)
    kind: Kind | str | None = field(default=None, kw_only=True)
    permission: str | None = field(default=None, kw_only=True)
    mask: Mask = field(default="omit", kw_only=True)
    escape_formulas: bool = field(default=True, kw_only=True)
    total: Total | None = field(default=None, kw_only=True)
    silenced_system_checks: Sequence[str] = field(default=(), kw_only=True)

    def problem(self) -> str | None:
        """What is wrong with the declaration itself, without looking at a model."""
        sources = [s for s in ("path", "expression", "value") if getattr(self, s) is not None]
        if not isinstance(self.name, str) or not self.name:
            return f"its name must be a text, not {self.name!r}"
        if len(sources) > 1:
            return f"it has {' and '.join(sources)}; choose one"
        if isinstance(self.fields, str):
            return f"fields must be a list of paths, not the text {self.fields!r}"
        if self.fields and self.value is None:
            return "fields= says what value= reads, and there is no value="
        if self.value is not None and not callable(self.value):
            return f"value= must be callable, not {self.value!r}"
        if isinstance(self.kind, str) and self.kind not in KINDS:
            return f"there is no kind {self.kind!r}; the legal ones are {', '.join(KINDS)}"
        if not callable(self.mask) and self.mask not in MASKS:
            legal = ", ".join(MASKS)
            return f"there is no mask {self.mask!r}; the legal ones are {legal}, or a callable"
        if self.total is not None and self.total not in TOTALS:
            return f"there is no total {self.total!r}; the legal ones are {', '.join(TOTALS)}"
        if self.mask != "omit" and self.permission is None:
            return f"mask={self.mask!r} is for those without permission=, and there is none"
        return None

    @property
    def declared_kind(self) -> Kind | None:
        return KINDS[self.kind] if isinstance(self.kind, str) else self.kind


Source = str | Combinable | GroupedExpression


@dataclass(frozen=True)
class BoundColumn:
    """A column with its label, kind and source settled.

    `sources` are the paths or expressions to read; `compute` makes the value of them where it
    is not simply the one that was read. `from_instance` makes it of a model instance instead, to
    which the relations that it `follows` should belong.
    """

    name: str
    label: Label
    kind: Kind
    sources: tuple[Source, ...]
    compute: Callable[[Mapping[str, Any]], Any] | None = None
    from_instance: Callable[[Any], Any] | None = None
    follows: tuple[str, ...] = ()
    shown_path: str | None = None  # of the field that `from_instance` shows, if it shows one
    permission: str | None = None
    mask: Mask = "omit"
    masked: bool = False
    show: Callable[[Any], Any] | None = None  # what a masked value is turned into
    escape_formulas: bool = True
    total: Total | None = None
    section: str = ""
    section_label: Label = ""
    renamed: str = ""  # what it is called in this one file, in place of its name and its label

    @property
    def key(self) -> str:
        """Its name among all columns of a report: "orders.id" in a report of several sections."""
        return f"{self.section}.{self.name}" if self.section else self.name

    @property
    def path(self) -> str | None:
        """The path of the one model field whose value it shows, as it is or as a text."""
        if self.from_instance is not None:
            return self.shown_path
        source = self.sources[0] if len(self.sources) == 1 and self.compute is None else None
        return source if isinstance(source, str) else None

    @property
    def full_label(self) -> str:
        return f"{self.section_label}: {self.label}" if self.section else str(self.label)

    def as_masked(self) -> "BoundColumn":
        """The column as a person without its permission gets it (never called for "omit")."""
        if isinstance(self.kind, WithEmpty):  # no mask tells of a label that nobody typed
            return replace(self, kind=self.kind.base, compute=None).as_masked()
        if self.mask == "null":
            return replace(self, masked=True, total=None)
        kind = Auto() if callable(self.mask) else Text()
        show = mask_function(self.mask, self.kind)
        return replace(self, kind=kind, show=show, masked=True, total=None)

    @property
    def runs_code(self) -> bool:
        """Whether code of the project makes its values, which may ask a database."""
        is_made = self.compute is not None or self.from_instance is not None
        return is_made or (self.masked and callable(self.mask))

    @property
    def mask_name(self) -> str | None:
        """How it is masked, in a word; None if it is not."""
        if not self.masked:
            return None
        return "callable" if callable(self.mask) else self.mask


def resolve_path(model: type[Model], path: str) -> list[Any]:
    """The fields that a path walks through.

    Raises ColumnError for an unknown field, or for one that would multiply the rows.
    """
    walked: list[Any] = []
    options: Any = model._meta
    for part in path.split(LOOKUP_SEPARATOR):
        if options is None:
            raise ColumnError(instead_of_going_on(walked[-1], path, part))
        if part == "pk":
            found: Any = options.pk
        else:
            known = {f.name: f for f in options.get_fields()}
            known |= {f.attname: f for f in options.concrete_fields}
            if part not in known:
                raise ColumnError(instead_of_unknown(options.model, part, walked))
            found = known[part]
        if getattr(found, "one_to_many", False) or getattr(found, "many_to_many", False):
            raise ColumnError(
                f"{path!r} follows {part!r} to many rows, which would multiply the report's; "
                "use expression= with an aggregate"
            )
        walked.append(found)
        if is_generic(found):
            raise ColumnError(instead_of_generic(found, walked))
        related = getattr(found, "related_model", None)
        options = getattr(related, "_meta", None)  # a model that is missing is a text
    is_composite = isinstance(walked[-1], CompositePrimaryKey)
    if is_composite and len(walked) > 1:
        raise ColumnError(f"{path!r} is a key of several fields; name them one by one")
    if not is_composite and not getattr(walked[-1], "concrete", False):
        raise ColumnError(f"{path!r} ends at a relation without a value of its own; add __pk")
    return walked


def path_label(walked: Sequence[Any]) -> Label:
    """The verbose names along the way, translated late: "Customer email" for customer__email."""
    names = [getattr(f, "verbose_name", None) or f.related_model._meta.verbose_name for f in walked]
    joined = format_lazy(" ".join(["{}"] * len(names)), *names)
    return capfirst(joined)


def bind(column: Column, model: type[Model] | None) -> BoundColumn:
    """Settle a declared column against a model, or against nothing for a report of `rows()`.

    Raises ColumnError for a column that cannot be.
    """
    if problem := column.problem():
        raise ColumnError(problem)
    kind = column.declared_kind
    label: Label = column.label or capfirst(column.name.replace("_", " "))
    sources: tuple[Source, ...] = (column.name,)
    if model is None:
        if column.expression is not None or column.path is not None:
            raise ColumnError("only a ModelReport has paths and expressions")
        if column.value is not None:
            sources = tuple(column.fields)
    elif column.value is not None:
        for path in column.fields:
            resolve_path(model, path)
        sources = tuple(column.fields)
    elif column.expression is not None:
        expression = _expression(column.expression, model)
        sources = (expression,)
        kind = kind or _expression_kind(expression, model)
    else:
        path = column.path or column.name
        walked = resolve_path(model, path)
        sources = (path,)
        label = column.label or path_label(walked)
        kind = kind or _field_kind(walked[-1])
    return BoundColumn(
        name=column.name,
        label=label,
        kind=kind or Auto(),
        sources=sources,
        compute=column.value,
        permission=column.permission,
        mask=column.mask,
        escape_formulas=column.escape_formulas,
        total=column.total,
    )


def _expression(expression: Any, model: type[Model]) -> Any:
    """The expression as it is read. Raises ColumnError for one that cannot be."""
    try:
        return rewritten(expression, model)
    except ExpressionError as error:
        raise ColumnError(str(error)) from error


def _field_kind(field: Any) -> Kind:
    """The kind of a model field. Raises ColumnError for one that has none."""
    if kind := kind_for_field(field):
        return kind
    if isinstance(field, BinaryField):
        raise ColumnError(
            'binary data is exported only if it is asked for: with kind="binary", as Base64'
        )
    raise ColumnError(
        f"a {type(field).__name__} has no defined way into a file; give the column a kind=, or "
        "register one with django_reports.definitions.kinds.register_kind()"
    )


def _expression_kind(expression: Any, model: type[Model]) -> Kind | None:
    """The kind of an expression's output field, where it can be told without a query."""
    if isinstance(expression, GroupedExpression):
        expression = expression.by_row
    query = model._default_manager.all().query
    # A project's expression may raise anything here; only its output type is wanted, and a
    # value of unknown type is still written by its Python type.
    try:
        resolved = expression.resolve_expression(query)
        kind = kind_for_field(resolved.output_field)
        fields = [getattr(part, "target", None) for part in _all_parts_of(resolved)]
    except Exception:
        return None
    if isinstance(resolved, Col):
        return kind
    if isinstance(kind, Integer):
        return Integer()  # a sum has more digits than its parts
    if isinstance(kind, Decimal):
        return _computed_decimal(kind, resolved, fields)
    return kind


def _computed_decimal(kind: Decimal, resolved: Any, fields: Sequence[Any]) -> Decimal:
    """The kind of an expression made of `fields`, whose output field has `kind`."""
    digits = max(kind.max_digits or 0, *(getattr(f, "max_digits", None) or 0 for f in fields), 0)
    # A sum has more digits than its parts. Where few are known, the usual type has room for it.
    digits += SUM_DIGITS
    max_digits = digits if digits > ARROW_DIGITS else None
    if kind != Decimal():
        return replace(kind, max_digits=max_digits)
    # It has the places of its parts; databases differ in the zeros that they give back.
    places = max((getattr(f, "decimal_places", None) or 0 for f in fields), default=0)
    return Decimal(places or None, is_fixed=_keeps_places(resolved), max_digits=max_digits)


def _keeps_places(expression: Any) -> bool:
    """Whether its values have no more decimal places than the fields that it is made of."""
    if isinstance(expression, CombinedExpression):
        keeps = expression.connector in (Combinable.ADD, Combinable.SUB)
    else:
        keeps = isinstance(expression, RelatedAggregate | Col | Sum | Min | Max | Coalesce)
    return keeps and all(map(_keeps_places, _parts_of(expression)))


def _all_parts_of(expression: Any) -> Iterator[Any]:
    yield expression
    for part in _parts_of(expression):
        yield from _all_parts_of(part)


def _parts_of(expression: Any) -> list[Any]:
    if isinstance(expression, RelatedAggregate):
        return [expression.aggregate]
    return [part for part in expression.get_source_expressions() if part is not None]
