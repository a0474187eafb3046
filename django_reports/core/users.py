"""What this app calls a user: one of the project's, or nobody who is known."""

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser, AnonymousUser

    User: TypeAlias = AbstractUser | AnonymousUser
else:  # importable before the apps are loaded
    User = Any
