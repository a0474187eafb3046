"""Every change of who may do what is an entry: accounts, groups, Django's permissions.

Django sends signals for some of these changes. For the others (querysets, through models, SQL) the
sweep compares what there is with what was there last, and records the difference as it is seen.
"""

import json
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db import router, transaction
from django.db.models import Model, Prefetch, Q, QuerySet
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save

from django_reports import audit, digests
from django_reports.models import GroupReportPermission, PermissionSnapshot
from django_reports.statuses import AuditAction

FLAGS = ("is_active", "is_staff", "is_superuser")
CHUNK = 1000  # people compared, or named in one entry, at a time

Facts = dict[str, Any]  # of a user or a group, as JSON
NOTHING: Facts = {
    "name": "",
    "groups": {},
    "permissions": [],
    "reports": {},
    **dict.fromkeys(FLAGS, False),
}


# What there is


def facts_of(holder: Any) -> Facts:
    """What a user or a group has by itself."""
    is_group = isinstance(holder, Group)
    permissions = getattr(holder, "permissions" if is_group else "user_permissions", None)
    groups = None if is_group else getattr(holder, "groups", None)
    return {
        **NOTHING,
        **({} if is_group else _flags(holder)),
        "name": str(holder) if is_group else holder.get_username(),
        "groups": {str(group.pk): str(group) for group in groups.all()} if groups else {},
        "permissions": sorted(map(_code, permissions.all())) if permissions else [],
        "reports": _reports(holder) if is_group else {},
    }


def _reports(group: Group) -> Facts:
    """Its report permissions, by report; what each of them says, as a text to compare."""
    rows = sorted(group.report_permissions.all(), key=lambda row: (row.report, row.pk))
    texts: dict[str, list[str]] = {}
    for row in rows:
        facts = {name: fact for name, fact in row.facts().items() if name != "group"}
        texts.setdefault(row.report, []).append(json.dumps(facts, sort_keys=True))
    return {report: "\n".join(lines) for report, lines in texts.items()}


def _flags(user: Any) -> Facts:
    return {name: bool(getattr(user, name, name == "is_active")) for name in FLAGS}


def _code(permission: Any) -> str:
    return f"{permission.content_type.app_label}.{permission.codename}"


def _has_any(facts: Facts) -> bool:
    return any(
        facts[name] for name in ("is_staff", "is_superuser", "groups", "permissions", "reports")
    )


def _key(holder: Model) -> str:
    return f"{'group' if isinstance(holder, Group) else 'user'}:{holder.pk}"


def _read(holders: "QuerySet[Any]") -> "QuerySet[Any]":
    """With all that `facts_of` asks for, read where it is written."""
    database = router.db_for_write(holders.model)
    relations = {
        "groups": QuerySet(Group),
        "user_permissions": _permissions(),
        "permissions": _permissions(),
        "report_permissions": QuerySet(GroupReportPermission).select_related("group"),
    }
    fields = {field.name for field in holders.model._meta.many_to_many}
    if holders.model is Group:
        fields.add("report_permissions")
    return holders.using(database).prefetch_related(
        *(Prefetch(n, rows.using(database)) for n, rows in relations.items() if n in fields),
    )


def _permissions() -> "QuerySet[Permission]":
    return QuerySet(Permission).select_related("content_type")


def _all_of(model: Any) -> "QuerySet[Any]":
    return QuerySet(model)  # past a manager that hides some


# What was there


def _known(keys: Iterable[str]) -> dict[str, Facts]:
    """The last known facts. One that was changed behind the application's back is not known."""
    rows = PermissionSnapshot.objects.filter(holder__in=keys)
    return {row.holder: row.facts for row in rows if _is_ours(row)}


def _is_ours(row: PermissionSnapshot) -> bool:
    return digests.is_signed(digests.snapshot_text(row), row.signature)


def _keep(key: str, facts: Facts) -> None:
    if not _has_any(facts):
        PermissionSnapshot.objects.filter(holder=key).delete()
        return
    row = PermissionSnapshot(holder=key, facts=digests.storable(facts))
    row.signature = digests.sign(digests.snapshot_text(row))
    PermissionSnapshot.objects.update_or_create(
        holder=key, defaults={"facts": row.facts, "signature": row.signature}
    )


# Differences


def _changes(before: Facts, after: Facts) -> Facts:
    """What changed, as an entry tells it. Groups are compared by key: a new name is no change."""
    flags = FLAGS if _has_any(before) and _has_any(after) else FLAGS[1:]  # else it says nothing
    changes: Facts = {
        name: [before[name], after[name]] for name in flags if before[name] != after[name]
    }
    for name, old, new in (
        ("groups", before["groups"], after["groups"]),
        (
            "permissions",
            {code: code for code in before["permissions"]},
            {code: code for code in after["permissions"]},
        ),
    ):
        added = sorted(new[key] for key in new.keys() - old.keys())
        removed = sorted(old[key] for key in old.keys() - new.keys())
        if added or removed:
            changes[name] = {"added": added, "removed": removed}
    old, new = before["reports"], after["reports"]
    if reports := sorted(r for r in old.keys() | new.keys() if old.get(r) != new.get(r)):
        changes["reports"] = reports
    return changes


def _record(key: str, before: Facts, after: Facts, **more: Any) -> bool:
    """Record a difference if there is one, and keep what is there now."""
    if not (_has_any(before) or _has_any(after)):
        return False
    changes = _changes(before, after)
    if before != after:
        _keep(key, after)
    if not changes:
        return False
    kind, _colon, own = key.partition(":")
    audit.record(
        AuditAction.PERMISSION_CHANGED,
        origin=audit.current_origin(),
        holder=kind,
        key=own,
        name=after["name"] or before["name"],
        changes=changes,
        **more,
    )
    return True


def compare(holders: Iterable[Any], **more: Any) -> int:
    """Record what changed of users or groups since they were last compared. Returns how many."""
    facts = {_key(holder): facts_of(holder) for holder in holders}
    known = _known(facts)
    with transaction.atomic(using=router.db_for_write(PermissionSnapshot)):
        return sum(_record(key, known.get(key, NOTHING), facts[key], **more) for key in facts)


def keep_groups(names: Iterable[str]) -> None:
    """Keep what groups have now: what changed of their report permissions has its own entry."""
    for group in _read(_all_of(Group).filter(name__in=names)):
        _keep(_key(group), facts_of(group))


def compare_in_chunks() -> Iterator[int]:
    """Compare everybody with what was known, by the sweep. Yields how many of a chunk changed.

    The first time, one entry says how many there are.
    """
    if not PermissionSnapshot.objects.exists():
        _begin()
        return
    for holders in _everybody():
        yield compare(holders, seen_by="sweep")
    yield from _forget_the_gone()


def _everybody() -> Iterator[list[Any]]:
    """All groups, and all users that have anything or had it, in chunks."""
    for model, condition in ((Group, Q()), (get_user_model(), _condition())):
        last: Any = None
        while True:
            rows = _read(_all_of(model)).order_by("pk")
            if last is not None:
                rows = rows.filter(pk__gt=last)
            chunk = list(rows.filter(condition).distinct()[:CHUNK])
            if not chunk:
                break
            yield chunk
            last = chunk[-1].pk


def _condition() -> Q:
    options = get_user_model()._meta
    names = {field.name for field in options.get_fields()}
    condition = Q(pk__in=())
    for name in ("is_staff", "is_superuser"):
        if name in names:
            condition |= Q(**{name: True})
    for name in ("groups", "user_permissions"):
        if name in names:
            condition |= Q(**{f"{name}__isnull": False})
    return condition


def _begin() -> None:
    count = 0
    superusers = []
    with transaction.atomic(using=router.db_for_write(PermissionSnapshot)):
        for holders in _everybody():
            for holder in holders:
                facts = facts_of(holder)
                _keep(_key(holder), facts)
                count += _has_any(facts)
                if facts["is_superuser"]:
                    superusers.append(facts["name"])
        if count:
            audit.record(
                AuditAction.PERMISSION_CHANGED, origin=audit.current_origin(),
                first_seen=count, superusers=superusers[:CHUNK], seen_by="sweep",
            )  # fmt: skip


def _forget_the_gone() -> Iterator[int]:
    """Who had something, and has nothing now or is gone, without a signal."""
    last = ""
    while True:
        rows = PermissionSnapshot.objects.filter(holder__gt=last).order_by("holder")[:CHUNK]
        keys = [row.holder for row in rows]
        if not keys:
            return
        known, last = _known(keys), keys[-1]
        changed = 0
        for kind, model in (("group", Group), ("user", get_user_model())):
            pks = {key: key.partition(":")[2] for key in keys if key.startswith(f"{kind}:")}
            found = _read(_all_of(model).filter(pk__in=list(pks.values())))
            facts = {_key(holder): facts_of(holder) for holder in found}
            for key in pks:
                after = facts.get(key, NOTHING)
                if not _has_any(after):
                    changed += _record(key, known.get(key, NOTHING), after, seen_by="sweep")
                    PermissionSnapshot.objects.filter(holder=key).delete()
        yield changed


# Signals
#
# Before a change the holders that it concerns are noted, afterwards they are compared.

_CONCERNED = "_django_reports_concerned"


def _note(instance: Any, holders: "QuerySet[Any]") -> None:
    """Keep what holders have before a change, and which holders they are."""
    facts = {_key(holder): facts_of(holder) for holder in _read(holders)}
    known = PermissionSnapshot.objects.filter(holder__in=facts).values_list("holder", flat=True)
    for key in facts.keys() - set(known):  # never compared yet
        _keep(key, facts[key])
    setattr(instance, _CONCERNED, {holders.model: [key.partition(":")[2] for key in facts]})


def _compare_noted(instance: Any) -> None:
    for model, pks in getattr(instance, _CONCERNED, {}).items():
        compare(_read(_all_of(model).filter(pk__in=pks)))


def _itself(instance: Any) -> "QuerySet[Any]":
    return _all_of(type(instance)).filter(pk=instance.pk)


def _concerns_flags(raw: bool = False, update_fields: Any = None, **kwargs: Any) -> bool:
    return not raw and (update_fields is None or not set(FLAGS).isdisjoint(update_fields))


def before_saving(instance: Any, **kwargs: Any) -> None:
    if instance._state.adding or not _concerns_flags(**kwargs):
        return
    if not PermissionSnapshot.objects.filter(holder=_key(instance)).exists():
        _note(instance, _itself(instance))


def after_saving(instance: Any, **kwargs: Any) -> None:
    """Its flags are all that a save changes of an account."""
    if not _concerns_flags(**kwargs):
        return
    key, flags = _key(instance), _flags(instance)
    before = _known([key]).get(key, NOTHING)
    if _has_any(before) or _has_any({**NOTHING, **flags}):
        _record(key, before, {**before, **flags, "name": instance.get_username()})


def before_deleting(instance: Any, **kwargs: Any) -> None:
    """Members of a group lose it with the group."""
    if isinstance(instance, Group):
        user_model: Any = get_user_model()
        has_groups = "groups" in {field.name for field in user_model._meta.many_to_many}
        members = Q(groups=instance.pk) if has_groups else Q(pk__in=())
        _note(instance, _all_of(user_model).filter(members))


def after_deleting(instance: Any, **kwargs: Any) -> None:
    _compare_noted(instance)
    key = _key(instance)
    _record(key, _known([key]).get(key, NOTHING), NOTHING, deleted=True)


def many_changed(
    *, instance: Any, action: str, reverse: bool, model: Any, pk_set: Any, name: str, **kwargs: Any
) -> None:
    """Of `name`, a relation from holders to groups or permissions, changed from either side."""
    if not action.startswith("pre_"):
        _compare_noted(instance)
    elif not reverse:
        _note(instance, _itself(instance))
    else:
        given = Q(**{name: instance.pk}) if pk_set is None else Q(pk__in=pk_set)
        _note(instance, _all_of(model).filter(given))


def watch() -> None:
    """Called when the models are there; a project's users need have neither groups nor flags."""
    user_model: Any = get_user_model()
    uid = "django_reports.permission_changes"
    pre_save.connect(before_saving, sender=user_model, dispatch_uid=uid)
    post_save.connect(after_saving, sender=user_model, dispatch_uid=uid)
    for model in (user_model, Group):
        pre_delete.connect(before_deleting, sender=model, dispatch_uid=uid)
        post_delete.connect(after_deleting, sender=model, dispatch_uid=uid)
    relations = ((user_model, "groups"), (user_model, "user_permissions"), (Group, "permissions"))
    for model, name in relations:
        through = getattr(getattr(model, name, None), "through", None)
        if through is not None:
            receiver = partial(many_changed, name=name)
            m2m_changed.connect(receiver, sender=through, dispatch_uid=uid, weak=False)
