"""What all tests share: people with and without rights, and a shop with orders."""

import datetime as dt
import threading
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connections
from django.utils import timezone, translation

from django_reports import register
from django_reports.definitions.registry import registry
from django_reports.jobs import dispatch
from django_reports.models import GroupReportPermission
from tests import figures
from tests.shop.models import Customer, Order, Region


def pytest_addoption(parser):
    parser.addoption(
        "--database-only",
        action="store_true",
        help="leave out the tests that ask no database: another one changes nothing for them",
    )


def pytest_collection_modifyitems(config, items):
    if config.getoption("--database-only"):
        others = [item for item in items if not asks_database(item)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if asks_database(item)]


def asks_database(item):
    fixtures = {"db", "transactional_db"}.intersection(item.fixturenames)
    return bool(fixtures) or item.get_closest_marker("django_db") is not None


def pytest_configure(config):
    figures.collect()


def pytest_terminal_summary(terminalreporter):
    for line in figures.tables():
        terminalreporter.write_line(line)


@pytest.fixture(autouse=True)
def usual_locale():
    """No test begins in the language or the time zone that another one left active."""
    translation.deactivate()
    timezone.deactivate()


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    """Every test keeps its files in a folder of its own."""
    settings.DJANGO_REPORTS = {**settings.DJANGO_REPORTS, "STORAGE_DIR": tmp_path / "reports"}
    return tmp_path / "reports"


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """On a busy machine the export page's count of a few rows may take long, too."""
    monkeypatch.setattr(dispatch, "PATIENCE", 600.0)


@pytest.fixture
def configure(settings):
    """Change keys of DJANGO_REPORTS for one test."""

    def change(**keys):
        settings.DJANGO_REPORTS = {**settings.DJANGO_REPORTS, **keys}

    return change


@pytest.fixture
def declare(monkeypatch):
    """Declare a report for one test."""
    monkeypatch.setattr(registry, "_reports", list(registry))
    return register


def give(user, *permissions):
    """Give Django permissions ("app.codename") to a person; makes those that do not exist."""
    from django.contrib.contenttypes.models import ContentType

    for name in permissions:
        app, codename = name.split(".")
        model = codename.split("_", 1)[1] if codename.startswith("view_") else ""
        found = Permission.objects.filter(content_type__app_label=app, codename=codename).first()
        if found is None:
            kind = ContentType.objects.filter(app_label=app, model=model).first()
            kind = kind or ContentType.objects.get_for_model(Order)
            found = Permission.objects.create(content_type=kind, codename=codename, name=codename)
        user.user_permissions.add(found)
    return User.objects.get(pk=user.pk)  # without the old permission cache


def permission(user, report="*", **options):
    """Put a person into a group of their own that has a report permission."""
    group, _ = Group.objects.get_or_create(name=f"{user.username}'s group")
    user.groups.add(group)
    return GroupReportPermission.objects.create(group=group, report=report, **options)


@pytest.fixture
def make_person(db):
    def make(name, *permissions, **grant_options):
        """A staff person with Django permissions; with report permission options, also with a
        report permission.
        """
        user = User.objects.create_user(name, f"{name}@example.com", "secret", is_staff=True)
        if grant_options:
            permission(user, **grant_options)
        return give(user, *permissions)

    return make


VIEW = ("shop.view_order", "shop.view_customer")


@pytest.fixture
def alice(make_person):
    """May export everything."""
    return make_person("alice", *VIEW, report="*")


@pytest.fixture
def bob(make_person):
    """May export ten rows at most."""
    return make_person("bob", *VIEW, report="*", max_rows=10)


@pytest.fixture
def carol(make_person):
    """May view, and has no report permission."""
    return make_person("carol", *VIEW)


@pytest.fixture
def dave(make_person):
    """Has a report permission, and may not view."""
    return make_person("dave", report="*")


@pytest.fixture
def root(db):
    return User.objects.create_superuser("root", "root@example.com", "secret")


def make_orders(count, **facts):
    """Orders 1…count of two customers, alternating between the regions."""
    customers = [
        Customer.objects.get_or_create(name=name, email=email)[0]
        for name, email in (("Ann", "ann@example.com"), ("Böb", "bob@example.org"))
    ]
    start = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
    return Order.objects.bulk_create(
        (
            Order(
                **{
                    "customer": customers[n % 2],
                    "number": f"A{n:05}",
                    "region": Region.NORTH if n % 2 else Region.SOUTH,
                    "total": Decimal(n) + Decimal("0.50"),
                    "cost": Decimal(n) / 2,
                    "is_paid": n % 3 == 0,
                    "placed_at": start + dt.timedelta(hours=n),
                    "due_on": dt.date(2026, 1, 1) + dt.timedelta(days=n % 300),
                    "note": f"note {n}",
                    **facts,
                }
            )
            for n in range(1, count + 1)
        ),
        batch_size=10_000,  # more at once than a server takes in one statement
    )


@pytest.fixture
def orders(db):
    """Twenty orders."""
    make_orders(20)
    return Order.objects.order_by("pk")


def elsewhere(work):
    """Do something over a connection of its own; gives what it returned."""
    found, errors = [], []

    def run():
        try:
            found.append(work())
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert errors == []
    return found[0]
