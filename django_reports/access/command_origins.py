"""Who runs a command: the log tells it apart from what a person does on the pages."""

import getpass
import os
from dataclasses import dataclass
from typing import Any

from django_reports.audit.log import Origin

try:
    import pwd
except ImportError:  # Windows
    pwd = None  # type: ignore[assignment]


@dataclass(frozen=True)
class CommandOrigin(Origin):
    """A command acts, in the name of `user` or of the system."""

    command: str = ""


def command_facts(origin: Origin) -> dict[str, Any]:
    """What an entry's data has of a command: its name, and who ran it on the machine."""
    if not isinstance(origin, CommandOrigin):
        return {}
    return {"command": origin.command, "os_user": _os_user()}


def _os_user() -> str:
    """The name of this process's user, as the system knows it: the environment can be made up."""
    if pwd is None:
        return getpass.getuser()
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # as in a container
        return str(os.getuid())
