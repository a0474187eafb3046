"""System checks of DJANGO_REPORTS itself, and of what its values name."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.utils.module_loading import import_string

from django_reports.core.conf import NAME, get_settings, settings_problems
from django_reports.jobs.runners import RUNNERS, MissingExtra, get_runner

TAG = "django_reports"

# What settings name by a dotted path.
NAMED = (
    (
        "POLICY",
        "Name a class with the methods of django_reports.Policy.",
        "django_reports.E003",
    ),
    (
        "TENANT",
        "Name a function that takes a user and returns their tenant, or None.",
        "django_reports.E021",
    ),
)


@register(TAG)
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    if found := settings_problems():
        return [Error(problem, id="django_reports.E001") for problem in found]
    return [*_check_runner(), *_check_named(), *_check_values()]


def _check_runner() -> list[CheckMessage]:
    try:
        return get_runner().check()
    except MissingExtra as error:
        name = get_settings().RUNNER
        return [
            Error(
                f"{NAME}['RUNNER'] is {name!r}, which cannot be used: {error}.",
                hint=f'Install it with: pip install "django-reports[{name}]".',
                id="django_reports.E062",
            )
        ]
    except ImportError as error:
        return [
            Error(
                f"{NAME}['RUNNER'] is {get_settings().RUNNER!r}, which cannot be imported: {error}",
                hint=f"Choose from {', '.join(RUNNERS)}, or name a subclass of "
                "django_reports.Runner by its dotted path.",
                id="django_reports.E002",
            )
        ]


def _check_named() -> Iterator[CheckMessage]:
    for key, hint, check_id in NAMED:
        name = getattr(get_settings(), key)
        try:
            if name is not None:
                import_string(name)
        except ImportError as error:
            message = f"{NAME}['{key}'] is {name!r}, which cannot be imported: {error}"
            yield Error(message, hint=hint, id=check_id)


def _check_values() -> Iterator[CheckMessage]:
    conf = get_settings()
    if conf.DATABASE is not None and conf.DATABASE not in settings.DATABASES:
        yield Error(
            f"{NAME}['DATABASE'] is {conf.DATABASE!r}, which DATABASES lacks.",
            hint=f"Choose from {', '.join(settings.DATABASES)}, or leave it out.",
            id="django_reports.E017",
        )
    if conf.TELL_BY_EMAIL and not conf.BASE_URL:
        yield Error(
            f"{NAME}['TELL_BY_EMAIL'] is on, and mails cannot say where the site is.",
            hint='Set BASE_URL, such as "https://shop.example.com".',
            id="django_reports.E018",
        )


@register(TAG, deploy=True)
def check_workers(**kwargs: Any) -> list[CheckMessage]:
    """A thread of the site is no worker; whether there is one, nobody here can know."""
    if settings_problems():
        return []
    conf = get_settings()
    if conf.RUNNER != "local" or not conf.LOCAL_THREAD:
        return []
    return [
        Warning(
            "Background exports may be made by a thread of the process that serves pages.",
            hint="Run reports_worker as a service of its own, and set "
            f"{NAME}['LOCAL_THREAD'] to False.",
            id="django_reports.W002",
        )
    ]
