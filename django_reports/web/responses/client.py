"""From where a request came, as far as the project's own proxies can be believed."""

import ipaddress
from collections.abc import Sequence

from django.http import HttpRequest

from django_reports.core.conf import get_settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def address_of(request: HttpRequest) -> str | None:
    """The client's address: behind TRUSTED_PROXIES, what the outermost of them saw.

    Who else names an address in X-Forwarded-For names it to the left of that one.
    """
    trusted = get_settings().TRUSTED_PROXIES
    seen = [request.META.get("REMOTE_ADDR", "")]
    if trusted:
        forwarded = request.headers.get("X-Forwarded-For", "").split(",")
        seen += [part.strip() for part in reversed(forwarded) if part.strip()]
    if isinstance(trusted, int):
        client = _parsed(seen[min(trusted, len(seen) - 1)])
    else:
        client = _first_outside(seen, trusted)
    return None if client is None else str(client)


def _first_outside(seen: Sequence[str], trusted: Sequence[str]) -> Address | None:
    """The first address, from the server outwards, that is in none of the trusted networks."""
    networks = [ipaddress.ip_network(network) for network in trusted]
    address: Address | None = None
    for at, text in enumerate(seen):
        found = _parsed(text)
        if found is None and (at or text):
            break  # nobody's address: the one before it is the last that can be believed
        address = found
        # A Unix socket has no address; whoever is at its other end is on this machine.
        if found is not None and not any(found in network for network in networks):
            break
    return address


def _parsed(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def request_id_of(request: HttpRequest) -> str:
    """What the proxy or a middleware calls this request, in the header REQUEST_ID_HEADER."""
    header = get_settings().REQUEST_ID_HEADER
    return request.headers.get(header, "") if header else ""
