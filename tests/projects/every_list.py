"""Compares every list of a project, in every order, with its export: python -m ...every_list."""

import os

import django

PAIRS = ("1.2", "-2.1", "2.-1")


def main():
    django.setup()
    from django.contrib.auth import get_user_model
    from django.test import Client
    from django.utils import translation

    translation.activate("en")
    model = get_user_model()
    user = model.objects.create_superuser(**{model.USERNAME_FIELD: "every", "password": "secret"})
    client = Client(SCRIPT_NAME=os.environ.get("SCRIPT_NAME", ""))
    client.force_login(user)
    for name, count in compare_every_list(client, user):
        print(name, count)


def compare_every_list(client, user):
    """The name and the number of rows of each list that is exported as it is shown."""
    from django.contrib.admin.sites import all_sites
    from django.urls import reverse

    from django_reports.admin import ReportAdminMixin
    from django_reports.admin.changelists import load_sites

    load_sites()
    for site in all_sites:
        for model, model_admin in site._registry.items():
            if isinstance(model_admin, ReportAdminMixin):
                options = model._meta
                url = reverse(
                    f"admin:{options.app_label}_{options.model_name}_changelist",
                    current_app=site.name,
                )
                yield url, compare_list(client, user, model_admin, url)


def compare_list(client, user, model_admin, url):
    listed = shown(client, url, "")
    columns = range(1, len(listed.list_display) + 1)
    orders = ["", *map(str, columns), *(str(-n) for n in columns), *PAIRS]
    for order in orders:
        listed = shown(client, url, order)
        keys = [row.pk for row in listed.result_list]
        page = client.get(f"{url}export-report/", {"o": order} if order else {})
        assert page.status_code == 200, (url, order, page.content.decode())
        for report in model_admin._offers(page.wsgi_request):
            if report.model is not None:
                selection = model_admin._selection(page.wsgi_request, report, None)
                exported = exported_keys(report, selection, user)
                assert len(exported) == listed.result_count, (url, order, report)
                assert exported[: len(keys)] == keys, (url, order, report)
    return len(listed.result_list)


def shown(client, url, order):
    """The changelist as the page shows it, as many rows on it as it allows."""
    response = client.get(url, {"all": "", **({"o": order} if order else {})})
    assert response.status_code == 200, (url, response.status_code)
    return response.context_data["cl"]


def exported_keys(report, selection, user):
    """The keys of the rows in the order in which they are read for a file."""
    from django_reports.access.permissions import Authority
    from django_reports.audit.log import Origin
    from django_reports.definitions.specs import ExportSpec
    from django_reports.exports.prepare import prepare

    spec = ExportSpec(report.get_identifier(), selection=selection)
    export = prepare(spec, Authority.of(user), Origin(user=user))
    source = export.sections[0].source
    return [key_of(row, source.key) for row in source.as_read()]


def key_of(row, names):
    if isinstance(row, dict):
        values = [row[name] for name in names]
    elif isinstance(row, tuple):
        values = row[: len(names)]
    else:
        values = [getattr(row, name) for name in names]
    return values[0] if len(names) == 1 else tuple(values)


if __name__ == "__main__":
    main()
