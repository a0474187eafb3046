"""Every change of who may do what is an entry: accounts, groups, Django's permissions.

Django sends signals for some of these changes. For the others (querysets, through models, SQL) the
sweep compares what there is with what was there last, and records the difference as it is seen.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from functools import partial
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db import router, transaction
from django.db.models import Model, Prefetch, Q, QuerySet
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save

from django_reports.access import permission_snapshots
from django_reports.access.permission_snapshots import FLAGS, NOTHING, Facts, has_any
from django_reports.audit import log
from django_reports.core.choices import AuditAction
from django_reports.models import AuditEntry, GroupReportPermission, PermissionSnapshot

CHUNK = 1000  # people compared, or named in one entry, at a time


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


# Differences


def _changes(before: Facts, after: Facts) -> Facts:
    """What changed, as an entry tells it. Groups are compared by key: a new name is no change."""
    flags = FLAGS if has_any(before) and has_any(after) else FLAGS[1:]  # else it says nothing
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


def _record(key: str, before: Facts, after: Facts, *, is_lost: bool = False, **more: Any) -> bool:
    """Record a difference if there is one, and keep what is there now.

    `is_lost` says that what was there is unknown, though it should be known.
    """
    if not (has_any(before) or has_any(after) or is_lost):
        return False
    changes = _changes(before, after)
    if not (changes or is_lost):
        if before != after:
            permission_snapshots.keep(key, after, permission_snapshots.newest_entry(key))
        return False
    entry = log.record(
        AuditAction.PERMISSION_CHANGED,
        origin=log.current_origin(),
        holder=key,
        name=after["name"] or before["name"],
        changes=changes,
        snapshot="lost" if is_lost else None,
        **more,
    )
    permission_snapshots.keep(key, after, entry.pk)
    return True


def compare(holders: Iterable[Any], **more: Any) -> int:
    """Record what changed of users or groups since they were last compared. Returns how many."""
    return _compare({_key(holder): facts_of(holder) for holder in holders}, **more)


def _compare(facts: dict[str, Facts], **more: Any) -> int:
    known = permission_snapshots.known(facts)
    with transaction.atomic(using=router.db_for_write(PermissionSnapshot)):
        return sum(
            _record(
                key,
                known.facts.get(key, NOTHING),
                facts[key],
                is_lost=key in known.lost,
                **more,
            )
            for key in facts
        )


def keep_reports(group: str, reports: Collection[str], entry: AuditEntry) -> None:
    """Keep what a group may do with some reports: an entry of its own has told of that."""
    for holder in _read(_all_of(Group).filter(name=group)):
        key, facts = _key(holder), facts_of(holder)
        if not permission_snapshots.is_first():
            # What else there is may be a change that nobody has recorded.
            before = permission_snapshots.known([key]).facts.get(key, NOTHING)
            texts = {name: t for name, t in before["reports"].items() if name not in reports}
            texts |= {name: t for name, t in facts["reports"].items() if name in reports}
            facts = {**before, "name": facts["name"], "reports": texts}
        permission_snapshots.keep(key, facts, entry.pk)


def key_of_group(name: str) -> str:
    """As entries name the holder; empty if there is no such group any more."""
    key = _all_of(Group).using(router.db_for_write(Group)).filter(name=name).values_list("pk")
    return "".join(f"group:{pk}" for (pk,) in key)


def compare_in_chunks() -> Iterator[int]:
    """Compare everybody with what was known, by the sweep. Yields how many of a chunk changed.

    The first time, one entry says how many there are.
    """
    if permission_snapshots.is_first():
        _begin()
    else:
        for holders in _everybody():
            yield compare(holders, seen_by="sweep")
        yield from _compare_the_gone()
    permission_snapshots.note_comparison()


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
            facts = {_key(holder): facts_of(holder) for holder in holders}
            known = permission_snapshots.known(facts)
            _compare({k: f for k, f in facts.items() if k in known.facts or k in known.lost})
            count += sum(map(has_any, facts.values()))
            superusers += [f["name"] for f in facts.values() if f["is_superuser"]]
        if not count:
            return
        entry = log.record(
            AuditAction.PERMISSION_CHANGED, origin=log.current_origin(),
            holder=permission_snapshots.EVERYBODY,
            first_seen=count, superusers=superusers[:CHUNK], seen_by="sweep",
        )  # fmt: skip
        for holders in _everybody():
            facts = {_key(holder): facts_of(holder) for holder in holders}
            for key in facts.keys() - permission_snapshots.newest_entries(facts).keys():
                permission_snapshots.keep(key, facts[key], entry.pk)


def _compare_the_gone() -> Iterator[int]:
    """Who had something, and has nothing now or is gone, without a signal."""
    nobody = ("", permission_snapshots.EVERYBODY)
    for rows in (AuditEntry.objects, PermissionSnapshot.objects):
        last = ""
        names = (
            rows.exclude(holder__in=nobody)
            .order_by("holder")
            .values_list("holder", flat=True)
            .distinct()
        )
        while keys := list(names.filter(holder__gt=last)[:CHUNK]):
            last = keys[-1]
            facts = dict.fromkeys(keys, NOTHING)
            for kind, model in (("group", Group), ("user", get_user_model())):
                pks = [key.partition(":")[2] for key in keys if key.startswith(f"{kind}:")]
                facts |= {_key(h): facts_of(h) for h in _read(_all_of(model).filter(pk__in=pks))}
            gone = [key for key in keys if not has_any(facts[key])]
            yield _compare(dict.fromkeys(gone, NOTHING), seen_by="sweep")
            permission_snapshots.forget(gone)


# Signals
#
# Before a change the holders that it concerns are noted, afterwards they are compared.

_CONCERNED = "_django_reports_concerned"


def _note(instance: Any, holders: "QuerySet[Any]") -> None:
    """Keep which holders a change concerns and, before everybody is compared, what they have."""
    if permission_snapshots.is_first():
        facts = {_key(holder): facts_of(holder) for holder in _read(holders)}
        rows = PermissionSnapshot.objects.filter(holder__in=facts)
        for key in facts.keys() - set(rows.values_list("holder", flat=True)):
            if has_any(facts[key]):
                permission_snapshots.keep(key, facts[key], None)
    pks = holders.using(router.db_for_write(holders.model)).values_list("pk", flat=True)
    setattr(instance, _CONCERNED, {holders.model: list(pks)})


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
    if permission_snapshots.is_first():
        _note(instance, _itself(instance))


def after_saving(instance: Any, **kwargs: Any) -> None:
    """Its flags are all that a save changes of an account."""
    if not _concerns_flags(**kwargs):
        return
    key, flags = _key(instance), _flags(instance)
    known = permission_snapshots.known([key])
    if key in known.lost:
        compare(_read(_itself(instance)))
        return
    before = known.facts.get(key, NOTHING)
    if has_any(before) or has_any({**NOTHING, **flags}):
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
    _compare({key: NOTHING}, deleted=True)


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
    for model in kinds_of(user_model):
        pre_save.connect(before_saving, sender=model, dispatch_uid=uid)
        post_save.connect(after_saving, sender=model, dispatch_uid=uid)
    for model in (*kinds_of(user_model), *kinds_of(Group)):
        pre_delete.connect(before_deleting, sender=model, dispatch_uid=uid)
        post_delete.connect(after_deleting, sender=model, dispatch_uid=uid)
    relations = ((user_model, "groups"), (user_model, "user_permissions"), (Group, "permissions"))
    for model, name in relations:
        through = getattr(getattr(model, name, None), "through", None)
        if through is not None:
            receiver = partial(many_changed, name=name)
            m2m_changed.connect(receiver, sender=through, dispatch_uid=uid, weak=False)


def kinds_of(model: Any) -> list[Any]:
    """A model, its proxies and what else is made of it: each sends signals of its own."""
    return [kind for kind in apps.get_models() if issubclass(kind, model)]
