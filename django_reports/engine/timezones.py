"""What is known of a time zone: the hours of a day in it, and whether a database knows the same."""

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.db import connections

from django_reports.definitions.kinds.postgresql import FIRST_MOMENT, LAST_MOMENT

HOUR = dt.timedelta(hours=1)
ALMOST_HOUR = dt.timedelta(minutes=59, seconds=59)
HOURS = [f"{hour:02}" for hour in range(24)]
WEEK = dt.timedelta(weeks=1)

# Days of the zone by their names; for each hour: on which of them it is, itself, and the offset.
Day = tuple[Sequence[str], Mapping[str, tuple[int, str, str]]]


def day_in(zone: ZoneInfo, separator: str, day: str) -> Day:
    """Of a day in UTC, the hours as they are in a zone.

    Hours are left out that do not begin with one of the zone, or in which its offset changes.
    """
    begin = dt.datetime.fromisoformat(f"{day} 00:00:00+00:00")
    try:
        first, *others, last = [(begin + n * HOUR).astimezone(zone) for n in (0, 6, 12, 18, 24)]
        if any(moment.utcoffset() != first.utcoffset() for moment in (*others, last)):
            return _changing_day(begin, zone, separator)
    except OverflowError:  # the first and the last day of the calendar
        return (), {}
    if first.minute or first.second:
        return (), {}
    names = first.date().isoformat(), last.date().isoformat()
    return names, _hours(first.hour, separator, first.isoformat()[19:])


@lru_cache
def _hours(first: int, separator: str, offset: str) -> Mapping[str, tuple[int, str, str]]:
    """One for all days of an offset: so little that it stays in the processor's cache."""
    return {
        hour: ((first + at) // 24, separator + HOURS[(first + at) % 24], offset)
        for at, hour in enumerate(HOURS)
    }


def _changing_day(begin: dt.datetime, zone: ZoneInfo, separator: str) -> Day:
    names: list[str] = []
    hours = {}
    for at, hour in enumerate(HOURS):
        local = (begin + at * HOUR).astimezone(zone)
        last = (begin + at * HOUR + ALMOST_HOUR).astimezone(zone)
        iso = local.isoformat(separator)
        if local.utcoffset() == last.utcoffset() and iso[13:19] == ":00:00":
            if iso[:10] not in names:
                names.append(iso[:10])
            hours[hour] = names.index(iso[:10]), iso[10:13], iso[19:]
    return names, hours


@lru_cache
def agree_on(alias: str, zone: ZoneInfo) -> bool:
    """Whether the database and Python know the same offsets of a time zone.

    Compared week by week, and around every change that Python knows.
    """
    if zone.key == "UTC":
        return True
    moments = []
    moment, before = FIRST_MOMENT, _offset(FIRST_MOMENT, zone)
    while moment < LAST_MOMENT + WEEK:
        moments.append(moment)
        later = moment + WEEK
        after = _offset(later, zone)
        if before != after:
            change = _first_after_change(moment, later, zone)
            moments += [change - dt.timedelta(seconds=1), change]
        moment, before = later, after
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(extract(epoch FROM"
            " (m AT TIME ZONE %s) - (m AT TIME ZONE 'UTC'))::int ORDER BY at)"
            " FROM (SELECT to_timestamp(second), at"
            " FROM unnest(%s::bigint[]) WITH ORDINALITY AS seconds(second, at)) moments(m, at)",
            [zone.key, [int(moment.timestamp()) for moment in moments]],
        )
        (offsets,) = cursor.fetchone()
    return bool(offsets == [_offset(moment, zone).total_seconds() for moment in moments])


def _offset(moment: dt.datetime, zone: ZoneInfo) -> dt.timedelta:
    return moment.astimezone(zone).utcoffset() or dt.timedelta()


def _first_after_change(before: dt.datetime, after: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    old = _offset(before, zone)
    while after - before > dt.timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        before, after = (middle, after) if _offset(middle, zone) == old else (before, middle)
    return after
