"""System checks of the admin sites that offer exports."""

from collections import Counter
from typing import Any

from django.contrib.admin.sites import all_sites
from django.core.checks import CheckMessage, Tags, Warning, register

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
