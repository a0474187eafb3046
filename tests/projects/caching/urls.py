from django.http import HttpResponse
from django.urls import path
from django.utils.timezone import now

from tests.projects import urls


def hello(request):
    """A page that the cache keeps."""
    return HttpResponse(f"{now()} {'hello ' * 100}")


urlpatterns = [*urls.urlpatterns, path("hello/", hello)]
