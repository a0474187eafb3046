"""Record: what all models here are, and from which database they are read."""

from typing import Any, ClassVar, TypeVar

from django.db import models, router

R = TypeVar("R", bound=models.Model)


class RecordQuerySet(models.QuerySet[R]):
    """Read where it is written, unless `using()` says otherwise.

    A router may read from a replica, which lags behind. What is counted, claimed, or read again
    after a change has to be what was written, also in a transaction that nobody else sees yet.
    """

    @property
    def db(self) -> str:
        # What using() chose; a queryset without it has to stay free for the setting DATABASE.
        chosen: str | None = self._db  # type: ignore[attr-defined]
        hints: dict[str, Any] = self._hints  # type: ignore[attr-defined]
        return chosen or router.db_for_write(self.model, **hints)


class Record(models.Model):
    objects: ClassVar[Any] = RecordQuerySet.as_manager()

    class Meta:
        abstract = True
        # Each model inherits it: refresh_from_db() and foreign keys read from there, too.
        base_manager_name = "objects"
