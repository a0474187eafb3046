"""The ModelAdmin of Django's tests, which compares each list that it shows with its replay."""

import atexit
import json
import os
import sys
from collections import Counter
from contextlib import ExitStack, contextmanager
from types import ModuleType

from django.contrib import admin
from django.contrib.admin import options, sites
from django.core.exceptions import FieldError
from django.db import connections
from django.urls import clear_url_caches, path, resolve

from django_reports.admin import mixin
from django_reports.admin.addresses import is_list
from django_reports.admin.changelists import Replay
from django_reports.admin.shown_lists import ARRIVED
from django_reports.admin.verify import verify_replay
from django_reports.exceptions import InvalidSpec, SelectionNotReplayable

COMPARED = Counter()


class ModelAdmin(mixin.ReportAdminMixin, options.ModelAdmin):
    def get_changelist_instance(self, request):
        changelist = super().get_changelist_instance(request)
        if request.method == "GET" and not hasattr(request, "is_replay"):
            with uncounted_queries():
                COMPARED[compare(self, request, changelist)] += 1
        return changelist


def compare(model_admin, request, changelist):
    """Say how a list was compared. A replay of other rows is an AssertionError of the test."""
    with at_an_address(model_admin, request):
        try:
            shown = keys_of(changelist.queryset)
        except FieldError:
            return "cannot be shown"
        try:
            report = next(r for r in model_admin._ask_offers(request) if r.model)
            selection = model_admin._selection(request, report, None)
            selection = verify_replay(request, None, selection, with_columns=True).selection
            replayed = Replay(selection, request.user).rows()
        except (AttributeError, StopIteration):  # nobody, or a user that is none
            return "nothing is offered"
        except (SelectionNotReplayable, InvalidSpec) as error:
            return f"refused: {error}"
        assert keys_of(replayed) == shown, f"{request.get_full_path()}: other rows"
    return "equal"


def keys_of(queryset):
    """The rows in their order. The list's own queryset stays as it is."""
    return [row.pk for row in queryset.all()]


@contextmanager
def at_an_address(model_admin, request):
    """Many of their tests call a ModelAdmin that is not registered, or a view at no address."""
    if is_list(model_admin, request):
        yield
        return
    before = (request.__dict__.copy(), model_admin.admin_site._registry.copy())
    urls = ModuleType("urls_of_a_list")
    urls.urlpatterns = [path("list/", (model_admin.urls, "admin", model_admin.admin_site.name))]
    sys.modules[urls.__name__] = urls
    model_admin.admin_site._registry[model_admin.model] = model_admin
    request.__dict__.pop(ARRIVED, None)
    request.urlconf, request.path_info = urls.__name__, "/list/"
    request.resolver_match = resolve(request.path_info, urls.__name__)
    clear_url_caches()
    try:
        yield
    finally:
        clear_url_caches()
        request.__dict__.clear()
        request.__dict__.update(before[0])
        model_admin.admin_site._registry = before[1]


@contextmanager
def uncounted_queries():
    """What the comparison asks is none of what a test counts."""
    with ExitStack() as stack:
        for connection in connections.all(initialized_only=True):
            stack.callback(setattr, connection, "force_debug_cursor", connection.force_debug_cursor)
            connection.force_debug_cursor = False
        yield


def install():
    ModelAdmin.__module__ = options.ModelAdmin.__module__
    admin.ModelAdmin = options.ModelAdmin = sites.ModelAdmin = ModelAdmin
    # Their sites have no page for exports: a message that their tests of checks do not expect.
    mixin._check_admin = lambda model_admin: []
    process = os.getpid()

    @atexit.register
    def tell():
        if os.getpid() == process and "DJANGO_ADMIN_COMPARED" in os.environ:
            with open(os.environ["DJANGO_ADMIN_COMPARED"], "w") as file:
                json.dump(COMPARED, file)
