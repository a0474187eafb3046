from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path

from tests.projects.backoffice.site import site

urlpatterns = i18n_patterns(
    path("office/", site.urls),
    path("exports/", include("django_reports.urls")),
)
