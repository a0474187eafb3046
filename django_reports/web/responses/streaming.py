"""Bodies that are sent while they are made or read, by threaded and by asynchronous servers.

A body is an iterator object with `close()`, not a generator: Django closes it in the request's
own thread before the request ends, while a generator's `finally` may run whenever, wherever.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.translation import gettext as _

from django_reports.engine.cursors import release_connections
from django_reports.engine.pipeline import BLOCK
from django_reports.exceptions import FileUnavailable
from django_reports.jobs.immediate import ImmediateExport


def is_async(request: HttpRequest) -> bool:
    """Whether the server is asynchronous: then a slow reader keeps no thread busy."""
    return isinstance(request, ASGIRequest)


def stream_export(request: HttpRequest, export: ImmediateExport) -> StreamingHttpResponse:
    body: Any = AsyncExport(export) if is_async(request) else export
    return StreamingHttpResponse(body, content_type=export.content_type)


def stream_file(
    request: HttpRequest,
    file: Any,
    length: int,
    content_type: str,
    on_broken_off: Callable[[int], None],
) -> StreamingHttpResponse:
    """So many bytes of a file, from where it stands.

    `on_broken_off` is told how many of them left, if it was not all.
    """
    blocks = FileBlocks(file, length, on_broken_off)
    body: Any = AsyncFile(blocks) if is_async(request) else blocks
    return StreamingHttpResponse(body, content_type=content_type)


class FileBlocks(Iterator[bytes]):
    """A file in blocks. Its reader holds no database connection.

    If the file ends too early the transfer breaks, so that nobody takes it for a whole one.
    """

    def __init__(self, file: Any, length: int, on_broken_off: Callable[[int], None]) -> None:
        self._file = file
        self._length = self._left = length
        self._on_broken_off = on_broken_off
        self._is_begun = self._is_closed = False

    def __next__(self) -> bytes:
        if not self._is_begun:
            self._is_begun = True
            release_connections()
        if not self._left:
            raise StopIteration
        block = self._file.read(min(BLOCK, self._left))
        if not block:
            raise FileUnavailable(_("The file of this export ended while it was sent."))
        self._left -= len(block)
        return bytes(block)

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._file.close()
        if self._left:
            self._on_broken_off(self._length - self._left)


class AsyncFile(AsyncIterator[bytes]):
    """A file in blocks, read in the request's thread so that the event loop does not wait."""

    def __init__(self, blocks: FileBlocks) -> None:
        self._blocks = blocks

    async def __anext__(self) -> bytes:
        block = await sync_to_async(self._next)()
        if block is None:
            raise StopAsyncIteration
        return block

    def _next(self) -> bytes | None:
        return next(self._blocks, None)

    def close(self) -> None:
        self._blocks.close()


class AsyncExport(AsyncIterator[bytes]):
    """An export made in the request's thread, block by block, while the event loop sends it.

    It is made at its own speed, however slowly it is taken.
    """

    def __init__(self, export: ImmediateExport) -> None:
        self._export = export
        self._maker: asyncio.Task[None] | None = None
        self._has_more = asyncio.Event()

    async def __anext__(self) -> bytes:
        if self._maker is None:
            self._loop = asyncio.get_running_loop()
            self._maker = self._loop.create_task(self._make())
            # What broke is told by the job even if nobody asks the task any more.
            self._maker.add_done_callback(lambda task: task.cancelled() or task.exception())
        while True:
            self._has_more.clear()
            is_made = self._maker.done()
            if is_made:
                self._maker.result()  # raises what broke
            if block := self._export.take():
                # Where the server takes everything without waiting, a reader's departure would
                # go unnoticed.
                await asyncio.sleep(0)
                return block
            if is_made:
                await sync_to_async(self._export.finish)()
                raise StopAsyncIteration
            await self._has_more.wait()

    async def _make(self) -> None:
        pull = sync_to_async(self._export.pull)
        try:
            while await pull():
                self._has_more.set()
        finally:
            self._has_more.set()

    def close(self) -> None:
        if self._maker is not None:
            self._loop.call_soon_threadsafe(self._maker.cancel)
        self._export.close()
