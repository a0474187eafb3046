"""Kinds made of other kinds: each value by its type, lists, ranges, labels."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.functional import Promise

from django_reports.definitions.kinds.base import (
    Cell,
    Escape,
    Kind,
    Rendering,
    ToArrow,
    ToCell,
    ToJson,
    ToText,
    arrow,
    kind_for_type,
    unescaped,
)
from django_reports.definitions.kinds.values import Text


@dataclass(frozen=True)
class Auto(Kind):
    """For values whose kind nobody declared: each by its own Python type, none by `str()`."""

    name = "auto"
    width = 20  # any of them may be a moment

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        texts: dict[type, ToText] = {}

        def text(value: Any) -> str:
            python_type = type(value)
            if python_type not in texts:
                texts[python_type] = kind_for_type(python_type).to_text(rendering, escape)
            return texts[python_type](value)

        return text

    def to_cell(self, rendering: Rendering) -> ToCell:
        cells: dict[type, ToCell] = {}

        def cell(value: Any) -> Cell:
            python_type = type(value)
            if python_type not in cells:
                cells[python_type] = kind_for_type(python_type).to_cell(rendering)
            return cells[python_type](value)

        return cell

    def to_json(self, rendering: Rendering) -> ToJson:
        return lambda value: kind_for_type(type(value)).to_json(rendering)(value)


@dataclass(frozen=True)
class Json(Kind):
    """Whatever JSON holds. Values in it are written by their Python types, as programs get them."""

    name = "json"

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        plain = self.to_json(rendering)
        return lambda value: escape(_json_text(plain(value)))

    def to_cell(self, rendering: Rendering) -> ToCell:
        return self.to_text(rendering, unescaped)

    def to_json(self, rendering: Rendering) -> ToJson:
        inner = rendering.for_programs()
        return lambda value: _plain(value, inner)


def _json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _plain(value: Any, rendering: Rendering) -> Any:
    """What json.dumps takes, each value by its type."""
    if value is None or type(value) in (str, int, bool):
        return value
    if isinstance(value, Mapping):
        return {_key(key, rendering): _plain(item, rendering) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, rendering) for item in value]
    return kind_for_type(type(value)).to_json(rendering)(value)


def _key(value: Any, rendering: Rendering) -> str:
    if value is None:
        return "null"
    return kind_for_type(type(value)).to_text(rendering, unescaped)(value)


@dataclass(frozen=True)
class List(Kind):
    """Several values of one kind: a JSON array, of labels where spreadsheets show labels."""

    name = "list"
    base: Kind = Auto()

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        items = self.to_json(rendering)
        return lambda value: escape(_json_text(items(value)))

    def to_cell(self, rendering: Rendering) -> ToCell:
        return self.to_text(rendering, unescaped)

    def to_json(self, rendering: Rendering) -> ToJson:
        return _each(self.base.to_json(rendering))

    def arrow_type(self) -> Any:
        return arrow().list_(self.base.arrow_type())

    def to_arrow(self, rendering: Rendering) -> ToArrow:
        return _each(self.base.to_arrow(rendering))


def _each(convert: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    return lambda values: [None if value is None else convert(value) for value in values]


@dataclass(frozen=True)
class Range(Kind):
    """A range of PostgreSQL, in its own notation: `[1,5)`. Its bounds are of the kind `base`."""

    name = "range"
    base: Kind = Auto()

    @property
    def has_zone(self) -> bool:
        return self.base.has_zone

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        bound = self.base.to_text(replace(rendering, decimal_mark="."), unescaped)

        def text(value: Any) -> str:
            lower, upper, bounds = _range_parts(value, bound)
            is_empty = bounds == "empty"
            return escape(
                bounds if is_empty else f"{bounds[0]}{lower or ''},{upper or ''}{bounds[1]}"
            )

        return text

    def to_cell(self, rendering: Rendering) -> ToCell:
        return self.to_text(rendering, unescaped)

    def to_json(self, rendering: Rendering) -> ToJson:
        return _as_dict(self.base.to_json(rendering))

    def arrow_type(self) -> Any:
        bound = self.base.arrow_type()
        return arrow().struct([("lower", bound), ("upper", bound), ("bounds", arrow().string())])

    def to_arrow(self, rendering: Rendering) -> ToArrow:
        return _as_dict(self.base.to_arrow(rendering))


def _range_parts(value: Any, convert: Callable[[Any], Any]) -> tuple[Any, Any, str]:
    """Lower and upper bound (None: open) and which of them belong to it; "empty" has none."""
    if value.isempty:
        return None, None, "empty"
    lower, upper = (
        None if bound is None else convert(bound) for bound in (value.lower, value.upper)
    )
    return lower, upper, f"{'[' if value.lower_inc else '('}{']' if value.upper_inc else ')'}"


def _as_dict(convert: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    return lambda value: dict(
        zip(("lower", "upper", "bounds"), _range_parts(value, convert), strict=True)
    )


@dataclass(frozen=True)
class Choice(Kind):
    """A value with a label: programs get the value, spreadsheets the label."""

    name = "choice"
    base: Kind = field(default_factory=Text)
    labels: tuple[tuple[Any, "str | Promise"], ...] = ()

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        plain = self.base.to_text(rendering, escape)
        if not rendering.is_spreadsheet:
            return plain
        labels = {value: escape(str(label)) for value, label in self.labels}

        def text(value: Any) -> str:
            label = _label_of(value, labels)
            return plain(value) if label is None else label

        return text

    def to_cell(self, rendering: Rendering) -> ToCell:
        plain = self.base.to_cell(rendering)
        if not rendering.is_spreadsheet:
            return plain
        labels = {value: str(label) for value, label in self.labels}

        def cell(value: Any) -> Cell:
            label = _label_of(value, labels)
            return plain(value) if label is None else label

        return cell

    @property
    def has_zone(self) -> bool:
        return self.base.has_zone

    def cell_width(self) -> int | None:
        return self.base.cell_width()

    def to_json(self, rendering: Rendering) -> ToJson:
        plain = self.base.to_json(rendering)
        return self.to_text(rendering, unescaped) if rendering.is_spreadsheet else plain

    def arrow_type(self) -> Any:
        return self.base.arrow_type()

    def to_arrow(self, rendering: Rendering) -> ToArrow:
        return self.base.to_arrow(rendering)


def _label_of(value: Any, labels: Mapping[Any, str]) -> str | None:
    try:
        return labels.get(value)
    except TypeError:  # a list or a dict is no choice
        return None


class Empty(str):
    """A text in place of no value, as an admin's list shows one."""

    __slots__ = ()


@dataclass(frozen=True)
class WithEmpty(Kind):
    """Values of the kind `base`, and an `Empty` in place of none. Typed columns have null there."""

    name = "with_empty"
    base: Kind = Auto()

    @property
    def has_zone(self) -> bool:
        return self.base.has_zone

    def to_text(self, rendering: Rendering, escape: Escape) -> ToText:
        return _unless_empty(self.base.to_text(rendering, escape), escape)

    def to_cell(self, rendering: Rendering) -> ToCell:
        return _unless_empty(self.base.to_cell(rendering), str)

    def to_json(self, rendering: Rendering) -> ToJson:
        return _unless_empty(self.base.to_json(rendering), str)

    def arrow_type(self) -> Any:
        return self.base.arrow_type()

    def to_arrow(self, rendering: Rendering) -> ToArrow:
        return _unless_empty(self.base.to_arrow(rendering), lambda empty: None)

    def cell_format(self) -> str:
        return self.base.cell_format()


def _unless_empty(convert: ToArrow, show: ToArrow) -> ToArrow:
    return lambda value: show(value) if type(value) is Empty else convert(value)
