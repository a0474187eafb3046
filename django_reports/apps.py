from importlib import import_module

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class DjangoReportsConfig(AppConfig):
    name = "django_reports"
    label = "django_reports"
    verbose_name = _("Reports and exports")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        import_module("django_reports.checks")
        import_module("django_reports.access.change_log").watch()
        import_module("django_reports.access.permission_changes").watch()
        import_module("django_reports.jobs.notifications").watch()
        import_module("django_reports.reports")
        autodiscover_modules("reports")
