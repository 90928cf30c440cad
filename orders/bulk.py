"""Writing many rows with one statement and one JSON parameter, on PostgreSQL and SQLite.

Intake writes a few hundred orders per commit. On PostgreSQL one `json_to_recordset` parameter costs
about a quarter of the ORM's `bulk_create`, which binds every column of every row by itself, and a prepared
statement with the parameter bound by the server spares reading and planning the same text every time.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
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
Result = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL whose one parameter is `rows` as JSON text (see `given`)."""

    text: str
    rows: Sequence[Row]


def insert_rows(
    model: type[Model], rows: Sequence[Row], *, returning: tuple[str, ...] = (), unless_known: bool = False
) -> Result:
    """Run an `insertion` by itself and return the named columns; no rows are no statement."""
    return run(insertion(model, rows, returning=returning, unless_known=unless_known))[0] if rows else []


def update_rows(model: type[Model], rows: Sequence[Row]) -> None:
    """Set the columns of rows that are there: each of `rows` has "id" and the same other columns."""
    run(Statement(_updating(connection.vendor, model, tuple(rows[0])), rows))


def insertion(
    model: type[Model], rows: Sequence[Row], *, returning: tuple[str, ...] = (), unless_known: bool = False
) -> Statement:
    """The statement that inserts `rows` (column → value, the same columns in each; at least one row).

    With `unless_known`, rows that hit a unique constraint are left out, and out of the result.
    Sealed columns are sealed here.
    """
    text = _insertion(connection.vendor, model, tuple(rows[0]), returning, unless_known)
    if sealed := [column for column in _sealed_columns(model) if column in rows[0]]:
        rows = [{**row, **{column: seal(row[column]) for column in sealed}} for row in rows]
    return Statement(text, rows)


def run(*statements: Statement) -> list[Result]:
    """Run `statements` inside the caller's transaction, in order, and return the rows of each.

    On PostgreSQL they travel together and are waited for once. Raises what the database raises.
    """
    if connection.vendor == "postgresql":
        return _run_together(statements)
    return [_run_on_sqlite(statement) for statement in statements]


def _run_together(statements: Sequence[Statement]) -> list[Result]:
    database = connection.connection  # looked up once: `connection` is found anew at every use
    cursors = [RawCursor(database) for _ in statements]
    # A pipeline of one would be four waits instead of one, and after each the interpreter must be got again.
    together = database.pipeline() if len(statements) > 1 else nullcontext()
    with connection.wrap_database_errors, together:
        for cursor, statement in zip(cursors, statements, strict=True):
            cursor.execute(statement.text, [Json(statement.rows, dumps=to_json)], prepare=True)
    return [_rows(cursor) for cursor in cursors]


def _rows(cursor: RawCursor[tuple[Any, ...]]) -> Result:
    """What a statement gave back; `cursor.description` would describe every column only to say whether."""
    gave_back = cursor.pgresult is not None and cursor.pgresult.nfields > 0
    return cursor.fetchall() if gave_back else []


def _run_on_sqlite(statement: Statement) -> Result:
    documents = [{column: _sqlite_value(value) for column, value in row.items()} for row in statement.rows]
    with connection.cursor() as cursor:
        cursor.execute(statement.text, [to_json(documents).decode()])
        return list(cursor.fetchall())


def given(vendor: str, columns: Mapping[str, str]) -> str:
    """The query that turns the parameter of a `Statement` into rows of `columns` (name → PostgreSQL type)."""
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
def _updating(vendor: str, model: type[Model], columns: tuple[str, ...]) -> str:
    quote = connection.ops.quote_name
    table, source = quote(model._meta.db_table), given(vendor, _types(model, columns))
    setting = ", ".join(f"{quote(name)} = given.{quote(name)}" for name in columns if name != "id")
    return f"WITH given AS ({source}) UPDATE {table} SET {setting} FROM given WHERE {table}.id = given.id"


def _types(model: type[Model], columns: tuple[str, ...]) -> dict[str, str]:
    types = {field.column: str(field.db_type(connection)) for field in model._meta.concrete_fields}
    return {column: types[column] for column in columns}


@cache
def _insertion(
    vendor: str, model: type[Model], columns: tuple[str, ...], returning: tuple[str, ...], unless_known: bool
) -> str:
    quote = connection.ops.quote_name
    names = ", ".join(map(quote, columns))
    source = given(vendor, _types(model, columns))
    conflict = " ON CONFLICT DO NOTHING" if unless_known else ""
    back = f" RETURNING {', '.join(map(quote, returning))}" if returning else ""
    return f"INSERT INTO {quote(model._meta.db_table)} ({names}) {source}{conflict}{back}"
