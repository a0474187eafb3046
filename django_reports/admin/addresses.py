"""Where an admin's list is: its path and URL conf, and the ModelAdmin that answers there."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.contrib.admin import ModelAdmin
from django.contrib.admin.exceptions import NotRegistered
from django.http import HttpRequest
from django.urls import (
    Resolver404,
    ResolverMatch,
    get_script_prefix,
    get_urlconf,
    resolve,
    reverse,
    set_urlconf,
)
from django.utils import translation
from django.utils.encoding import escape_uri_path

EXPORT_PATH = "export-report/"  # below the path of a list


def is_registered(model_admin: "ModelAdmin[Any]") -> bool:
    """Whether its site uses this ModelAdmin, or the one of which it is a copy."""
    try:
        registered = model_admin.admin_site.get_model_admin(model_admin.model)
    except NotRegistered:
        return False
    return is_same(registered, model_admin)


def is_same(one: Any, other: Any) -> bool:
    """Whether two ModelAdmins are one, or copies of one. A site may be a lazy object."""
    if type(one) is not type(other):
        return False
    return one.admin_site == other.admin_site and one.model is other.model


def owner_of(view: Any) -> Any:
    """The ModelAdmin whose view a URL pattern calls, if it is one's."""
    owner = getattr(view, "model_admin", None)
    return owner if owner is not None else getattr(inspect.unwrap(view), "__self__", None)


def is_list(model_admin: "ModelAdmin[Any]", request: HttpRequest) -> bool:
    """Whether a request is one of a ModelAdmin's list itself, at its own address."""
    return _name_of_match(model_admin, request) == _name(model_admin, "changelist")


def path_of_list(model_admin: "ModelAdmin[Any]", request: HttpRequest) -> str:
    """The path, behind the script name, of the list to which a request belongs.

    Two admin sites may have one name, so the path is that of the request wherever it can be.
    """
    name = _name_of_match(model_admin, request)
    if name == _name(model_admin, "changelist"):
        return request.path_info
    if name == _name(model_admin, "export_report"):
        return request.path_info.removesuffix(EXPORT_PATH)
    return registered_path(model_admin)


def registered_path(model_admin: "ModelAdmin[Any]") -> str:
    """The path of a ModelAdmin's list, found by the name of its site."""
    changelist = f"admin:{_name(model_admin, 'changelist')}"
    path = reverse(changelist, current_app=model_admin.admin_site.name)
    return "/" + unquote(path.removeprefix(get_script_prefix()))


def _name_of_match(model_admin: "ModelAdmin[Any]", request: HttpRequest) -> str | None:
    """The name of the page of a ModelAdmin that answers a request, if one does."""
    match = request.resolver_match
    is_own = match is not None and is_same(owner_of(match.func), model_admin)
    return match.url_name if match is not None and is_own else None


def _name(model_admin: "ModelAdmin[Any]", page: str) -> str:
    return f"{model_admin.opts.app_label}_{model_admin.opts.model_name}_{page}"


def full_path(path: str) -> str:
    """A path behind the script name, with that."""
    return get_script_prefix() + path.removeprefix("/")


def url_of(path: str) -> str:
    """The address of a path behind the script name."""
    return escape_uri_path(full_path(path))


def urlconf_of(request: HttpRequest) -> str | None:
    """The dotted path of the URL conf that a middleware set for a request; None without one.

    Raises ValueError for one that has no name.
    """
    urlconf = getattr(request, "urlconf", None)
    if isinstance(urlconf, ModuleType):
        return urlconf.__name__
    if urlconf is None or isinstance(urlconf, str):
        return urlconf
    raise ValueError(urlconf)


@contextmanager
def under_urlconf(urlconf: str | None) -> Iterator[None]:
    """Resolve and reverse as for a request with this URL conf."""
    before = get_urlconf()
    set_urlconf(urlconf)
    try:
        yield
    finally:
        set_urlconf(before)


def match_of_list(path: str, urlconf: str | None, model: str) -> ResolverMatch | None:
    """What answers at a list's path; None unless it is a registered ModelAdmin of this model.

    A path may belong to one language: that in which the list was shown is not the worker's.
    """
    for language in _languages(path):
        with translation.override(language):
            try:
                match = resolve(path, urlconf)
            except Resolver404:
                continue
            except ModuleNotFoundError as error:
                if error.name is None or not f"{urlconf}.".startswith(f"{error.name}."):
                    raise
                return None  # the URL conf itself is gone
        owner = owner_of(match.func)
        is_list = isinstance(owner, ModelAdmin) and owner.opts.label_lower == model
        if is_list and is_registered(owner):
            return match
    return None


def _languages(path: str) -> list[str | None]:
    prefix = translation.get_language_from_path(path)
    others = [code for code, _name in settings.LANGUAGES]
    known = [prefix, translation.get_language(), settings.LANGUAGE_CODE, *others]
    return list(dict.fromkeys(code for code in known if code is not None)) or [None]
