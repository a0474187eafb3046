"""A sealed audit log, and what those may do to it who have the database to themselves."""

import uuid

from django.db import connection

from django_reports.audit import chain, log, sealing, signing
from django_reports.audit.log import Origin
from django_reports.core.choices import AuditAction
from django_reports.models import AuditCheckpoint, AuditEntry

TABLE = "django_reports_auditentry"
CHECKPOINTS = "django_reports_auditcheckpoint"


class Person:
    def __init__(self, name, pk):
        self.name, self.pk = name, pk

    def get_username(self):
        return self.name


def write(count):
    """Entries as they come: people, addresses, numbers, nothing."""
    for n in range(1, count + 1):
        log.record(
            AuditAction.DENIED if n % 3 else AuditAction.FINISHED,
            origin=Origin(
                user=Person(f"person {n % 7}", n % 7),
                address="2001:db8::1" if n % 2 else "10.0.0.7",
                user_agent="curl/8",
            ),
            report="shop.orders",
            what="generate",
            rows=n,
            share=n / 8,
            reason=f"because of “{n}”",
        )


def sealed_log(count, batch):
    """A log of entries, sealed below checkpoints of so many each."""
    write(count)
    before, chain.BATCH = chain.BATCH, batch
    try:
        assert sealing.seal().entries == count
    finally:
        chain.BATCH = before


def sql(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.rowcount


def row(position):
    return AuditEntry.objects.get(position=position)


def edit(position):
    sql(f"UPDATE {TABLE} SET report = 'shop.other' WHERE position = {position}")


def edit_person(position):
    sql(f"UPDATE {TABLE} SET actor_label = 'mallory' WHERE position = {position}")


def blank_person(position):
    sql(
        f"UPDATE {TABLE} SET actor_label = '', address = NULL, user_agent = '' "
        f"WHERE position = {position}"
    )


def edit_data(position):
    found = row(position)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {TABLE} SET data = %s WHERE id = {found.pk}", ['{"what": "something else"}']
        )


def remove(position):
    sql(f"DELETE FROM {TABLE} WHERE position = {position}")


def make_room(position):
    """Move all from a position on by one, in two steps, since positions are unique."""
    sql(f"UPDATE {TABLE} SET position = position + 1000000 WHERE position >= {position}")
    sql(f"UPDATE {TABLE} SET position = position - 999999 WHERE position >= {position}")


def copy_in(position):
    """A copy of an entry takes its place; all from there on move by one."""
    make_room(position)
    insert_copy(position + 1, at=position)


def insert_copy(position, *, at):
    """A copy of an entry at another position that is free."""
    found = row(position)
    fields = [field.column for field in AuditEntry._meta.fields]
    names = [name for name in fields if name not in ("id", "key", "position")]
    key = uuid.uuid4()
    own = key if connection.features.has_native_uuid_field else key.hex
    sql(
        f"INSERT INTO {TABLE} ({', '.join(names)}, {_quoted('key')}, position) "
        f"SELECT {', '.join(names)}, %s, {at} FROM {TABLE} WHERE id = {found.pk}",
        own,
    )


def move_in(position):
    """An entry that the application wrote itself takes the place of an older one."""
    write(1)
    newest = AuditEntry.objects.first()
    make_room(position)
    seal = row(position + 1).seal
    sql(f"UPDATE {TABLE} SET position = {position}, seal = %s WHERE id = {newest.pk}", seal)


def swap(position):
    """Two neighbors change their places, with their seals."""
    one, other = row(position), row(position + 1)
    sql(f"UPDATE {TABLE} SET position = 1000000 WHERE id = {one.pk}")
    sql(f"UPDATE {TABLE} SET position = {position}, seal = %s WHERE id = {other.pk}", one.seal)
    sql(f"UPDATE {TABLE} SET position = {position + 1}, seal = %s WHERE id = {one.pk}", other.seal)


def swap_ids(position):
    """Two neighbors change their numbers, by which the pages are in order."""
    one, other = row(position).pk, row(position + 1).pk
    sql(f"UPDATE {TABLE} SET id = 1000000 WHERE id = {one}")
    sql(f"UPDATE {TABLE} SET id = {one} WHERE id = {other}")
    sql(f"UPDATE {TABLE} SET id = {other} WHERE id = 1000000")


def cut_tail(position):
    """All entries from a position on; what the checkpoints say of them stays."""
    sql(f"DELETE FROM {TABLE} WHERE position >= {position}")


def cut_tail_with_checkpoints(position):
    cut_tail(position)
    sql(f"DELETE FROM {CHECKPOINTS} WHERE last_position >= {position}")


def rewrite(change=lambda entry: None):
    """Write all anew with the keys that are in force, changed: the whole chain, and checkpoints."""
    seal = signing.FIRST_SEAL
    marks = {point.last_position: point for point in AuditCheckpoint.objects.all()}
    changed = []
    for entry in AuditEntry.objects.exclude(position=None).order_by("position").iterator():
        change(entry)
        signing.sign_entry(entry)
        text = signing.seal_text(seal, entry.position, entry.pk, entry.digest)
        entry.seal = seal = signing.sign(text)
        changed.append((entry.report, entry.personal_digest, entry.digest, entry.seal, entry.pk))
        if point := marks.get(entry.position):
            point.seal = seal
            point.signature = signing.sign(signing.checkpoint_text(point))
            point.save()
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {TABLE} SET report = %s, personal_digest = %s, digest = %s, seal = %s "
            "WHERE id = %s",
            changed,
        )


def _quoted(name):
    return connection.ops.quote_name(name)
