"""Parameters: what was typed into a report's own form, named, bound and cleaned."""

import datetime as dt
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import QueryDict
from django.utils.translation import gettext as _

from django_reports.core.database_errors import is_refused_value, savepoints
from django_reports.definitions.base import Report
from django_reports.definitions.columns import is_secret_looking
from django_reports.definitions.specs import ExportSpec
from django_reports.exceptions import InvalidParameters


class _NotBefore(MinValueValidator):
    def clean(self, x: Any) -> dt.date:
        return _day_of(x)


class _NotAfter(MaxValueValidator):
    def clean(self, x: Any) -> dt.date:
        return _day_of(x)


def _day_of(value: dt.date) -> dt.date:
    return value.date() if isinstance(value, dt.datetime) else value


# For days and moments of which a query is made: a day further, and in UTC, they must still be.
IN_CALENDAR = (_NotBefore(dt.date(1, 1, 2)), _NotAfter(dt.date(9999, 12, 30)))


FEW = 3  # letters of a value that stand in many a word by chance


def parameter_names(fields: Mapping[str, forms.Field]) -> list[str]:
    """Under which names the values of a form's fields are sent: some widgets have several."""
    return list(_widgets_of(fields))


def _widgets_of(fields: Mapping[str, forms.Field]) -> dict[str, forms.Widget]:
    return {
        sent: widget
        for name, field in fields.items()
        for sent, widget in _parts_of(name, field.widget)
    }


def _parts_of(name: str, widget: forms.Widget) -> Iterator[tuple[str, forms.Widget]]:
    """A widget, or those that it is made of, by the names under which they send."""
    if isinstance(widget, forms.MultiWidget):
        suffixes: list[str] = getattr(widget, "widgets_names")  # noqa: B009 - not in its stubs
        for suffix, part in zip(suffixes, widget.widgets, strict=True):
            yield from _parts_of(name + suffix, part)
    elif isinstance(widget, forms.SelectDateWidget):
        for part_name in (widget.year_field, widget.month_field, widget.day_field):
            yield part_name % name, widget
    else:
        yield name, widget


def is_secret_field(name: str, field: forms.Field) -> bool:
    """Whether the value of a field is for nobody's eyes."""
    return any(_is_secret(*part) for part in _parts_of(name, field.widget))


def _is_secret(name: str, widget: forms.Widget) -> bool:
    return is_secret_looking(name) or getattr(widget, "input_type", "") == "password"


def secret_names(report: Report | None, parameters: Mapping[str, Sequence[str]]) -> set[str]:
    """Which of these parameters are for nobody's eyes, by the names under which they are sent.

    The form is asked as it is with these values, for it may choose its widgets while it is made.
    Whatever it does not know may be secret: so may all of a report, or a form, that is gone.
    """
    widgets: dict[str, forms.Widget] = {}
    if parameters and report is not None and report.parameters is not None:
        with suppress(Exception), savepoints():  # what it raises is told where it is used
            widgets = _widgets_of(report.parameters(_as_sent(parameters)).fields)
    return {name for name in parameters if name not in widgets or _is_secret(name, widgets[name])}


def secret_values(
    report: Report | None, parameters: Mapping[str, Sequence[str]]
) -> dict[str, Sequence[str]]:
    """The secret parameters that were given, by the names under which they are sent."""
    names = secret_names(report, parameters)
    return {name: parameters[name] for name in names if any(parameters[name])}


def tells_any(text: str, secrets: Mapping[str, Sequence[str]]) -> bool:
    """Whether one of these values stands in a text, however it is spelled there; one of a few
    letters as a word of its own."""
    values = [value.strip() for given in secrets.values() for value in given if value.strip()]
    plain, words = _letters(text), {_letters(word) for word in text.split()}
    for value in values:
        letters = _letters(value)
        if letters in words if 0 < len(letters) <= FEW else value in text:
            return True
        if len(letters) > FEW and letters in plain:
            return True
    return False


def _letters(text: str) -> str:
    """What two spellings have in common: 4711 and 4,711, or a text and how it is quoted."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def redacted_errors(
    report: Report | None,
    parameters: Mapping[str, Sequence[str]],
    errors: Mapping[str, Sequence[Any]],
    fields: Mapping[str, forms.Field] | None = None,
) -> dict[str, list[str]]:
    """A form's errors as everybody may read them: without the value of a secret parameter.

    Django's words about a secret field often have it, and what a form's clean() says may. Only
    whoever typed it is shown those, at the form itself.
    """
    secrets = secret_values(report, parameters)
    about = {
        name
        for name, field in (fields or {}).items()
        if any(sent in secrets for sent in parameter_names({name: field}))
    }
    told = {}
    for name, messages in errors.items():
        texts = [str(message) for message in messages]
        is_kept = not secrets or not (
            name in (NON_FIELD_ERRORS, *about, *secrets)
            or any(tells_any(text, secrets) for text in texts)
        )
        told[name] = texts if is_kept else [unsaid()]
    return told


def unsaid() -> str:
    """What stands for words that may hold a secret."""
    return _("It cannot be used. Since a secret value was given, no more is told here.")


def _as_sent(parameters: Mapping[str, Sequence[str]]) -> QueryDict:
    data = QueryDict(mutable=True)
    for name, values in parameters.items():
        data.setlist(name, list(values))
    return data


def is_valid(form: forms.Form) -> bool:
    """Whether a report's form is. What its queries cannot ask a database for is not."""
    try:
        with savepoints():
            return form.is_valid()
    except Exception as error:
        if not is_refused_value(error):
            raise
        # It stopped at this field; if at none, in the form's own clean().
        passed = {*form.cleaned_data, *form.errors}
        name = next((name for name in form.fields if name not in passed), None)
        form.add_error(name, _("The database cannot be asked for this value."))
        return False


def bound_parameters(report: Report, spec: ExportSpec) -> forms.Form | None:
    """The report's form, valid, if it has one.

    Raises InvalidParameters, also for a name that it lacks.
    """
    form_class = report.parameters
    legal = parameter_names(form_class.base_fields) if form_class else []
    for name in spec.parameters:
        if name not in legal:
            raise InvalidParameters(
                {name: [f"unknown; the legal ones are: {', '.join(legal) or '-'}."]}
            )
    if form_class is None:
        return None
    with spec.locales.filter.active():  # dates are read as they were typed
        form = form_class(_as_sent(spec.parameters))
        is_good = is_valid(form)
    if not is_good:
        raise InvalidParameters(redacted_errors(report, spec.parameters, form.errors, form.fields))
    return form
