"""People with rights, for the seeds of the projects."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission

from django_reports.models import GroupReportPermission


def make_person(name, *permissions, group=None, **fields):
    """A staff person with Django permissions ("app.codename"), in the group of that name."""
    model = get_user_model()
    names = {model.USERNAME_FIELD: name, "password": "secret", "is_staff": True}
    person = model.objects.create_user(**names, **fields)
    for permission in permissions:
        app, codename = permission.split(".")
        person.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
    if group:
        person.groups.add(Group.objects.get_or_create(name=group)[0])
    return person


def make_root(name="root"):
    model = get_user_model()
    return model.objects.create_superuser(**{model.USERNAME_FIELD: name, "password": "secret"})


def make_grant(group, report="*", **options):
    group, _ = Group.objects.get_or_create(name=group)
    return GroupReportPermission.objects.create(group=group, report=report, **options)
