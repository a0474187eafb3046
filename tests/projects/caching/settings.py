"""Everything is compressed, compared and cached as far as its headers allow."""

from tests.projects.base import *  # noqa: F403
from tests.projects.base import FOLDER, MIDDLEWARE

MIDDLEWARE = [
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    *MIDDLEWARE,
    "django.middleware.cache.FetchFromCacheMiddleware",
]
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": FOLDER / "cache",
    }
}
CACHE_MIDDLEWARE_SECONDS = 3600
ROOT_URLCONF = "tests.projects.caching.urls"
