"""From where a request came: only the project's own proxies are believed."""

import pytest
from django.test import RequestFactory

from django_reports.models import AuditEntry
from django_reports.web.responses.client import address_of, request_id_of
from tests.entry_points.helpers import EXPORT, browse


def request_from(remote, forwarded="", **headers):
    if forwarded:
        headers["x-forwarded-for"] = forwarded
    return RequestFactory().get("/", headers=headers, REMOTE_ADDR=remote)


@pytest.mark.parametrize(
    ("trusted", "remote", "forwarded", "address"),
    [
        (0, "10.0.0.1", "1.2.3.4", "10.0.0.1"),
        (1, "10.0.0.1", "1.2.3.4", "1.2.3.4"),
        (1, "10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (2, "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        (2, "10.0.0.1", "1.2.3.4", "1.2.3.4"),
        (1, "10.0.0.1", "", "10.0.0.1"),
        (1, "", "1.2.3.4", "1.2.3.4"),
        (1, "10.0.0.1", "<script>", None),
        (0, "", "", None),
        (0, "fe80::1%eth0", "", "fe80::1"),
        (0, "::ffff:1.2.3.4", "", "1.2.3.4"),
        (["10.0.0.0/8"], "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        (["10.0.0.0/8"], "5.5.5.5", "1.2.3.4", "5.5.5.5"),
        (["10.0.0.0/8"], "10.0.0.1", "nonsense, 10.0.0.2", "10.0.0.2"),
        (["10.0.0.0/8"], "10.0.0.1", "", "10.0.0.1"),
        (["10.0.0.0/8"], "", "1.2.3.4", "1.2.3.4"),
        (["2001:db8::/32", "10.0.0.1"], "10.0.0.1", "1.2.3.4, 2001:db8::5", "1.2.3.4"),
    ],
)
def test_address(configure, trusted, remote, forwarded, address):
    configure(TRUSTED_PROXIES=trusted)
    assert address_of(request_from(remote, forwarded)) == address


def test_request_id(configure):
    request = request_from("10.0.0.1", **{"x-request-id": "r-1"})
    assert request_id_of(request) == ""
    configure(REQUEST_ID_HEADER="X-Request-ID")
    assert request_id_of(request) == "r-1"
    assert request_id_of(request_from("10.0.0.1")) == ""


@pytest.mark.django_db
def test_entries_tell_where_a_request_came_from(configure, carol, orders):
    configure(TRUSTED_PROXIES=1, REQUEST_ID_HEADER="X-Request-ID")
    headers = {"x-forwarded-for": "6.6.6.6, 1.2.3.4", "x-request-id": "r" * 300}
    browse(carol).get(EXPORT, headers=headers, REMOTE_ADDR="10.0.0.1")
    entry = AuditEntry.objects.get(action="denied")
    assert (entry.address, entry.request_id) == ("1.2.3.4", "r" * 200)
