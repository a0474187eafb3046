"""What a database refuses, whether trying again helps, and how transactions around it survive."""

from collections.abc import Container, Iterator
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

# PostgreSQL's states, some of them classes; error numbers of MySQL and MariaDB, and of SQLite.
_LOST = (
    "08",  # the class of connections
    "25P03",  # idle in its transaction for too long
    "53300",  # too many connections
    *("57P01", "57P02", "57P03", "57P05"),  # the server stops, crashed, starts; idle for too long
    *(1040, 1053, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2002, 2003, 2006, 2013, 2055, 4031),
)
_CONFLICTS = ("40001", "40P01", 1020, 1205, 1213)
_TIMEOUTS = ("57014", "25P04", 1317, 1969, 3024)
_SQLITE_BUSY = (5, 6)


def is_lost_connection(error: BaseException) -> bool:
    """Whether the connection to a database was cut, or could not be had."""
    return any(_is_of(raised, _LOST) or _is_stateless(raised) for raised in _chain(error))


def is_conflict(error: BaseException) -> bool:
    """Whether a database ended a transaction for the sake of another one, as in a deadlock."""
    return any(
        _is_of(raised, _CONFLICTS) or getattr(raised, "sqlite_errorcode", 0) & 0xFF in _SQLITE_BUSY
        for raised in _chain(error)
    )


def is_timeout(error: BaseException) -> bool:
    """Whether a database ended a statement that took longer than it allows."""
    return any(_is_of(raised, _TIMEOUTS) for raised in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that it came of: of a dead connection many things fail afterwards."""
    seen: set[int] = set()
    left: BaseException | None = error
    while left is not None and id(left) not in seen:
        yield left
        seen.add(id(left))
        left = left.__cause__ or (None if left.__suppress_context__ else left.__context__)


def _driver_of(error: BaseException) -> str:
    return type(error).__module__.partition(".")[0]


def _is_of(error: BaseException, known: Container[str | int]) -> bool:
    state = _state_of(error)
    if state:
        return state in known or state[:2] in known
    return _driver_of(error) in ("MySQLdb", "pymysql") and next(iter(error.args), None) in known


def _state_of(error: BaseException) -> str:
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or ""


def _is_stateless(error: BaseException) -> bool:
    """Whether a driver itself could not go on: what the server says has a state or a number."""
    names = {kind.__name__ for kind in type(error).__mro__}
    match _driver_of(error):
        case "psycopg" | "psycopg2" | "psycopg_pool":
            return not _state_of(error) and bool({"OperationalError", "InterfaceError"} & names)
        case "MySQLdb" | "pymysql":
            return "InterfaceError" in names
    return False


def is_refused_value(error: BaseException) -> bool:
    """Whether a query failed, or could not be made, because of a value that somebody gave.

    Forms accept more than databases: days beyond the calendar, texts that are too long to be
    searched for, half characters, NaN in JSON.
    """
    if isinstance(error, OverflowError | ValidationError | UnicodeEncodeError):
        return True
    cause = error.__cause__
    state = _state_of(cause) if cause else ""
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
