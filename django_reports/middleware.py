"""Middleware: who is behind changes that are heard of by signals only; news in the admin."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from django_reports.audit import log
from django_reports.web.page_context import page_context_of, show_notifications
from django_reports.web.responses.base import origin_of


class AuditContextMiddleware:
    """Have entries of changed permissions and memberships name the user of the request.

    For anywhere behind AuthenticationMiddleware. Without it they name the system, except where the
    change was made at the admin's page of report permissions.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if iscoroutinefunction(self):
            return self._acall(request)
        with log.acting(origin_of(request)):
            return self.get_response(request)

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        with log.acting(origin_of(request)):
            response: HttpResponseBase = await self.get_response(request)
            return response


class ExportNotificationMiddleware(MiddlewareMixin):
    """Have every page of an admin site tell of one's exports that have ended, as ours do.

    For anywhere behind MessageMiddleware. It costs a query for each page.
    """

    def process_template_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        match = request.resolver_match
        place = page_context_of(request) if match and "admin" in match.app_names else None
        if place is not None and place.has_access(request):
            show_notifications(request, place)
        return response
