"""What a database refuses, and how the transactions around it survive."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.core.exceptions import ValidationError
from django.db import DataError, OperationalError, connections, transaction

# Of PostgreSQL's class 22, "data exception": it says more of a report's expression than of a value.
_DIVISION_BY_ZERO = "22012"
_PROGRAM_LIMIT = "54"  # the class: too many or too deep conditions
_MYSQL_CODES = (1139, 1153)  # a regular expression; a packet that is too large
_SQLITE_WORDS = (
    "pattern too complex",
    "too many SQL variables",
    "Expression tree is too large",
    "user-defined function raised exception",  # Django's own, of a regular expression, say
)


def is_refused_value(error: BaseException) -> bool:
    """Whether a query failed, or could not be made, because of a value that somebody gave.

    Forms accept more than databases: days beyond the calendar, texts that are too long to be
    searched for, half characters, NaN in JSON.
    """
    if isinstance(error, OverflowError | ValidationError | UnicodeEncodeError):
        return True
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None) or ""
    if isinstance(error, DataError):
        return state != _DIVISION_BY_ZERO
    if isinstance(error, OperationalError):
        code = next(iter(getattr(cause, "args", ())), None)
        words = str(error)
        is_known = any(known in words for known in _SQLITE_WORDS)
        return state.startswith(_PROGRAM_LIMIT) or code in _MYSQL_CODES or is_known
    return False


@contextmanager
def savepoints() -> Iterator[None]:
    """What fails inside does not spoil the transactions of the caller: it can be recorded."""
    with ExitStack() as stack:
        for connection in connections.all(initialized_only=True):
            if connection.in_atomic_block:
                stack.enter_context(transaction.atomic(using=connection.alias))
        yield
