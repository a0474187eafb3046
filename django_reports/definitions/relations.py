"""Relations to many rows: where a path follows one, and whether an index finds its rows."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db.models import Model
from django.db.models.constants import LOOKUP_SEP
from django.db.models.sql import Query

EQUALITY_INDEXES = ("idx", "btree", "hash")  # the suffixes of those that find a value


class MissingIndex(NamedTuple):
    """The table in which rows are looked for, and the fields that find them."""

    label: str
    fields: tuple[str, ...]


def to_many_part(path: str, model: type[Model]) -> str:
    """The part of a path that leads to many rows: "tags" of "tags__name", "" of "client__name".

    Raises FieldError for a name that the model does not know.
    """
    names = path.split(LOOKUP_SEP)

    def joins(count: int) -> int:
        return sum(step.m2m for step in _steps(names[:count], model))

    all_joins = joins(len(names))
    if not all_joins:
        return ""
    count = next(n for n in range(1, len(names) + 1) if joins(n) == all_joins)
    return LOOKUP_SEP.join(names[:count])


def missing_index(relation: str, model: type[Model]) -> MissingIndex | None:
    """What keeps the related rows of one row from being found without reading a whole table."""
    for step in _steps(relation.split(LOOKUP_SEP), model):
        if not step.m2m:
            continue
        compared = [there for _here, there in step.join_field.get_joining_fields()]
        names = {field.name for field in compared}
        # Of a generic relation the content type is compared, too.
        of_type = getattr(step.join_field.field, "content_type_field_name", None)
        fields = (*((of_type,) if of_type else ()), *sorted(names))
        if not any(field.db_index or field.unique for field in compared) and not any(
            _finds(index, names, fields) for index in _indexes(compared[0].model)
        ):
            return MissingIndex(compared[0].model._meta.label, fields)
    return None


def _steps(names: list[str], model: type[Model]) -> list[Any]:
    return Query(model).names_to_path(names, model._meta)[0]


def _finds(index: tuple[str, ...], names: set[str], compared: tuple[str, ...]) -> bool:
    """Whether an index begins with compared fields, of which one is more than a content type."""
    count = next((at for at, name in enumerate(index) if name not in compared), len(index))
    return not names.isdisjoint(index[:count])


def _indexes(model: Any) -> Iterator[tuple[str, ...]]:
    options = model._meta
    yield tuple(field.name for field in options.pk_fields)
    yield from map(tuple, options.unique_together)
    yield from (constraint.fields for constraint in options.total_unique_constraints)
    for index in options.indexes:
        if index.condition is None and index.suffix in EQUALITY_INDEXES:
            yield tuple(name.lstrip("-") for name in index.fields)
