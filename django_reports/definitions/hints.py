"""What to write instead of a path that no query can read."""

from collections.abc import Sequence
from functools import partialmethod
from inspect import getattr_static
from typing import Any

from django.db.models import Field, JSONField, Model
from django.db.models.constants import LOOKUP_SEP


def instead_of_unknown(model: type[Model], name: str, walked: Sequence[Any]) -> str:
    """For a name that is none of a model's fields: an attribute, or perhaps an annotation."""
    path = LOOKUP_SEP.join([*(field.name for field in walked), name])
    attribute = getattr_static(model, name, None)
    if attribute is not None:
        is_method = callable(attribute) or isinstance(attribute, partialmethod)
        kind = "method" if is_method else "property"
        reads = LOOKUP_SEP.join([*(field.name for field in walked), "…"])
        return (
            f"{model._meta.label}.{name} is a {kind}, which no query reads; use "
            f"value=lambda row: … with fields=[{reads!r}], the fields that it is made of"
        )
    known = {f.name for f in model._meta.get_fields()}
    known |= {f.attname for f in model._meta.concrete_fields}
    hint = (
        f"{model._meta.label} has no field {name!r}; the legal ones are {', '.join(sorted(known))}"
    )
    if walked:
        return hint
    return f"{hint}. For an annotation of get_queryset() use expression=F({path!r})"


def instead_of_going_on(field: Any, path: str, name: str) -> str:
    """For a path that goes on behind a field that leads nowhere."""
    if isinstance(field, JSONField):
        return (
            f"{field.name!r} is JSON, of which {path!r} is a key; use expression=KT({path!r}), "
            "from django.db.models.fields.json"
        )
    if isinstance(field, Field) and field.get_transform(name):
        return f"{path!r} is a transform of {field.name!r}; use expression=F({path!r})"
    return f"{field.name!r} is no relation, so {path!r} goes nowhere"


def instead_of_generic(field: Any, walked: Sequence[Any]) -> str:
    """For a GenericForeignKey, which leads to rows of any model."""
    before = [step.name for step in walked[:-1]]
    parts = [LOOKUP_SEP.join([*before, name]) for name in (field.ct_field, field.fk_field)]
    names = [f"{parts[0]}{LOOKUP_SEP}model", parts[1]]
    return (
        f"{field.name!r} is a GenericForeignKey, which no query follows; name the fields that it "
        f"is made of, {names[0]!r} and {names[1]!r}"
    )


def is_generic(field: Any) -> bool:
    """Whether a field is a GenericForeignKey, whose app need not be installed."""
    return hasattr(field, "ct_field") and hasattr(field, "fk_field") and not field.concrete
