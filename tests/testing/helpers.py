"""What projects' own tests use: in a TestCase, with pytest, and asynchronously."""

from django.contrib.auth.models import User
from django.test import Client

from tests.conftest import give, permission

ORDERS = "/reports/shop.orders/"
CHOICE = {"_export": "1", "format": "csv", "profile": "machine", "columns": ["number", "total"]}


def person(name, *permissions, **grant_options):
    user = User.objects.create_user(name, is_staff=True)
    if grant_options:
        permission(user, **grant_options)
    return give(user, *permissions)


def asked(user, path=ORDERS, **fields):
    client = Client()
    client.force_login(user)
    return client.post(path, {**CHOICE, **fields})
