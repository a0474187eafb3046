"""The columns of an admin's list: what each entry of `list_display` shows of an instance.

Fields stay typed columns. What a list computes (methods, callables, properties, related objects)
is computed of each instance: numbers and dates stay such, everything else is shown as its text.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from inspect import getattr_static
from operator import attrgetter
from typing import Any, NamedTuple

from django.contrib.admin import ModelAdmin
from django.contrib.admin.utils import display_for_field, label_for_field
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import BinaryField, Field, ForeignObjectRel
from django.db.models.constants import LOOKUP_SEP
from django.db.models.fields.files import FileDescriptor
from django.db.models.fields.related_descriptors import ForeignKeyDeferredAttribute
from django.db.models.query_utils import DeferredAttribute
from django.forms.utils import pretty_name
from django.utils.functional import Promise, keep_lazy_text
from django.utils.safestring import SafeData
from django.utils.text import capfirst

from django_reports.admin.html import text_of_html
from django_reports.definitions.columns import (
    BoundColumn,
    Column,
    ColumnError,
    Label,
    bind,
    is_secret_looking,
)
from django_reports.definitions.empty_values import with_empty
from django_reports.definitions.kinds import Auto, Boolean, Kind, Text

CHECKBOX = "action_checkbox"
DEFAULT_EMPTY = "-"  # of every admin site; an empty cell says the same
MISSING = object()
# What stays a value where a list computes it.
TYPED = (bool, int, float, Decimal, dt.date, dt.time, dt.timedelta)

Read = Callable[[Any], Any]


class Shown(NamedTuple):
    """What a list shows: its columns, and the headings of those that no file holds."""

    columns: list[BoundColumn]
    left_out: list[Label]


@dataclass(frozen=True)
class Entry:
    """An entry of `list_display`, and what Django takes it for: a field, or an `attribute`."""

    name: str
    item: Any
    label: Label
    attribute: Any = None
    field: Any = None

    @property
    def is_path(self) -> bool:
        """Whether it leads through relations to a field."""
        return self.field is not None and LOOKUP_SEP in self.item

    @property
    def is_related(self) -> bool:
        """Whether it shows another object, by its text."""
        return self.field is not None and bool(self.field.is_relation)

    @property
    def is_exportable(self) -> bool:
        field = self.field
        is_many = field is not None and (field.many_to_many or field.one_to_many)
        return not (is_many or isinstance(field, BinaryField) or is_secret_looking(self.name))


def shown_by(
    model_admin: "ModelAdmin[Any]", list_display: Sequence[Any], *, is_spreadsheet: bool
) -> Shown:
    """The columns of a list. A file for spreadsheets has texts where one for programs has keys."""
    shown = Shown([], [])
    for name, item in zip(names_of(list_display), list_display, strict=True):
        if item == CHECKBOX:
            continue
        try:
            entry = _entry(model_admin, name, item)
        except AttributeError:  # nothing that Django finds either
            shown.left_out.append(name)
            continue
        if entry.is_exportable:
            shown.columns.append(_column(model_admin, entry, is_spreadsheet=is_spreadsheet))
        else:
            shown.left_out.append(entry.label)
    return shown


def names_of(list_display: Sequence[Any]) -> list[str]:
    """A name for each entry, all different; a callable is called as the admin calls it."""
    names: list[str] = []
    seen: Counter[str] = Counter()
    for at, item in enumerate(list_display):
        name = item if isinstance(item, str) else getattr(item, "__name__", type(item).__name__)
        if name == "<lambda>":
            name = f"lambda{at}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return names


def _entry(model_admin: "ModelAdmin[Any]", name: str, item: Any) -> Entry:
    """Raises AttributeError for what is neither a field nor an attribute."""
    model = model_admin.model
    label, attribute = label_for_field(item, model, model_admin, return_attr=True)
    if item == "__str__":
        label = model._meta.verbose_name
    field = None
    if attribute is None:
        field = model._meta.get_field(item)
    elif isinstance(attribute, Field | ForeignObjectRel):  # at the end of a path
        field, attribute = attribute, None
    return Entry(name, item, _heading(label or pretty_name(name)), attribute, field)


@keep_lazy_text
def _heading(label: str) -> str:
    text = text_of_html(label) if isinstance(label, SafeData) else label
    return str(capfirst(" ".join(text.split())))


def _column(model_admin: "ModelAdmin[Any]", entry: Entry, *, is_spreadsheet: bool) -> BoundColumn:
    empty = _empty_text(model_admin, entry) if is_spreadsheet else ""
    if is_spreadsheet and entry.is_related:
        return _computed(model_admin, entry, _text, Text(), empty)
    if column := _plain(model_admin, entry):
        return with_empty(column, empty) if is_spreadsheet else column
    if _option(entry.attribute, "boolean"):
        return _computed(model_admin, entry, _boolean, Boolean(), "")
    show: Read = _typed
    if is_spreadsheet and entry.field is not None and not entry.field.auto_created:
        show = _shown_of(entry.field)
    return _computed(model_admin, entry, show, Auto(), empty)


def _plain(model_admin: "ModelAdmin[Any]", entry: Entry) -> BoundColumn | None:
    """The column of a field, or of a key, as the database has it; None for anything else."""
    path = entry.item
    if entry.is_related and entry.field.auto_created:  # the other end of a one-to-one relation
        path = f"{entry.item}{LOOKUP_SEP}pk"
    elif entry.field is None:
        is_key = entry.attribute == entry.item  # a foreign key's own column, `customer_id`
        if callable(entry.item) or not (is_key or entry.item == "pk"):
            return None
    elif not _is_stored(entry.field):
        return None
    try:
        return bind(Column(entry.name, path=path, label=entry.label), model_admin.model)
    except ColumnError:
        return None


def _is_stored(field: Any) -> bool:
    """Whether its attribute gives what the database has, and not what some package makes of it."""
    attribute = type(getattr_static(field.model, field.attname, None))
    plain = (DeferredAttribute, ForeignKeyDeferredAttribute)
    return attribute in plain or issubclass(attribute, FileDescriptor)


def _empty_text(model_admin: "ModelAdmin[Any]", entry: Entry) -> Label:
    """What stands for no value, if anybody chose it."""
    text = getattr(entry.attribute, "empty_value_display", MISSING)
    if text is MISSING:
        text = model_admin.get_empty_value_display()
        if str(text) == DEFAULT_EMPTY:
            return ""
    return text if isinstance(text, Promise) else _text(text) or ""


def _computed(
    model_admin: "ModelAdmin[Any]", entry: Entry, show: Read, kind: Kind, empty: Label
) -> BoundColumn:
    read = _reader(model_admin, entry)

    def value(instance: Any) -> Any:
        try:
            found = read(instance)
        except ObjectDoesNotExist:
            found = None
        shown = None if found is None else show(found)
        return str(empty) or None if shown is None else shown

    return BoundColumn(
        name=entry.name,
        label=entry.label,
        kind=kind,
        sources=(),
        from_instance=value,
        follows=_follows(model_admin, entry),
        shown_path=None if entry.field is None else entry.item,
    )


def _reader(model_admin: "ModelAdmin[Any]", entry: Entry) -> Read:
    """From an instance to what the admin's `lookup_field` gives of it, looked up only once."""
    item = entry.item
    if callable(item):
        read: Read = item
    elif entry.is_path:
        read = _walk(item)
    elif entry.field is not None:
        read = attrgetter(item)
    elif item == "__str__":
        read = str
    elif hasattr(model_admin, item):
        read = getattr(model_admin, item)
    else:
        read = _called(item)
    return read


def _walk(path: str) -> Read:
    parts = path.split(LOOKUP_SEP)

    def read(instance: Any) -> Any:
        for part in parts:
            instance = getattr(instance, part, None)
        return instance

    return read


def _called(name: str) -> Read:
    def read(instance: Any) -> Any:
        value = getattr(instance, name, None)  # as in the list, what is not there is empty
        return value() if callable(value) else value

    return read


def _follows(model_admin: "ModelAdmin[Any]", entry: Entry) -> tuple[str, ...]:
    """The relations that it reads, so that they can be read with the rows."""
    if entry.is_related:
        return (entry.item,)
    if entry.is_path:
        return (entry.item.rpartition(LOOKUP_SEP)[0],)
    generic = {field.name for field in model_admin.model._meta.private_fields}
    return (entry.item,) if isinstance(entry.item, str) and entry.item in generic else ()


def _option(attribute: Any, name: str) -> Any:
    """An option that @admin.display set; of a property, on its function."""
    return getattr(attribute.fget if isinstance(attribute, property) else attribute, name, None)


def _text(value: Any) -> str | None:
    text = str(value)
    return (text_of_html(text) if isinstance(text, SafeData) else text.strip()) or None


def _boolean(value: Any) -> bool | None:
    return None if value == "" else bool(value)


def _typed(value: Any) -> Any:
    if isinstance(value, TYPED):
        return value
    if isinstance(value, list | tuple):
        value = ", ".join([str(item) for item in value])
    return _text(value)


def _shown_of(field: Any) -> Read:
    """For values of a field that are not simply what is stored."""

    def show(value: Any) -> Any:
        if isinstance(value, TYPED) and not field.flatchoices:
            return value
        return _text(display_for_field(value, field, ""))

    return show
