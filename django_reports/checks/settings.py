"""System checks of DJANGO_REPORTS itself, and of what its values name."""

from collections.abc import Iterator
from datetime import timedelta
from ipaddress import collapse_addresses, ip_network
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.utils.module_loading import import_string

from django_reports.core.conf import NAME, get_settings, settings_problems
from django_reports.jobs.runners import RUNNERS, MissingExtra, get_runner

TAG = "django_reports"
KEY_LENGTH = 32  # characters of a key at least
LONG = timedelta(days=30)  # for a link

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
    if conf.ACCEL_PREFIX == "/":
        yield Error(
            f"{NAME}['ACCEL_PREFIX'] is '/': nginx would hand out the site's own addresses.",
            hint="Name a location of its own that is internal, such as '/reports-files/'.",
            id="django_reports.E071",
        )
    if conf.EMAIL_NOTIFICATIONS and not conf.BASE_URL:
        yield Error(
            f"{NAME}['EMAIL_NOTIFICATIONS'] is on, and mails cannot say where the site is.",
            hint='Set BASE_URL, such as "https://shop.example.com".',
            id="django_reports.E018",
        )


@register(TAG, Tags.security, deploy=True)
def check_trust(**kwargs: Any) -> list[CheckMessage]:
    """What these settings trust, or leave open for long."""
    if settings_problems():
        return []
    return [*_check_keys(), *_check_proxies(), *_check_links()]


def _check_keys() -> Iterator[CheckMessage]:
    conf = get_settings()
    keys = [(f"['AUDIT_KEYS'][{at}]", key, at == 0) for at, key in enumerate(conf.AUDIT_KEYS)]
    for name, key, is_in_use in [*keys, ("['MASK_KEY']", conf.MASK_KEY, True)]:
        problem = ""
        if key == settings.SECRET_KEY:
            if not is_in_use:  # it verifies what was signed before there were keys
                continue
            problem = "is SECRET_KEY, which every process of the site has"
        elif key is not None and len(key) < KEY_LENGTH:
            problem = f"has fewer than {KEY_LENGTH} characters, so that it may be guessed"
        if problem:
            yield Warning(
                f"{NAME}{name} {problem}.",
                hint="Use a text of its own, such as that of secrets.token_urlsafe(32).",
                id="django_reports.W071",
            )


def _check_proxies() -> Iterator[CheckMessage]:
    trusted = get_settings().TRUSTED_PROXIES
    networks = [] if isinstance(trusted, int) else [ip_network(network) for network in trusted]
    for version in (4, 6):
        merged: Any = collapse_addresses(n for n in networks if n.version == version)
        if any(network.prefixlen == 0 for network in merged):
            yield Warning(
                f"{NAME}['TRUSTED_PROXIES'] trusts every address of IPv{version}: whoever asks can "
                "make up the one that the audit log keeps.",
                hint="Name the networks of your own proxies, or how many there are.",
                id="django_reports.W072",
            )


def _check_links() -> Iterator[CheckMessage]:
    lifetime = get_settings().SIGNED_URL_MAX_AGE
    if lifetime > LONG:
        yield Warning(
            f"{NAME}['SIGNED_URL_MAX_AGE'] is {lifetime.days} days: whoever gets hold of a link "
            "has the "
            "file for as long.",
            hint="Minutes do for a page, a day for a mail.",
            id="django_reports.W073",
        )


@register(TAG, deploy=True)
def check_workers(**kwargs: Any) -> list[CheckMessage]:
    """A thread of the site is no worker; whether there is one, nobody here can know."""
    if settings_problems():
        return []
    conf = get_settings()
    if conf.RUNNER == "immediate":
        return [
            Warning(
                f"{NAME}['RUNNER'] is 'immediate': large exports are made while their request "
                "waits, and nothing tries one again.",
                hint="It is for tests. Choose 'local' or 'rq', and run a worker.",
                id="django_reports.W070",
            )
        ]
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
