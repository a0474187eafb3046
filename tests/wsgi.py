import os

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")


class AlwaysStatic(StaticFilesHandler):
    """Serves static files without DEBUG, which the demo's and the browser's pages need."""

    def get_response(self, request):
        from django.contrib.staticfiles.views import serve
        from django.http import Http404

        try:
            return serve(request, self.file_path(request.path), insecure=True)
        except Http404 as error:
            from django.core.handlers.exception import response_for_exception

            return response_for_exception(request, error)


application = AlwaysStatic(get_wsgi_application())
