"""ReportAdminMixin: exports from a changelist, by action and by button."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any

from django.contrib.admin import ModelAdmin, action, helpers
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.sites import all_sites
from django.contrib.admin.views.main import ORDER_VAR
from django.core.checks import CheckMessage, Error
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.inspect import get_func_args
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_reports.access.permissions import (
    Authority,
    authorize,
    context_of,
    may_export,
    permissions_read_once,
)
from django_reports.admin.addresses import (
    EXPORT_PATH,
    is_list,
    is_registered,
    path_of_list,
    url_of,
)
from django_reports.admin.changelists import (
    KIND,
    ReplayableList,
    ShownList,
    changelist_selection,
)
from django_reports.admin.checkboxes import with_quiet_checkboxes
from django_reports.admin.list_report import ListReport
from django_reports.admin.shown_lists import (
    ACTION,
    arrived,
    check_keys,
    note_arrival,
    without_results,
)
from django_reports.admin.verify import verify_order, verify_replay
from django_reports.definitions.base import Report
from django_reports.definitions.registry import registry
from django_reports.definitions.selections import Selection, describe_selection
from django_reports.definitions.specs import ExportSpec
from django_reports.exceptions import InvalidSpec, ReportDenied, ReportError
from django_reports.exports.failures import translate_errors
from django_reports.models import ReportJob
from django_reports.web.page_context import AdminPageContext, Trail
from django_reports.web.pages.export import KEPT, ExportPage, export
from django_reports.web.responses.base import denied, failed, log_in_again, origin_of

logger = logging.getLogger(__name__)

if TYPE_CHECKING:

    class _Base(ReplayableList, ModelAdmin[Any]): ...
else:
    _Base = ReplayableList

REPORT_FIELD = "_report"
ACROSS_FIELD = "_across"
CHANGE_LIST_TEMPLATE = "django_reports/change_list.html"


class ReportAdminMixin(_Base):
    """For a ModelAdmin whose list staff may export.

    `reports` are the reports that it offers; without any, it offers one that follows
    `list_display`, with the identifier `<site name>.<app>.<model>`. A report without a model may be
    among them: it is made whole, whatever the list shows.
    """

    reports: Sequence[type[Report]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        bases = cls.__mro__
        if ModelAdmin in bases and bases.index(ModelAdmin) < bases.index(ReportAdminMixin):
            raise TypeError(
                f"{cls.__qualname__}: put ReportAdminMixin before ModelAdmin among the bases; "
                "behind it, it would do nothing."
            )

    @cached_property
    def _reports(self) -> Sequence[Report]:
        """Not made with the ModelAdmin: Django's checks should be the first to judge it."""
        return [registry.instance(report) for report in self.reports] or [ListReport(self)]

    def get_report(self, identifier: str) -> Report | None:
        for report in self._reports:
            if identifier in registry.names_of(report):
                return report
        return None

    def has_own_changelist_view(self) -> bool:
        ours = (ModelAdmin, ReportAdminMixin)
        return any("changelist_view" in vars(c) for c in type(self).__mro__ if c not in ours)

    @action(description=gettext_lazy("Export selected %(verbose_name_plural)s"))
    def export_selected(self, request: HttpRequest, queryset: "QuerySet[Any]") -> HttpResponseBase:
        is_across = request.POST.get("select_across") == "1"
        keys = None if is_across else request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)
        # What a list shows may depend on the method, so all its pages are asked for anew.
        return self._export_page(request, keys, queryset if keys is not None else None)

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """The list as its query string filters it, or the keys that the page carries along."""
        keys = request.POST.getlist(helpers.ACTION_CHECKBOX_NAME) or None
        if request.method == "POST" and keys is None and ACROSS_FIELD not in request.POST:
            return HttpResponseRedirect(self._changelist_url(request))
        return self._export_page(request, keys, None)

    def get_urls(self) -> list[Any]:
        view = self._for_returning(self.admin_site.admin_view(self.export_view))
        view.model_admin = self
        urls = super().get_urls()
        for pattern in urls:
            if getattr(pattern, "name", None) == self._url_name("changelist"):
                pattern.callback = _noting_arrival(pattern.callback)
        return [path(EXPORT_PATH, view, name=self._url_name("export_report")), *urls]

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> dict[str, Any]:
        inherited: Any = super().get_actions
        actions: dict[str, Any]
        if action_location is None:
            actions = inherited(request)
        elif "action_location" in get_func_args(inherited):
            actions = inherited(request, action_location=action_location)
        else:  # a mixin from before Django 6.1, when only lists had actions
            actions = inherited(request) if action_location.name == "CHANGE_LIST" else {}
        if self.actions is None or IS_POPUP_VAR in request.GET:
            return actions
        is_for_list = action_location is None or action_location.name == "CHANGE_LIST"
        actions.pop(ACTION, None)
        # Ticked rows mean nothing to a report without a model.
        # A list that is built again is one that was offered.
        if is_for_list and (
            hasattr(request, "is_replay") or any(report.model for report in self._offers(request))
        ):
            actions[ACTION] = self.get_action(ACTION)
        return actions

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        # Where our action alone is the reason for its column, that costs no query.
        if "action_checkbox" in changelist.list_display and list(self.get_actions(request)) == [
            ACTION
        ]:
            changelist.model_admin = with_quiet_checkboxes(changelist.model_admin)
        return changelist

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        changelist_class = super().get_changelist(request, **kwargs)
        # Our action looks at no page of the list, so the list need not be counted for it.
        return without_results(changelist_class) if _asks_for_action(request) else changelist_class

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with permissions_read_once():
            return self._changelist_view(request, *args, **kwargs)

    def _changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        note_arrival(request)
        if _asks_for_action(request):
            try:
                check_keys(self.model, request.POST.getlist(helpers.ACTION_CHECKBOX_NAME))
            except InvalidSpec as error:
                return failed(request, error, request.get_full_path())
        response = super().changelist_view(request, *args, **kwargs)
        if isinstance(response, TemplateResponse) and IS_POPUP_VAR not in request.GET:
            with self._beside_the_list(request):
                self._add_button(request, response)
        return response

    def _add_button(self, request: HttpRequest, response: TemplateResponse) -> None:
        if not self._offers(request) or not is_list(self, request):
            return
        # Wraps whichever template is in force, so that others may set one as well.
        response.context_data = {
            **(response.context_data or {}),
            "report_base_template": response.resolve_template(response.template_name),
            "report_export_url": self._export_url(request),
        }
        response.template_name = CHANGE_LIST_TEMPLATE

    @contextmanager
    def _beside_the_list(self, request: HttpRequest) -> Iterator[None]:
        """Whatever goes wrong in offering exports, the list is shown, without them."""
        try:
            yield
        except Exception:
            logger.warning(
                "list=%s user=%s: no export is offered, since asking for it failed",
                self.opts.label_lower,
                getattr(getattr(request, "user", None), "pk", None),
                exc_info=True,
            )

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        return [*super().check(**kwargs), *_check_admin(self)]

    def _for_returning(self, view: Any) -> Any:
        """Have who was logged out meanwhile led to where their choices can be made again."""

        @wraps(view)
        def returning(request: HttpRequest) -> HttpResponseBase:
            if request.method != "POST" or self.admin_site.has_permission(request):
                with permissions_read_once():
                    response: HttpResponseBase = view(request)
                return response
            is_ticked = helpers.ACTION_CHECKBOX_NAME in request.POST
            back = self._changelist_url(request) if is_ticked else self._export_url(request) + KEPT
            return log_in_again(request, back, self._site_url("login"))

        return returning

    def _offers(self, request: HttpRequest) -> list[Report]:
        """The reports that this person may make from this list, asked once for each request."""
        memo = vars(request).setdefault("_reports_offered", {})
        user = getattr(request, "user", None)
        key = (self.admin_site, self.model)
        if key not in memo or memo[key][0] is not user:
            offers: list[Report] = []
            with self._beside_the_list(request):
                offers = self._ask_offers(request)
            memo[key] = (user, offers)
        found: list[Report] = memo[key][1]
        return found

    def _ask_offers(self, request: HttpRequest) -> list[Report]:
        if not is_registered(self) or not self._reports:
            return []
        # As the list itself asks: only in a worker there is no such request.
        shown = ShownList.of(is_viewable=self.has_view_or_change_permission(request))
        return [
            report
            for report in self._reports
            if may_export(request.user, report, shown if report.model else Selection())
        ]

    def _selection(self, request: HttpRequest, report: Report, keys: list[str] | None) -> Selection:
        if report.model is None:
            return Selection()
        state = self.capture_request(request)
        return changelist_selection(self, request, keys=keys, state=state)

    def _export_page(
        self, request: HttpRequest, keys: list[str] | None, live: "QuerySet[Any] | None"
    ) -> HttpResponseBase:
        offers = self._offers(request) or self._reports
        if keys is not None:
            offers = [report for report in offers if report.model is not None]
        if not offers:
            return HttpResponseRedirect(self._changelist_url(request))
        wanted = request.POST.get(REPORT_FIELD)
        report = next((r for r in offers if r.get_identifier() == wanted), offers[0])
        selection, authority = Selection(), Authority.of(request.user)
        asked = context_of(authority)
        place = AdminPageContext(self.admin_site)
        context = place.context(request, self._trail(request), opts=self.opts)
        meant = Selection(KIND) if report.model is not None else selection
        spec, origin = ExportSpec(report.get_identifier(), selection=meant), origin_of(request)
        try:
            with translate_errors(spec, origin):
                # Before anything is told of the list.
                shown = ShownList.of(is_viewable=self.has_view_or_change_permission(request))
                authorize(authority, report, shown if report.model else selection, origin)
                if report.model is not None:
                    replay = verify_replay(
                        request,
                        live,
                        self._selection(request, report, keys),
                        with_columns=isinstance(report, ListReport),
                    )
                    selection = replay.selection
                    asked = context_of(authority, selection)
                    asked.memo[KIND] = replay
                    verify_order(replay, report.get_columns(asked))
                subject = _subject(request, report, selection)
                left_out = report.get_left_out(asked)
        except ReportDenied as error:
            return denied(request, error, self._site_url("index"), context)
        except ReportError as error:
            return failed(request, error, self._changelist_url(request))
        is_anew = keys is None and report is offers[0]  # which a mere address asks for
        return export(
            request,
            ExportPage(
                report=report,
                selection=selection,
                subject=subject,
                action=self._export_url(request),
                back=self._changelist_url(request),
                job_url=place.job_url,
                hidden=_carried(report, keys),
                offers=[(r.get_identifier(), str(r.get_label())) for r in offers],
                report_field=REPORT_FIELD,
                left_out=left_out,
                address=self._export_url(request) if is_anew else "",
                context=context,
            ),
        )

    def _trail(self, request: HttpRequest) -> Trail:
        app = reverse("admin:app_list", args=[self.opts.app_label], current_app=self._site_name)
        return [
            (app, str(self.opts.app_config.verbose_name)),
            (self._changelist_url(request), str(capfirst(self.opts.verbose_name_plural))),
        ]

    @property
    def _site_name(self) -> str:
        return self.admin_site.name

    def _changelist_url(self, request: HttpRequest) -> str:
        return self._address(request, path_of_list(self, request))

    def _export_url(self, request: HttpRequest) -> str:
        return self._address(request, path_of_list(self, request) + EXPORT_PATH)

    def _address(self, request: HttpRequest, path: str) -> str:
        query = arrived(request)["GET"].urlencode()
        return url_of(path) + (f"?{query}" if query else "")

    def _site_url(self, page: str) -> str:
        return reverse(f"admin:{page}", current_app=self._site_name)

    def _url_name(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"


def _noting_arrival(view: Any) -> Any:
    @wraps(view)
    def noting(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        note_arrival(request)
        response: HttpResponseBase = view(request, *args, **kwargs)
        return response

    return noting


def _subject(request: HttpRequest, report: Report, selection: Selection) -> str:
    words = describe_selection(selection, report, request.user)
    is_ordered = report.model is not None and ORDER_VAR in request.GET
    return " · ".join([words, _("your order")]) if is_ordered else words


def _carried(report: Report, keys: list[str] | None) -> list[tuple[str, str]]:
    """The form fields that carry a selection through the page."""
    fields = [(REPORT_FIELD, report.get_identifier())]
    if keys is None:
        return [*fields, (ACROSS_FIELD, "1")]
    return [*fields, *((helpers.ACTION_CHECKBOX_NAME, key) for key in keys)]


def _asks_for_action(request: HttpRequest) -> bool:
    """Whether a changelist was posted with our action chosen, in the bar whose button was used."""
    if request.method != "POST" or "index" not in request.POST:
        return False
    chosen = request.POST.getlist("action")
    index = request.POST["index"]
    at = int(index) if index.isdecimal() else 0
    return at < len(chosen) and chosen[at] == ACTION


def reports_of_sites() -> Iterator[Report]:
    """The reports that registered ModelAdmins offer."""
    for site in sorted(all_sites, key=lambda site: str(site.name)):
        for model_admin in site._registry.values():
            if isinstance(model_admin, ReportAdminMixin):
                yield from model_admin._reports


registry.add_source(reports_of_sites)


def _check_admin(model_admin: "ReportAdminMixin") -> list[CheckMessage]:
    site = model_admin.admin_site
    if site.is_registered(ReportJob):
        return []
    return [
        Error(
            f"The admin site {site.name!r} offers exports but has no page for them.",
            hint="Register django_reports.models.ReportJob with "
            "django_reports.admin.ReportJobAdmin on it.",
            obj=type(model_admin),
            id="django_reports.E013",
        )
    ]
