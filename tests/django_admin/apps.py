"""An app that puts the mixin into Django's ModelAdmin, before any other is derived from it."""

from django.apps import AppConfig
from django.conf import settings


class DjangoAdminTestsConfig(AppConfig):
    name = "tests.django_admin"
    label = "tests_django_admin"

    def ready(self):
        from tests.django_admin import mixed

        settings.MIGRATION_MODULES["django_reports"] = None  # as the models of Django's tests
        mixed.install()
