"""Writing many rows with one statement and one JSON parameter, on PostgreSQL and SQLite.

Intake writes a few hundred orders per commit. On PostgreSQL one `json_to_recordset` parameter costs
about a quarter of the ORM's `bulk_create`, which binds every column of every row by itself, and a prepared
statement with the parameter bound by the server spares reading and planning the same text every time.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Model
from psycopg import RawCursor
from psycopg.types.json import Json
from pydantic_core import to_json

from stores.sealed import SealedTextField, seal

Row = Mapping[str, Any]


def insert_rows(
    model: type[Model], rows: Sequence[Row], *, returning: tuple[str, ...] = (), unless_known: bool = False
) -> list[tuple[Any, ...]]:
    """Insert `rows` (column → value, the same columns in each) and return the named columns.

    With `unless_known`, rows that hit a unique constraint are left out, and out of the result.
    Sealed columns are sealed here. Raises what the database raises.
    """
    if not rows:
        return []
    columns = tuple(rows[0])
    statement = _insertion(connection.vendor, model, columns, returning, unless_known)
    if sealed := [column for column in _sealed_columns(model) if column in rows[0]]:
        rows = [{**row, **{column: seal(row[column]) for column in sealed}} for row in rows]
    return run(statement, rows)


def run(statement: str, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """Run `statement`, whose one parameter is `rows` as JSON text (see `given`); returns its rows, if any."""
    if connection.vendor == "postgresql":
        with connection.wrap_database_errors, RawCursor(connection.connection) as cursor:
            cursor.execute(statement, [Json(rows, dumps=to_json)], prepare=True)
            return list(cursor.fetchall()) if cursor.description else []
    documents = [{column: _sqlite_value(value) for column, value in row.items()} for row in rows]
    with connection.cursor() as cursor:
        cursor.execute(statement, [to_json(documents).decode()])
        return list(cursor.fetchall())


def given(vendor: str, columns: Mapping[str, str]) -> str:
    """The query that turns the parameter of `run` into rows of `columns` (name → PostgreSQL type)."""
    if vendor == "postgresql":
        shape = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        return f"SELECT * FROM json_to_recordset($1) AS given({shape})"
    values = ", ".join(f"json_extract(value, '$.{column}') AS \"{column}\"" for column in columns)
    # "WHERE true" keeps SQLite from reading ON CONFLICT as a join condition.
    return f"SELECT {values} FROM json_each(%s) WHERE true"


def _sqlite_value(value: Any) -> Any:
    """Moments as Django stores them there: naive UTC text."""
    return str(value.astimezone(UTC).replace(tzinfo=None)) if isinstance(value, datetime) else value


@cache
def _sealed_columns(model: type[Model]) -> tuple[str, ...]:
    fields = model._meta.concrete_fields
    return tuple(str(field.column) for field in fields if isinstance(field, SealedTextField))


@cache
def _insertion(
    vendor: str, model: type[Model], columns: tuple[str, ...], returning: tuple[str, ...], unless_known: bool
) -> str:
    quote = connection.ops.quote_name
    types = {field.column: str(field.db_type(connection)) for field in model._meta.concrete_fields}
    names = ", ".join(map(quote, columns))
    source = given(vendor, {column: types[column] for column in columns})
    conflict = " ON CONFLICT DO NOTHING" if unless_known else ""
    back = f" RETURNING {', '.join(map(quote, returning))}" if returning else ""
    return f"INSERT INTO {quote(model._meta.db_table)} ({names}) {source}{conflict}{back}"
