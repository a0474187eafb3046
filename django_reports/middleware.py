"""Middleware: who is behind the changes of which this app only hears by a signal."""

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware

from django_reports import audit
from django_reports.views.requests import origin_of


@sync_and_async_middleware
def who_acts(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Have entries of changed grants and memberships name the person of the request.

    For anywhere behind AuthenticationMiddleware. Without it they name the system, except where the
    change was made at the admin's page of grants.
    """

    def middleware(request: HttpRequest) -> Any:
        with audit.acting(origin_of(request)):
            return get_response(request)

    async def async_middleware(request: HttpRequest) -> Any:
        with audit.acting(origin_of(request)):
            return await get_response(request)

    return async_middleware if iscoroutinefunction(get_response) else middleware
