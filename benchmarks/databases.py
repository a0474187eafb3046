"""The database of the benchmarks, `django_reports_benchmarks`: made where it is not there."""

NAME = "django_reports_benchmarks"
ENGINES = {
    "postgresql": ("django.db.backends.postgresql", "postgres"),
    "mariadb": ("django.db.backends.mysql", "root"),
}


def configuration(kind, options, folder):
    """Django's settings of the database; on a server it is made first."""
    if kind == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(options.file or folder / "orders.sqlite3"),
            "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL", "timeout": 20},
        }
    engine, user = ENGINES[kind]
    found = {
        "ENGINE": engine,
        "NAME": NAME,
        "HOST": options.host,
        "PORT": options.port,
        "USER": options.user or user,
        "PASSWORD": options.password,
    }
    if kind == "mariadb":
        found["OPTIONS"] = {"charset": "utf8mb4"}
        _make_in_mariadb(found, options.fresh)
    else:
        _make_in_postgresql(found, options.fresh)
    return found


def _make_in_postgresql(database, is_fresh):
    import psycopg  # noqa: PLC0415 - there with this database only

    with psycopg.connect(
        host=database["HOST"],
        port=database["PORT"] or None,
        user=database["USER"],
        password=database["PASSWORD"] or None,
        dbname="postgres",
        autocommit=True,
    ) as connection:
        if is_fresh:
            connection.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME])
        if known.fetchone() is None:
            connection.execute(f"CREATE DATABASE {NAME} ENCODING 'UTF8' TEMPLATE template0")


def _make_in_mariadb(database, is_fresh):
    import MySQLdb  # noqa: PLC0415 - there with this database only

    connection = MySQLdb.connect(
        host=database["HOST"],
        port=int(database["PORT"] or 3306),
        user=database["USER"],
        password=database["PASSWORD"],
    )
    if is_fresh:
        connection.cursor().execute(f"DROP DATABASE IF EXISTS {NAME}")
    connection.cursor().execute(f"CREATE DATABASE IF NOT EXISTS {NAME} CHARACTER SET utf8mb4")
    connection.close()
