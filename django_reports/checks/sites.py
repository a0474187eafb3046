"""System checks of the admin sites that offer exports."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.contrib.admin.sites import all_sites
from django.core.checks import CheckMessage, Tags, Warning, register

from django_reports.definitions.base import ModelReport
from django_reports.definitions.registry import registry
from django_reports.models import ReportJob


@register(Tags.admin)
def check_site_names(**kwargs: Any) -> list[CheckMessage]:
    """Addresses and report permissions are found by a site's name."""
    registry.load()
    names = Counter(site.name for site in all_sites if site.is_registered(ReportJob))
    return [
        Warning(
            f"{count} admin sites with exports are called {name!r}.",
            hint="Give each AdminSite a name of its own. The reports that follow their lists have "
            "the same identifiers, so one report permission is for the lists of all of them, and "
            "links from one site lead to another.",
            id="django_reports.W058",
        )
        for name, count in sorted(names.items())
        if count > 1
    ]


@register(Tags.admin, deploy=True)
def check_rows_of_lists(**kwargs: Any) -> list[CheckMessage]:
    """What a list leaves out by its own queryset, its reports give at every other entry point."""
    return [
        Warning(
            f"{type(model_admin).__module__}.{type(model_admin).__qualname__}.get_queryset() holds "
            f"for its list alone: the report {report.__name__} gives all rows at the staff pages "
            "and by the command.",
            hint="If it limits who sees which rows, do so in the report's filter_queryset(), which "
            "holds everywhere; else silence this check, or let the export follow the list "
            "(without reports).",
            obj=type(model_admin),
            id="django_reports.W075",
        )
        for model_admin, report in _offered_at_lists()
        if _has_own(type(model_admin), "get_queryset")
        and not any(_has_own(report, name) for name in _LIMITS)
    ]


_LIMITS = ("filter_queryset", "get_queryset")  # of a report: what says which rows it has


def _offered_at_lists() -> Iterator[tuple[Any, type[ModelReport]]]:
    for site in all_sites:
        for model_admin in site._registry.values():
            for report in getattr(model_admin, "reports", ()):
                is_of_model = isinstance(report, type) and issubclass(report, ModelReport)
                if is_of_model and report.is_in_catalog:
                    yield model_admin, report


def _has_own(found: type, name: str) -> bool:
    """Whether a class has a method that is neither Django's nor this app's."""
    defining = next(base for base in found.__mro__ if name in vars(base))
    return defining.__module__.partition(".")[0] not in ("django", "django_reports")
