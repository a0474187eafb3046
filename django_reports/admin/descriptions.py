"""What narrows the rows of a changelist, for people to read."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from django.contrib.admin import ListFilter, ModelAdmin, SimpleListFilter
from django.contrib.admin.views.main import ERROR_FLAG, IGNORED_PARAMS, PAGE_VAR, ChangeList
from django.core.exceptions import FieldDoesNotExist
from django.db.models import BooleanField, DateField, TimeField
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_reports.definitions.columns import is_secret_looking
from django_reports.exports.file_metadata import HIDDEN

Values = Mapping[str, list[str]]  # what stands in an address, by name
NOT_FILTERS = {*IGNORED_PARAMS, PAGE_VAR, ERROR_FLAG}
NOTHING_CHOSEN = (gettext_lazy("All"), gettext_lazy("Any date"))  # as Django's filters call it
TIMES = {
    "gte": gettext_lazy("from %(value)s"),
    "gt": gettext_lazy("after %(value)s"),
    "lt": gettext_lazy("before %(value)s"),
    "lte": gettext_lazy("until %(value)s"),
}
AMOUNTS = {
    "gte": gettext_lazy("at least %(value)s"),
    "gt": gettext_lazy("more than %(value)s"),
    "lt": gettext_lazy("less than %(value)s"),
    "lte": gettext_lazy("at most %(value)s"),
}
TEXTS = {
    "contains": gettext_lazy("contains %(value)s"),
    "startswith": gettext_lazy("begins with %(value)s"),
    "endswith": gettext_lazy("ends with %(value)s"),
}
PLAIN = ("exact", "in")
FALSE = ("", "0", "false")  # as Django's admin reads it


def may_narrow_by_itself(model_admin: "ModelAdmin[Any]", request: HttpRequest) -> bool:
    """Whether a list has filters that may choose something where an address says nothing."""
    filters = model_admin.get_list_filter(request)
    return any(isinstance(one, type) and issubclass(one, ListFilter) for one in filters)


def describe_filters(changelist: Any, request: HttpRequest) -> list[str]:
    """Everything that narrows a changelist: its filters, its date hierarchy, other lookups of its
    address and its search, each with its title.

    A filter is described by its choices where they say all of it, else by lookups and values.
    """
    values: Values = {n: v for n, v in request.GET.lists() if n not in NOT_FILTERS}
    changelist.add_facets = False  # their counts cost a query each
    facts: list[str] = []
    by_filters: set[str] = set()
    for spec in changelist.filter_specs:
        names = [name for name in spec.expected_parameters() if name]
        by_filters.update(names)
        facts += _describe_filter(spec, {n: values[n] for n in names if n in values}, changelist)
    rest = {name: found for name, found in values.items() if name not in by_filters}
    facts += _describe_hierarchy(changelist, rest)
    facts += _describe_lookups(changelist.model, _applied(changelist, rest))
    if changelist.query.strip() and _is_searchable(changelist.model_admin, request):
        facts.append(_("Search: %(text)s") % {"text": changelist.query})
    return facts


def applied_lookups(changelist: Any, request: HttpRequest) -> list[str]:
    """The names in an address by which the list filters, but those that its filters take."""
    by_filters = {name for spec in changelist.filter_specs for name in spec.expected_parameters()}
    ignored = NOT_FILTERS | by_filters
    return list(_applied(changelist, {n: v for n, v in request.GET.lists() if n not in ignored}))


def _describe_filter(spec: Any, values: Values, changelist: Any) -> Iterator[str]:
    chosen = [choice for choice in spec.choices(changelist) if choice.get("selected")]
    words = ", ".join(str(choice.get("display", "")) for choice in chosen)
    title = capfirst(str(spec.title))
    if any(map(is_secret_looking, values)):
        yield f"{title}: {HIDDEN}"
    elif not values:
        if words and words not in map(str, NOTHING_CHOSEN):  # a choice of its own accord
            yield f"{title}: {words}"
    elif words and _say_all(chosen, values):
        yield f"{title}: {words}"
    elif isinstance(spec, SimpleListFilter):  # its values mean what the filter makes of them
        several = any(len(set(found)) > 1 for found in values.values())
        in_address = urlencode(values, doseq=True)
        yield f"{title}: {in_address if several else spec.value() or _('empty')}"
    else:
        yield from _describe_lookups(changelist.model, values)


def _say_all(chosen: Sequence[Any], values: Values) -> bool:
    """Whether the links of the chosen choices have the values of the address, all and no others."""
    if len(chosen) > 1 and len(values) > 1:  # of several names all hold, of several values any
        return False
    used = {name: set(found) for name, found in values.items()}
    linked: dict[str, set[str]] = {name: set() for name in used}
    for choice in chosen:
        query = QueryDict(str(choice.get("query_string", "")).removeprefix("?"))
        for name in used:
            linked[name].update(query.getlist(name)[-1:])
    return linked == used


def _describe_hierarchy(changelist: Any, rest: dict[str, list[str]]) -> Iterator[str]:
    """A year, month or day of the date hierarchy, taken out of the rest of the address."""
    name = changelist.date_hierarchy
    if not name or f"{name}__year" not in rest:
        return
    year, month, day = (rest.pop(f"{name}__{part}", None) for part in ("year", "month", "day"))
    first = dt.date(*(int(part[-1]) if part else 1 for part in (year, month, day)))
    form = "DATE_FORMAT" if day else "YEAR_MONTH_FORMAT" if month else "Y"
    title, _field, _lookup = _parts_of(changelist.model, name)
    yield f"{capfirst(title)}: {date_format(first, form)}"


def _applied(changelist: Any, rest: Values) -> Values:
    """The lookups of an address by which Django's list filters.

    A name that a filter without choices takes filters nothing. What a list of a project's own does
    with its address is not known.
    """
    kind = type(changelist)
    if kind.get_queryset is not ChangeList.get_queryset:
        return rest
    return {name: found for name, found in rest.items() if name in changelist.remaining_lookups}


def _is_searchable(model_admin: "ModelAdmin[Any]", request: HttpRequest) -> bool:
    is_own = type(model_admin).get_search_results is not ModelAdmin.get_search_results
    return is_own or bool(model_admin.get_search_fields(request))


def _describe_lookups(model: Any, values: Values) -> list[str]:
    """`born__gte=2021-01-01` as “Born: from 2021-01-01”, the lookups of one field together."""
    facts: dict[str, list[str]] = {}
    for path, found in values.items():
        title, field, lookup = _parts_of(model, path)
        if is_secret_looking(path):
            words = HIDDEN
        elif lookup == "isnull":
            is_empty = found[-1].lower() not in FALSE
            words = _("empty") if is_empty else _("not empty")
        else:
            texts = ",".join(found).split(",") if lookup == "in" else found
            words = ", ".join(_describe_value(field, text) for text in texts)
            phrase = _phrase(field, lookup)
            if phrase is not None:
                words = phrase % {"value": words}
            elif lookup not in PLAIN:
                title = f"{title} {lookup}".strip()
        facts.setdefault(capfirst(title), []).append(words)
    return [f"{title}: {' · '.join(words)}" for title, words in facts.items()]


def _phrase(field: Any, lookup: str) -> str | None:
    ordered = TIMES if isinstance(field, DateField | TimeField) else AMOUNTS
    name = lookup.removeprefix("range ")  # as django-admin-rangefilter calls its own
    phrase = ordered.get(name) or TEXTS.get(name.removeprefix("i"))
    return None if phrase is None else str(phrase)


def _parts_of(model: Any, path: str) -> tuple[str, Any, str]:
    """Of a lookup's path the names that the fields give themselves, the last field if one is named,
    and what follows it: `date__month` is “date” and “month”."""
    names: list[str] = []
    field, options = None, model._meta
    parts = path.split(LOOKUP_SEP)
    while parts and options is not None:
        try:
            field = options.pk if parts[0] == "pk" else options.get_field(parts[0])
        except FieldDoesNotExist:  # a transform, a lookup, or nothing that is known
            break
        names.append(str(getattr(field, "verbose_name", parts[0])))
        options = getattr(field.related_model, "_meta", None)
        parts.pop(0)
    return " ".join(names), field, " ".join(parts) or "exact"


def _describe_value(field: Any, text: str) -> str:
    """A value of an address: a choice by its label, yes or no, a moment as local time."""
    labels = {str(value): str(label) for value, label in getattr(field, "flatchoices", None) or ()}
    if text in labels:
        return labels[text]
    if isinstance(field, BooleanField):
        return _("No") if text.lower() in FALSE else _("Yes")
    with suppress(ValueError):
        moment = parse_datetime(text)
        if moment is not None and isinstance(field, DateField):
            local = timezone.localtime(moment) if timezone.is_aware(moment) else moment
            return local.strftime("%Y-%m-%d %H:%M:%S").removesuffix(":00").removesuffix(" 00:00")
    return text or _("empty")
