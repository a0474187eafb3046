"""Record: what all models here are, and from which database they are read."""

from typing import Any, ClassVar, Self, TypeVar

from django.db import connections, models, router

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

    def unlocked(self, limit: int | None = None) -> Self:
        """Those of these rows that nobody else holds locked, or the first of them; from now on
        the transaction holds them.

        For work that somebody else may do, or that may be done later: one row that is held delays
        nobody.
        """
        if not connections[self.db].features.has_select_for_update_skip_locked:
            return self
        keys = self.select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit]
        return self.filter(pk__in=list(keys))


class Record(models.Model):
    objects: ClassVar[Any] = RecordQuerySet.as_manager()

    class Meta:
        abstract = True
        # Each model inherits it: refresh_from_db() and foreign keys read from there, too.
        base_manager_name = "objects"
