"""What a file says of itself: who asked for what, when, and what is not in it."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _

from django_reports.core.localization import Locale
from django_reports.definitions.base import Report, ReportContext
from django_reports.definitions.columns import BoundColumn, is_secret_looking
from django_reports.definitions.parameters import is_secret_field, secret_names
from django_reports.definitions.selections import describe_selection
from django_reports.definitions.specs import ExportSpec, stored_spec
from django_reports.engine.writers import Facts

HIDDEN = "•••"


def facts(
    report: Report,
    context: ReportContext,
    *,
    spec: ExportSpec,
    parameters: forms.Form | None,
    columns: Sequence[BoundColumn],
    hidden: Sequence[BoundColumn],
) -> Facts:
    """To be asked for when the rows are about to be read: that time is among them."""
    chosen_in = spec.locales.filter
    with replace(chosen_in, language=context.language).active():
        selection = describe_selection(spec.selection, report, context.user)
    found = [
        (_("Report"), str(report.get_label())),
        (_("Description"), str(report.description)),
        (_("Requested by"), str(context.user) if context.user else _("The system")),
        (_("Asked at"), _moment(context.now, context)),
        (_("Data as of"), _moment(timezone.now(), context)),
        (_("Time zone"), context.time_zone.key),
        (_("Language"), _language(context.language)),
        (_("Selection"), selection),
        (_("Filters applied in"), _described(chosen_in) if spec.locales.differ else ""),
        *describe_parameters(parameters),
        (_("Not for you"), _listed(hidden)),
        (_("Masked"), _listed([column for column in columns if column.masked])),
        (_("Renamed"), ", ".join(f"{c.full_label} → {c.renamed}" for c in columns if c.renamed)),
    ]
    return [(what, value) for what, value in found if value]


def describe_parameters(form: forms.Form | None) -> list[tuple[str, str]]:
    """The label and the value of each parameter that has one; a secret one is only mentioned."""
    if form is None:
        return []
    found = []
    for name, field in form.fields.items():
        value = form.cleaned_data.get(name)
        if value is None or value in ("", [], ()):
            continue
        shown = HIDDEN if is_secret_field(name, field) else _in_words(field, value)
        found.append((str(form[name].label), shown))
    return found


def without_secrets(spec: Any, report: Report | None) -> dict[str, Any]:
    """Return a spec's JSON as others may read it: secret parameters and filters are hidden.

    What cannot be understood is None.
    """
    shown = stored_spec(spec)
    if shown["parameters"] is not None:
        secrets = secret_names(report, shown["parameters"])
        shown["parameters"] = {
            name: [HIDDEN] if name in secrets else values
            for name, values in shown["parameters"].items()
        }
    if shown["selection"] is not None:
        shown["selection"] = _selection_without_secrets(shown["selection"])
    return shown


def _selection_without_secrets(selection: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = _without_secret_keys(selection)
    query = selection.get("query")
    return {**shown, "query": query_without_secrets(query)} if isinstance(query, str) else shown


def query_without_secrets(query: str) -> str:
    """Return an address's query string as others may read it."""
    filters = QueryDict(query, mutable=True)
    secrets = [name for name in filters if is_secret_looking(name)]
    for name in secrets:
        filters.setlist(name, [HIDDEN])
    return filters.urlencode() if secrets else query


def _without_secret_keys(value: Any) -> Any:
    """JSON without the values of secret keys, as what a list captures of a request may have."""
    if isinstance(value, dict):
        return {
            key: HIDDEN if is_secret_looking(key) else _without_secret_keys(part)
            for key, part in value.items()
        }
    return [_without_secret_keys(part) for part in value] if isinstance(value, list) else value


def has_secrets(spec: ExportSpec, report: Report | None) -> bool:
    """Whether a spec holds a secret parameter that is not empty."""
    return any(any(spec.parameters[name]) for name in secret_names(report, spec.parameters))


def parameters_to_show(spec: Any, report: Report) -> dict[str, list[str]]:
    """Return a spec's parameters as they may stand in a form again: without the secret ones."""
    shown: Mapping[str, list[str]] = without_secrets(spec, report)["parameters"] or {}
    return {name: values for name, values in shown.items() if values != [HIDDEN]}


def _in_words(field: forms.Field, value: Any) -> str:
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
        choices: Any = field.choices
        labels = dict(_flat(choices))
        values = value if isinstance(value, list) else [value]
        return ", ".join(str(labels.get(str(one), one)) for one in values)
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join([str(item) for item in value])
    return str(value)


def _flat(choices: Iterable[Any]) -> Iterable[tuple[str, Any]]:
    for value, label in choices:
        if isinstance(label, list | tuple):
            yield from _flat(label)
        else:
            yield str(value), label


def _moment(value: dt.datetime, context: ReportContext) -> str:
    if timezone.is_aware(value):
        value = value.astimezone(context.time_zone)
    return value.isoformat(" ", "seconds")


def _language(code: str) -> str:
    try:
        return str(get_language_info(code)["name_local"])
    except KeyError:
        return code


def _described(locale: Locale) -> str:
    return f"{locale.time_zone} · {_language(locale.language)}"


def _listed(columns: Sequence[BoundColumn]) -> str:
    return ", ".join(column.full_label for column in columns)
