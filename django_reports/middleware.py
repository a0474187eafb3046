"""Middleware: who is behind changes that are heard of by signals only; news in the admin."""

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin

from django_reports.audit import log
from django_reports.web.page_context import place_of, tell_news
from django_reports.web.responses.base import origin_of


@sync_and_async_middleware
def who_acts(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Have entries of changed grants and memberships name the person of the request.

    For anywhere behind AuthenticationMiddleware. Without it they name the system, except where the
    change was made at the admin's page of grants.
    """

    def middleware(request: HttpRequest) -> Any:
        with log.acting(origin_of(request)):
            return get_response(request)

    async def async_middleware(request: HttpRequest) -> Any:
        with log.acting(origin_of(request)):
            return await get_response(request)

    return async_middleware if iscoroutinefunction(get_response) else middleware


class TellOfExports(MiddlewareMixin):
    """Have every page of an admin site tell of one's exports that have ended, as ours do.

    For anywhere behind MessageMiddleware. It costs a query for each page.
    """

    def process_template_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        match = request.resolver_match
        place = place_of(request) if match and "admin" in match.app_names else None
        if place is not None and place.lets_in(request):
            tell_news(request, place)
        return response
