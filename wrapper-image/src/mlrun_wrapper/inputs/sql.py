"""Tables of PostgreSQL: a Parquet file, made of the server's COPY as it comes, so that memory stays flat.

`postgresql://host[:port]/database/[schema/]table`, or DigitalHub's `sql://database/[schema/]table` with the server in
POSTGRES_HOST and POSTGRES_PORT. User and password come by POSTGRES_USER and POSTGRES_PASSWORD, never by the path; TLS
by libpq's own variables (PGSSLMODE, PGSSLROOTCERT).
"""

import os
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from mlrun_operator.api import bounds
from mlrun_operator.api.reasons import Reason
from mlrun_operator.api.words import clauses
from mlrun_wrapper.errors import StepError
from mlrun_wrapper.hashing import file_sha256
from mlrun_wrapper.inputs.base import FetchedInput, InputProvider, Request
from mlrun_wrapper.inputs.naming import own_name
from mlrun_wrapper.inputs.parquet import NotWrittenError, parquet
from mlrun_wrapper.retries import wait_after

if TYPE_CHECKING:
    import psycopg

_SCHEMES: Final = ("postgresql://", "postgres://", "sql://")
_FORMS: Final = "sql://database/[schema/]table and postgresql://host[:port]/database/[schema/]table"
_TIMEOUT: Final = str(bounds.SERVER_SILENCE.limit)
# PostgreSQL's types by their numbers, in the words of `executor/parquet.py`; all others are texts.
_BOOL: Final = 16
_NUMERIC: Final = 1700
_TYPES: Final = {
    _BOOL: "bool",
    17: "bytes",
    20: "int64",
    21: "int16",
    23: "int32",
    26: "int64",  # oid
    700: "float32",
    701: "float64",
    1083: "time",
}
# Days and moments, of which the infinite ones are no value anywhere else.
_MOMENTS: Final = {1082: "date", 1114: "moment", 1184: "moment UTC"}
_MOST_DIGITS: Final = 38  # of a decimal
# SQLSTATE classes: no such database, schema or table; refused.
_MISSING: Final = ("3D000", "3F000", "42P01")
_DENIED: Final = ("28000", "28P01", "42501")
# Connection lost, no resources left, shutting down or starting up, a standby that had to go on.
_PASSING: Final = ("08", "53", "57P01", "57P02", "57P03", "40001")
# What libpq says where there is no SQLSTATE.
_REFUSED: Final = ("authentication failed", "no password supplied", "no pg_hba.conf entry")
_FINAL: Final = ("does not exist", "certificate", "SSL error", "does not support SSL")


class SqlInput(InputProvider):
    """`sql://…` and `postgresql://…`."""

    def serves(self, path: str) -> bool:
        """See `InputProvider.serves`."""
        return path.startswith(_SCHEMES)

    def fetch(self, request: Request) -> FetchedInput:
        """See `InputProvider.fetch`."""
        if request.format not in (None, "parquet", "csv"):
            text = f"a table of PostgreSQL comes as parquet or csv, not as {request.format!r}"
            raise StepError(Reason.INVALID_RUN, f"{request.purpose.what}: {text}")
        try:
            import psycopg  # noqa: PLC0415 - an extra
            from psycopg.conninfo import make_conninfo  # noqa: PLC0415 - an extra
        except ImportError as error:
            text = (
                "tables of PostgreSQL need the extra `sql`: build the wrapper's image with mlrun-operator[wrapper,sql]"
            )
            raise StepError(Reason.INVALID_RUN, f"{request.purpose.what}: {text}") from error
        server, table = _parsed(request)
        tried = 1
        while True:
            try:
                with psycopg.connect(make_conninfo(**server)) as connection:
                    return _copy(connection, table, request)
            except NotWrittenError as error:
                text = clauses(f"{request.shown}: no Parquet can be made of it: {error}", "read it with `format: csv`")
                raise StepError(Reason.INVALID_RUN, f"{request.purpose.what}: {text}") from error
            except psycopg.Error as error:
                if tried >= request.attempts or not _may_pass(error):
                    raise _failure(request, error, tried) from error
            wait_after(tried)
            tried += 1


def _parsed(request: Request) -> tuple[dict[str, str], list[str]]:
    """How to connect, and [schema,] table."""
    url = urlsplit(request.path)
    if url.username is not None or url.password is not None or url.query:
        text = "carries a user, a password or options; give them by POSTGRES_USER, POSTGRES_PASSWORD and PG… variables"
        raise StepError(Reason.INVALID_RUN, f"{request.purpose.what}: {request.shown} {text}")
    parts = [unquote(part) for part in url.path.strip("/").split("/") if part]
    host, port = url.hostname or "", str(url.port or "")
    if url.scheme == "sql":
        parts.insert(0, unquote(url.netloc))
        host = port = ""
    if len(parts) not in (2, 3) or not all(parts):
        raise StepError(Reason.INVALID_RUN, f"{request.purpose.what}: {request.shown} names no table; write {_FORMS}")
    given = {
        "host": host or os.environ.get("POSTGRES_HOST"),
        "port": port or os.environ.get("POSTGRES_PORT"),
        "user": os.environ.get("POSTGRES_USER"),
        "password": os.environ.get("POSTGRES_PASSWORD"),
        "dbname": parts[0],
        "connect_timeout": _TIMEOUT,
        "keepalives_idle": "30",  # a server that is gone is noticed in a minute
        "keepalives_interval": "10",
        "keepalives_count": "3",
        "application_name": "mlrun-operator",
    }
    default = [os.environ["POSTGRES_SCHEMA"]] if len(parts) == 2 and os.environ.get("POSTGRES_SCHEMA") else []
    return {name: value for name, value in given.items() if value}, default + parts[1:]


def _copy(connection: "psycopg.Connection[tuple[object, ...]]", table: list[str], request: Request) -> FetchedInput:
    connection.read_only = True
    connection.execute(
        "SET lock_timeout TO '60s'; SET TimeZone TO 'UTC'; SET DateStyle TO ISO; SET bytea_output TO hex"
    )
    columns = _columns(connection, table)
    file = request.folder / own_name(table[-1])
    if request.format == "csv":
        file = file.with_name(f"{file.name}.csv")
        with file.open("wb") as target:
            _rows(connection, table, columns, request, target, header=True)
    else:
        file = file.with_name(f"{file.name}.parquet")
        with parquet(request.python, [(column.name, column.type) for column in columns], file) as target:
            _rows(connection, table, columns, request, target, header=False)
    return FetchedInput(str(file), file.stat().st_size, file_sha256(file))


def _rows(  # noqa: PLR0913 - what, from where, to where
    connection: "psycopg.Connection[tuple[object, ...]]",
    table: list[str],
    columns: list["_Column"],
    request: Request,
    target: IO[bytes],
    *,
    header: bool,
) -> None:
    from psycopg import sql  # noqa: PLC0415 - an extra

    chosen = sql.SQL(", ").join(
        sql.SQL("{} AS {}").format(
            sql.SQL(column.csv if header else column.typed).format(sql.Identifier(column.name)),
            sql.Identifier(column.name),
        )
        for column in columns
    )
    options = sql.SQL("FORMAT csv, ENCODING 'UTF8', HEADER {}").format(sql.SQL(str(header)))
    command = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT ({})").format(chosen, sql.Identifier(*table), options)
    with connection.cursor() as cursor, cursor.copy(command) as rows:
        for data in rows:
            target.write(data)
            request.watch(len(data))


def _columns(connection: "psycopg.Connection[tuple[object, ...]]", table: list[str]) -> list["_Column"]:
    from psycopg import sql  # noqa: PLC0415 - an extra

    nothing = connection.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(sql.Identifier(*table)))
    return [_column(c.name, c.type_code, c.precision, c.scale) for c in nothing.description or ()]


@dataclass(frozen=True, slots=True)
class _Column:
    """`type` in the words of `executor/parquet.py`; `typed` and `csv` are what is selected of the column."""

    name: str
    type: str
    typed: str = "{}"
    csv: str = "{}"


def _column(name: str, number: int, precision: int | None, scale: int | None) -> _Column:
    if number == _NUMERIC:
        if precision is None or precision > _MOST_DIGITS or not 0 <= (scale or 0) <= precision:
            return _Column(name, "float64")
        return _Column(name, f"decimal {precision} {scale or 0}", "NULLIF({}, 'NaN')")
    if number in _MOMENTS:
        return _Column(name, _MOMENTS[number], "CASE WHEN isfinite({0}) THEN {0} END")
    return _Column(name, _TYPES.get(number, "text"), csv="{}::text" if number == _BOOL else "{}")


def _may_pass(error: "psycopg.Error") -> bool:
    """Whether the server may answer better later: it was not there, went away or was full; it has refused nothing."""
    from psycopg import OperationalError  # noqa: PLC0415 - an extra

    if error.sqlstate is not None:
        return error.sqlstate.startswith(_PASSING)
    words = str(error)  # libpq tells a refused connection by words only
    return isinstance(error, OperationalError) and not any(each in words for each in (*_REFUSED, *_FINAL))


def _failure(request: Request, error: "psycopg.Error", tried: int) -> StepError:
    words = " ".join(str(error).split())
    text = f"{request.shown}: {words}" + (f" ({tried} tries)" if tried > 1 else "")
    if error.sqlstate in _DENIED or any(each in words for each in _REFUSED):
        return request.purpose.denied(clauses(text, "POSTGRES_USER and POSTGRES_PASSWORD say who asks"))
    if error.sqlstate in _MISSING or ("database" in words and "does not exist" in words):
        return request.purpose.missing(text)
    return request.purpose.down(text)
