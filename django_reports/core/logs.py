"""Loggers whose lines say which job and which attempt they are about, whoever writes them."""

import logging
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_about: ContextVar[str] = ContextVar("django_reports_about", default="")


class AboutJob(logging.LoggerAdapter[logging.Logger]):
    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        about = _about.get()
        is_said = not about or str(msg).startswith("job=")
        return (msg if is_said else f"{about} {msg}"), kwargs


def get_logger(name: str) -> AboutJob:
    return AboutJob(logging.getLogger(name))


@contextmanager
def about(key: Any, attempt: int) -> Iterator[None]:
    """Have the lines that are written meanwhile, in this context, begin with a job's attempt."""
    token = _about.set(f"job={key} attempt={attempt}")
    try:
        yield
    finally:
        _about.reset(token)
