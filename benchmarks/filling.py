"""Fills the tables with orders that are made of their number alone: the same ones everywhere."""

import datetime as dt
from decimal import Decimal

from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.db import connection, transaction

from benchmarks.models import Customer, FewOrder, ManyOrder, Order, Region, Status
from django_reports.models import GroupReportPermission

PROFILE, ZONE = "spreadsheet", "Europe/Berlin"  # of all files
BATCH = 2000
FEW = 10_000
PER_CUSTOMER = 20  # orders
START = dt.datetime(2019, 1, 1, tzinfo=dt.UTC)
REGIONS, STATUSES = Region.values, Status.values
# One in fifty is taken for a formula, one in twelve wants quotes, one in six has other letters.
NOTES = (
    *["deliver in the morning", "", "leave at the reception desk", "paid by bank transfer"] * 9,
    *["call first, then ring twice", "ask for the “blue” door", "Größe M, bitte prüfen"] * 3,
    *["two lines:\nsecond line", "Straße 5, 2. Stock", "=HYPERLINK(1)"],
)


def order(model, number):
    mixed = number * 2_654_435_761 % 2**32  # looks random, and is not
    placed = START + dt.timedelta(seconds=mixed % (6 * 365 * 86_400), microseconds=number % 7)
    return model(
        id=number,
        number=f"ORD-{mixed:010d}",
        customer_id=1 + mixed % max(1, (number // PER_CUSTOMER)),
        region=REGIONS[mixed % 4],
        status=STATUSES[mixed // 4 % 4],
        total=Decimal(mixed % 1_000_000) / 100,
        cost=None if mixed % 10 == 0 else Decimal(mixed % 700_000) / 100,
        is_gift=mixed % 8 == 0,
        placed_at=placed,
        due_on=None if mixed % 9 == 0 else placed.date() + dt.timedelta(days=14),
        note=NOTES[mixed // 16 % len(NOTES)],
    )


def customer(number):
    name = f"{('Anna', 'Boris', 'Chloé', 'Дарья')[number % 4]} {number}"
    return Customer(id=number, name=name, email=f"customer.{number}@example{number % 50}.com")


def fill(rows, many):
    """Migrate, and make the tables hold so many rows; what is there already stays."""
    call_command("migrate", run_syncdb=True, verbosity=0)
    _people()
    _fill(Customer, max(1, rows // PER_CUSTOMER, FEW // PER_CUSTOMER), customer)
    _fill(Order, rows, lambda number: order(Order, number))
    _fill(FewOrder, min(FEW, rows), lambda number: order(FewOrder, number))
    if many:
        _multiply(many)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


def _fill(model, wanted, make):
    there = model.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    for begin in range(there, wanted, BATCH):
        numbers = range(begin + 1, min(begin + BATCH, wanted) + 1)
        model.objects.bulk_create(map(make, numbers))
    model.objects.filter(pk__gt=wanted).delete()


def _multiply(wanted):
    """The orders again and again, by the database itself."""
    there = ManyOrder.objects.count()
    source = Order.objects.count()
    names = ", ".join(
        connection.ops.quote_name(field.column)
        for field in Order._meta.concrete_fields
        if not field.primary_key
    )
    while there < wanted:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {ManyOrder._meta.db_table} ({names})"  # noqa: S608
                f" SELECT {names} FROM {Order._meta.db_table} LIMIT %s",
                [wanted - there],
            )
        there += min(source, wanted - there)


def _people():
    """Somebody who may export everything and sees one column masked; and a superuser."""
    if User.objects.filter(username="staff").exists():
        return
    staff = User.objects.create_user("staff", is_staff=True)
    group = Group.objects.create(name="exporters")
    GroupReportPermission.objects.create(group=group, report="*")
    staff.groups.add(group)
    names = [f"view_{model._meta.model_name}" for model in (Customer, Order, FewOrder, ManyOrder)]
    staff.user_permissions.set(Permission.objects.filter(codename__in=names))
    User.objects.create_superuser("root")
