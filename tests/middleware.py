import datetime as dt

from django.utils import timezone, translation


def content_security_policy(get_response):
    """As strict as a project can be: nothing inline, nothing from elsewhere."""

    def middleware(request):
        response = get_response(request)
        response["Content-Security-Policy"] = "default-src 'self'"
        return response

    return middleware


def locale_of_headers(get_response):
    """What a project's middleware does: each person's time zone and language."""

    def middleware(request):
        zone = request.headers.get("X-Zone", "Europe/Berlin")
        language = request.headers.get("X-Language", "en")
        with timezone.override(zone), translation.override(language):
            return get_response(request)

    return middleware


def offset_of_header(get_response):
    """Activates a time zone that has no name."""

    def middleware(request):
        offset = dt.timedelta(hours=float(request.headers.get("X-Hours", "1")))
        with timezone.override(dt.timezone(offset)):
            return get_response(request)

    return middleware
