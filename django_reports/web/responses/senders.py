"""How a file that may be had gets to its reader, by the setting DOWNLOAD_METHOD.

Whoever calls has authorized the reader and checked the file's seal.
"""

from functools import partial
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _

from django_reports.core.conf import get_settings
from django_reports.core.storages import storage_alias, storage_of
from django_reports.exports.formats import stored_content_type
from django_reports.jobs import lifecycle
from django_reports.models import ReportJob
from django_reports.web.responses.base import as_private_download, origin_of, problem, wants_json
from django_reports.web.responses.ranges import NotSatisfiable, Part, wanted_part
from django_reports.web.responses.streaming import stream_file

REDIRECT_LIFE = 60  # seconds that a link to the storage works


def send(request: HttpRequest, job: ReportJob, file: Any) -> HttpResponseBase:
    """The answer with a job's file, or with what it takes to get it.

    Whatever is not sent from it, the opened file is closed.
    """
    etag = f'"{job.sha256}"'
    content_type = stored_content_type(job.spec)
    head = as_private_download(HttpResponse(content_type=content_type), job)
    head.headers["ETag"] = etag
    found = get_conditional_response(request, etag=etag, response=head)
    if found is not None and found is not head:  # not modified, or a precondition failed
        file.close()
        if found.status_code == 412:
            return _declined(request, 412, _("It is not the file that If-Match names."), head)
        return found
    way = way_of(job)
    if way == "django":
        return _send_by_django(request, job, file, head)
    file.close()
    if way == "redirect":
        return _redirect(request, job, head)
    if way == "x-sendfile":
        head.headers["X-Sendfile"] = storage_of(job.storage).path(job.file_key)
    else:
        head.headers["X-Accel-Redirect"] = get_settings().ACCEL_PREFIX + quote(job.file_key)
    return head


def way_of(job: ReportJob) -> str:
    """How a job's file is sent: what the setting says is for the storage in force."""
    return get_settings().DOWNLOAD_METHOD if job.storage == storage_alias() else "django"


def _send_by_django(
    request: HttpRequest, job: ReportJob, file: Any, head: HttpResponse
) -> HttpResponseBase:
    head.headers["Accept-Ranges"] = "bytes"
    try:
        part = wanted_part(request, head.headers["ETag"], job.bytes)
    except NotSatisfiable:
        file.close()
        head.headers["Content-Range"] = f"bytes */{job.bytes}"
        return _declined(request, 416, _("The file ends before this range."), head)
    if request.method == "HEAD":
        file.close()
        return _with_length(head, job)
    if part is not None:
        file.seek(part.first)
    length = job.bytes if part is None else part.length
    response = stream_file(
        request,
        file,
        length,
        head.headers["Content-Type"],
        partial(lifecycle.record_broken_download, job, origin_of(request)),
    )
    response.headers = head.headers
    response.headers["Content-Length"] = str(length)
    if part is not None:
        _make_partial(response, part)
    return response


def _declined(
    request: HttpRequest, status: int, reason: str, head: HttpResponse
) -> HttpResponseBase:
    names = ("Accept-Ranges", "Cache-Control", "Content-Range")
    headers = {name: head.headers[name] for name in names if name in head.headers}
    if wants_json(request):
        return problem(status, reason, headers=headers)
    return HttpResponse(status=status, headers=headers)


def _make_partial(response: HttpResponseBase, part: Part) -> None:
    response.status_code = 206
    response.headers["Content-Range"] = f"bytes {part}"
    # Django's GZipMiddleware would compress the part and leave Content-Range as it is.
    response.headers["Content-Encoding"] = "identity"


def _redirect(request: HttpRequest, job: ReportJob, head: HttpResponse) -> HttpResponseBase:
    if request.method == "HEAD":  # the link would be good for a GET only
        return _with_length(head, job)
    kept: Any = storage_of(job.storage)
    address = kept.url(
        job.file_key,
        parameters={
            "ResponseContentDisposition": head.headers["Content-Disposition"],
            "ResponseContentType": head.headers["Content-Type"],
            "ResponseCacheControl": head.headers["Cache-Control"],
        },
        expire=REDIRECT_LIFE,
    )
    headers = {name: head.headers[name] for name in ("Cache-Control", "X-Export-Job-Id")}
    return HttpResponseRedirect(address, headers={**headers, "Referrer-Policy": "no-referrer"})


def _with_length(head: HttpResponse, job: ReportJob) -> HttpResponse:
    head.headers["Content-Length"] = str(job.bytes)
    return head
