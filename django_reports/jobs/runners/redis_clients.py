"""This process's clients of Redis, one for each queue, and the time that a use of one may take.

RQ keeps a script for every client that ever enqueued, so there is one as long as the process lives.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django_rq import get_connection
from redis.backoff import NoBackoff
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

_clients: dict[str, Any] = {}  # by the settings of the queue
_lock = threading.Lock()
_limits = threading.local()  # `end` of the thread's time for Redis, by the monotonic clock


@contextmanager
def client_of(queue: str, *, seconds: float) -> Iterator[Any]:
    """The client of a queue's Redis, whose answers have to come within so many seconds in total."""
    client = _client(queue, seconds)
    _limits.end = time.monotonic() + seconds
    try:
        yield client
    finally:
        del _limits.end


def _client(queue: str, seconds: float) -> Any:
    key = f"{queue} {settings.RQ_QUEUES[queue]!r}"
    with _lock:
        if key not in _clients:
            client = get_connection(queue)
            pool = client.connection_pool
            pool.connection_kwargs.update(
                socket_timeout=seconds, socket_connect_timeout=seconds, retry=Retry(NoBackoff(), 0)
            )
            pool.connection_class = type(
                "LimitedConnection", (_LimitedConnection, pool.connection_class), {}
            )
            _clients[key] = client
        return _clients[key]


class _LimitedConnection:
    """Mixed into redis-py's class of connections."""

    def _connect(self) -> Any:
        return _LimitedSocket(super()._connect())  # type: ignore[misc]


class _LimitedSocket:
    """A socket whose thread waits for it until its time is over, however many bytes drip in."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def recv(self, *args: Any) -> Any:
        self._limit()
        return self._inner.recv(*args)

    def recv_into(self, *args: Any) -> Any:
        self._limit()
        return self._inner.recv_into(*args)

    def sendall(self, *args: Any) -> Any:
        self._limit()
        return self._inner.sendall(*args)

    def _limit(self) -> None:
        end = getattr(_limits, "end", None)
        if end is None or self._inner.gettimeout() == 0:  # it does not wait anyway
            return
        left = end - time.monotonic()
        if left <= 0:
            raise RedisTimeoutError("Redis took too long")
        self._inner.settimeout(left)
