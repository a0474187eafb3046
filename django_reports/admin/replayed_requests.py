"""The request with which a list is built again: it holds what is known later, names the rest."""

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

from django.conf import settings
from django.contrib.messages.storage.base import BaseStorage
from django.http import HttpRequest, QueryDict
from django.http.request import HttpHeaders
from django.middleware.csrf import CSRF_SESSION_KEY
from django.utils.datastructures import MultiValueDict

from django_reports.admin.addresses import full_path

# What is lacking: an attribute of the request, and a key of it or None for the whole.
Lack = tuple[str, str | None]


def describe_lack(lack: Lack) -> str:
    attribute, key = lack
    return attribute if key is None else f"{attribute}[{key!r}]"


def has(request: HttpRequest, lack: Lack) -> bool:
    """Whether a request has what another lacks."""
    attribute, key = lack
    if not hasattr(request, attribute):
        return False
    return key is None or key in getattr(request, attribute)


class Silent(BaseStorage):
    """Takes messages that nobody will read."""

    def _get(self, *args: Any, **kwargs: Any) -> tuple[list[Any], bool]:
        return [], True

    def _store(self, *args: Any, **kwargs: Any) -> list[Any]:
        return []

    def add(self, *args: Any, **kwargs: Any) -> None:
        return None


class KnownMapping(dict[str, Any]):
    """A mapping of a request, of which few keys are known. Whoever asks for others, or for all,
    gets those that are there, and what they asked for is recorded."""

    def __init__(
        self,
        request: "ReplayedRequest",
        attribute: str,
        known: dict[str, Any] | None = None,
        *,
        unrecorded: Iterable[str] = (),
    ) -> None:
        super().__init__(known or {})
        self._request = request
        self._attribute = attribute
        self._unrecorded = set(unrecorded)

    def __contains__(self, key: object) -> bool:
        is_known = super().__contains__(key)
        if not is_known and key not in self._unrecorded:
            self._request.note(self._attribute, str(key))
        return is_known

    def __missing__(self, key: str) -> Any:
        if key not in self._unrecorded:
            self._request.note(self._attribute, str(key))
        raise KeyError(key)

    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key, default) if key in self else default

    def pop(self, key: str, *default: Any) -> Any:
        if key in self or not default:
            return super().pop(key, *default)
        return default[0]

    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def __iter__(self) -> Iterator[str]:
        self._request.note(self._attribute, None)
        return super().__iter__()

    def __len__(self) -> int:
        self._request.note(self._attribute, None)
        return super().__len__()

    def __bool__(self) -> bool:
        return len(self) > 0

    def keys(self) -> Any:
        self._request.note(self._attribute, None)
        return super().keys()

    def values(self) -> Any:
        self._request.note(self._attribute, None)
        return super().values()

    def items(self) -> Any:
        self._request.note(self._attribute, None)
        return super().items()

    def copy(self) -> dict[str, Any]:
        return dict(self.items())


class KnownHeaders:
    """`request.headers`, read from the known part of META."""

    def __init__(self, meta: KnownMapping) -> None:
        self._meta = meta

    def __getitem__(self, name: str) -> Any:
        return self._meta[HttpHeaders.to_wsgi_name(name)]

    def __contains__(self, name: str) -> bool:
        return HttpHeaders.to_wsgi_name(name) in self._meta

    def get(self, name: str, default: Any = None) -> Any:
        return self._meta.get(HttpHeaders.to_wsgi_name(name), default)

    def __iter__(self) -> Iterator[str]:
        names = (HttpHeaders.parse_header_name(name) for name in self._meta)
        return iter([name for name in names if name])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def keys(self) -> list[str]:
        return list(self)

    def items(self) -> list[tuple[str, Any]]:
        return [(name, self[name]) for name in self]

    def values(self) -> list[Any]:
        return [self[name] for name in self]


class KnownSession(KnownMapping):
    """A session of which nothing is known but what was put into it since."""

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            self._request.note("session", None)
        raise AttributeError(name)


class ReplayedRequest(HttpRequest):
    """A request of a list, as far as it can be known later.

    `lacking` is what else the list and its permission asked of it. `aside` is what was asked by
    whatever stands around the list in changelist_view(), while `is_aside`.
    """

    is_replay = True
    is_aside = False
    csrf_processing_done = True  # of this request nothing is posted
    lacking: set[Lack]
    user: Any
    current_app: str
    _messages: Any

    def __init__(self, path: str, query: str, post: QueryDict | None = None) -> None:
        self.lacking = set()
        self.aside: set[Lack] = set()
        super().__init__()
        self.method = "GET" if post is None else "POST"
        self.GET = QueryDict(query)
        self.POST = QueryDict() if post is None else post  # type: ignore[assignment]
        self.FILES = MultiValueDict()
        self.path_info, self.path = path, full_path(path)
        self.content_type, self.content_params = "", {}
        self._body, self._stream, self._read_started = b"", BytesIO(), False
        known = {
            "REQUEST_METHOD": self.method,
            "QUERY_STRING": query,
            "PATH_INFO": path,
            "SCRIPT_NAME": full_path("").rstrip("/"),
        }
        self.META = KnownMapping(self, "META", known)
        self.COOKIES = KnownMapping(self, "COOKIES", unrecorded=[settings.CSRF_COOKIE_NAME])
        self.session = KnownSession(self, "session", unrecorded=[CSRF_SESSION_KEY])  # type: ignore[assignment]
        self.headers = KnownHeaders(self.META)  # type: ignore[assignment]
        self._messages = Silent(self)

    def note(self, attribute: str, key: str | None) -> None:
        lacks = "aside" if self.is_aside else "lacking"
        self.__dict__.setdefault(lacks, set()).add((attribute, key))

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__"):
            self.note(name, None)
        raise AttributeError(
            f"This changelist reads request.{name}, which does not exist when an export is "
            "replayed; supply it with capture_request() and restore_request()."
        )

    def _get_scheme(self) -> str:
        self.note("scheme", None)
        return "http"

    def _get_raw_host(self) -> str:
        if not dict.keys(self.META) & {"HTTP_HOST", "HTTP_X_FORWARDED_HOST", "SERVER_NAME"}:
            self.note("get_host", None)
            raise KeyError("HTTP_HOST")  # an AttributeError would be one of a property
        host: str = super()._get_raw_host()  # type: ignore[misc]
        return host
