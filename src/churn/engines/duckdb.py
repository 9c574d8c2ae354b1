"""The embedded engine: DuckDB through Ibis. No server, no Java."""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa

from churn.errors import EngineError, LineReadError, OutputError, SourceError, writing
from churn.schema import NUMBERS, TEXTS
from churn.sources import MAX_LINE, Source

_FULL = ("No space left", "File too large", "Disk quota")
_DENIED = ("Permission denied", "Read-only", "Could not create", "Cannot open file", "Could not write")
_INTEGERS = {"int8": "TINYINT", "int16": "SMALLINT", "int32": "INTEGER", "int64": "BIGINT"}
_SLACK = 1000
"""Bytes of room for a newline: DuckDB counts it as part of the line in some places and not in others."""
_FLUSH_ROWS = 100_000
"""Rows that a partitioned write holds back: fewer cost little and spare gigabytes, as logs come in order of time."""


class DuckDBEngine:
    """Implements `churn.engines.Engine` inside this process."""

    name = "duckdb"

    def __init__(self, *, memory: int, scratch: Path, threads: int | None = None) -> None:
        """Open an engine.

        Args:
            memory: bytes that DuckDB may use before it spills to `scratch`.
            scratch: folder for what does not fit into memory.
            threads: cores to use; all by default.
        """
        settings: dict[str, Any] = {
            "memory_limit": f"{memory // 1_000_000}MB",
            "temp_directory": str(scratch),
            "preserve_insertion_order": False,
            "enable_progress_bar": True,  # counts the progress that `progress` tells
            "enable_progress_bar_print": False,
            "partitioned_write_flush_threshold": _FLUSH_ROWS,
            "TimeZone": "UTC",
        }
        if threads is not None:
            settings["threads"] = threads
        self._ibis = ibis.duckdb.connect()
        self._con = cast(duckdb.DuckDBPyConnection, self._ibis.con)
        self._views = itertools.count()
        self._closing, self._closed = threading.Lock(), False  # progress is asked from another thread
        self._scratch = scratch
        for name, value in settings.items():
            self._con.execute(f"SET {name} = {_literal(value)}")

    def lines(self, sources: Sequence[Source], columns: dict[str, str], *, numbered: bool = False) -> ir.Table:
        """See `Engine.lines`."""
        self._keep_order(numbered)
        parts = []
        for kind in ("json", "parquet"):
            members = [(i, source) for i, source in enumerate(sources) if source.kind == kind]
            if members:
                sql = _json_sql if kind == "json" else self._parquet_sql
                parts.append(sql([i for i, _ in members], [s.path for _, s in members], columns, numbered))
        return self._sql(" UNION ALL ".join(parts))

    def readable(self, source: Source) -> bool:
        """See `Engine.readable`."""
        if source.kind == "parquet":
            return True
        try:
            self._con.execute(f"SELECT max(length(line)) FROM {_line_reader([source.path])}").fetchall()
        except (duckdb.InvalidInputException, duckdb.IOException):
            return False
        return True

    def keys(self, source: Source) -> tuple[str, ...]:
        """See `Engine.keys`."""
        if source.kind == "parquet":
            return tuple(sorted(self._parquet_columns([source.path])))
        sample = f"(SELECT line FROM {_line_reader([source.path])} LIMIT 10000)"
        objects = f"(SELECT line FROM {sample} WHERE json_valid(line) AND json_type(line) = 'OBJECT')"
        rows = self._con.execute(f"SELECT DISTINCT unnest(json_keys(line)) AS key FROM {objects} ORDER BY key")
        return tuple(row[0] for row in rows.fetchall())

    def read(self, *folders: Path) -> ir.Table:
        """See `Engine.read`."""
        self._keep_order(False)
        files = [file for folder in folders for file in sorted(folder.rglob("*.parquet"))]
        return self._sql(f"SELECT * FROM read_parquet({_files(files)}, hive_partitioning = true)")

    def write(self, table: ir.Table, folder: Path, *, partition_by: Sequence[str] = ()) -> None:
        """See `Engine.write`."""
        parted = f", PARTITION_BY ({', '.join(partition_by)})" if partition_by else ""
        target = folder if partition_by else folder / "part-0.parquet"
        with writing(folder):
            folder.mkdir(parents=True)
        with _translated(folder):
            self._con.execute(f"COPY ({self._compiled(table)}) TO {_literal(str(target))} (FORMAT parquet{parted})")

    def fetch(self, table: ir.Table) -> pa.Table:
        """See `Engine.fetch`."""
        with _translated(self._scratch):
            return self._con.sql(self._compiled(table)).to_arrow_table()

    def progress(self) -> float | None:
        """See `Engine.progress`."""
        with self._closing:
            percent = -1.0 if self._closed else self._con.query_progress()
        return min(percent / 100, 1.0) if percent >= 0 else None

    def close(self) -> None:
        """See `Engine.close`."""
        with self._closing:
            self._closed = True
            self._ibis.disconnect()

    def _keep_order(self, keep: bool) -> None:
        """Line numbers need the order of the file; everything else is faster and smaller without."""
        self._con.execute(f"SET preserve_insertion_order = {_literal(keep)}")

    def _sql(self, query: str) -> ir.Table:
        # A view, since Ibis would parse the text of a query: slow for thousands of files.
        name = f"churn_{next(self._views)}"
        self._con.execute(f"CREATE TEMP VIEW {name} AS {query}")
        return self._ibis.table(name)

    def _compiled(self, table: ir.Table) -> str:
        # DuckDB widens sums and literals in its own way, and a 128-bit sum would reach Parquet as a float.
        whole = {name: _INTEGERS[str(kind)] for name, kind in table.schema().items() if str(kind) in _INTEGERS}
        casts = ", ".join(f"{_quote(name)}::{kind} AS {_quote(name)}" for name, kind in whole.items())
        sql = self._ibis.compile(table)
        return f"SELECT * REPLACE ({casts}) FROM ({sql})" if whole else sql

    def _parquet_columns(self, paths: list[Path]) -> dict[str, str]:
        try:
            rows = self._con.execute(f"DESCRIBE SELECT * FROM {_parquet_reader(paths)}").fetchall()
        except duckdb.Error as error:
            raise SourceError(f"damaged Parquet ({_first_line(error)})", "fetch or write it again") from error
        return {row[0]: row[1] for row in rows}

    def _parquet_sql(self, numbers: list[int], paths: list[Path], columns: dict[str, str], numbered: bool) -> str:
        """A row of a Parquet file as a line: every cell as text, judged like a JSON line."""
        found = self._parquet_columns(paths)
        cells = [f"{_cell(columns[name], found)} AS {_quote(name)}" for name in NUMBERS]
        wrong = {name: _odd_cell(columns[name], name, found) for name in TEXTS}
        cells += [
            f"CASE WHEN NOT {wrong[name]} THEN {_cell(columns[name], found)} END AS {_quote(name)}" for name in TEXTS
        ]
        odd = " + ".join(f"CASE WHEN {wrong[name]} THEN {1 << i} ELSE 0 END" for i, name in enumerate(TEXTS))
        line = ", row_number() OVER () AS line, to_json(t)::VARCHAR AS text" if numbered else ", NULL::VARCHAR AS text"
        index = "0" if numbered else "file_index::BIGINT"
        return (
            f"SELECT {_literal(numbers)}[{index} + 1]::INTEGER AS file{line}, true AS object, "
            f"{', '.join(cells)}, ({odd})::BIGINT AS odd FROM {_parquet_reader(paths)} AS t"
        )


def _cell(column: str, found: dict[str, str]) -> str:
    kind = found.get(column, "")
    if not kind:
        return "NULL::VARCHAR"
    if kind.startswith("TIMESTAMP"):
        # Fractions of a millisecond are dropped, as in JSON lines; epoch_ms would round them.
        whole = "epoch_ns({}) // 1000000" if kind == "TIMESTAMP_NS" else "epoch_us({}) // 1000"
        return f"({whole.format(_quote(column))})::VARCHAR"
    return f"{_quote(column)}::VARCHAR"


def _odd_cell(column: str, name: str, found: dict[str, str]) -> str:
    """Condition: a text column of a Parquet file holds something that is no text; never null."""
    kind = found.get(column, "VARCHAR")
    if kind == "VARCHAR" or kind.startswith("ENUM"):
        return "false"
    if name == "userId" and kind in ("FLOAT", "DOUBLE"):
        return f"NOT coalesce(isfinite({_quote(column)}), true)"
    if name == "userId" and ("INT" in kind or kind.startswith("DECIMAL")):
        return "false"
    return f"({_quote(column)} IS NOT NULL)"


def _parquet_reader(paths: Sequence[Path]) -> str:
    return f"read_parquet({_files(paths)}, union_by_name = true)"


def _files(paths: Sequence[Path]) -> str:
    """Paths for DuckDB, which takes some characters of a name for a pattern."""
    return _literal([re.sub(r"[\[*?]", r"[\g<0>]", str(path)) for path in paths])


def _line_reader(paths: Sequence[Path]) -> str:
    """Lines as text: one column, a separator that JSON forbids, nothing quoted or escaped."""
    return (
        f"read_csv({_files(paths)}, columns = {{'line': 'VARCHAR'}}, delim = '\x1f', quote = '', "
        f"escape = '', comment = '', header = false, auto_detect = false, hive_partitioning = false, "
        f"max_line_size = {MAX_LINE + _SLACK})"
    )


_IS_OBJECT = rf"""strlen(line) <= {MAX_LINE} AND json_valid(line)
    AND CASE WHEN line >= '{{' AND line < '|' THEN true ELSE starts_with(ltrim(line), '{{') END
    AND NOT regexp_matches(line, ',[\s\]}}]*$')"""
"""json_valid also passes scalars, arrays and a comma before the closing brace; each check is cheap for most lines."""


def _json_sql(numbers: list[int], paths: list[Path], columns: dict[str, str], numbered: bool) -> str:
    fields = _literal(json.dumps({columns[name]: "VARCHAR" for name in NUMBERS + TEXTS}))
    parsed = (
        f"SELECT file_index{', row_number() OVER () AS number' if numbered else ''}, line, "
        f"CASE WHEN {_IS_OBJECT} THEN json_transform(line, {fields}) END AS f FROM {_line_reader(paths)}"
    )
    odd = " + ".join(f"CASE WHEN {_odd(columns[name], name)} THEN {1 << i} ELSE 0 END" for i, name in enumerate(TEXTS))
    flagged = f"SELECT *, CASE WHEN f IS NULL THEN 0 ELSE {odd} END AS odd FROM ({parsed})"
    cells = [f"f.{_quote(columns[name])} AS {_quote(name)}" for name in NUMBERS]
    cells += [
        f"CASE WHEN odd = 0 OR odd & {1 << i} = 0 THEN f.{_quote(columns[name])} END AS {_quote(name)}"
        for i, name in enumerate(TEXTS)
    ]
    line = ", number AS line" if numbered else ""
    return (
        f"SELECT {_literal(numbers)}[file_index::BIGINT + 1]::INTEGER AS file{line}, coalesce(line, '') AS text, "
        f"f IS NOT NULL AS object, {', '.join(cells)}, odd::BIGINT AS odd FROM ({flagged})"
    )


def _odd(column: str, name: str) -> str:
    """Condition: a text column holds something that is no JSON string.

    The parser hands out numbers, booleans, objects and arrays as their text, so only a value that could be
    one of these, by its first character, is looked up again in the line. The cases keep the looking cheap:
    most values start with a capital letter, and an AND would look up every line. NaN and Infinity are no JSON,
    but Python writes them and the parser takes them.
    """
    value = f"f.{_quote(column)}"
    again = f"json_type(line, {_literal('/' + column.replace('~', '~0').replace('/', '~1'))}) <> 'VARCHAR'"
    number = "" if name == "userId" else f"({value} >= '-' AND {value} < ':') OR "  # a user id may be a number
    could_be = (
        f"{number}({value} >= '[' AND {value} < '\\') OR ({value} >= '{{' AND {value} < '|') "
        f"OR {value} = 'true' OR {value} = 'false'"
    )
    return (
        f"CASE WHEN {value} >= 'A' AND {value} < '[' "
        f"THEN CASE WHEN {value} = 'NaN' OR {value} = 'Infinity' THEN {again} ELSE false END "
        f"WHEN {could_be} THEN {again} ELSE false END"
    )


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    """DuckDB's errors in the words of this package."""
    try:
        yield
    except duckdb.InvalidInputException as error:
        raise LineReadError(_first_line(error)) from error
    except duckdb.OutOfMemoryException as error:
        raise OutputError(
            f"memory and {folder} together are too small ({_first_line(error)})", "raise --memory, or free some disk"
        ) from error
    except duckdb.IOException as error:
        text = _first_line(error)
        if any(sign in str(error) for sign in _FULL):
            raise OutputError(f"{folder}: the disk is full ({text})", "free some space, then run again") from error
        if "GZIP" in text or "ZSTD" in text.upper() or "frame descriptor" in text:
            raise LineReadError(text) from error
        if any(sign in str(error) for sign in _DENIED):
            raise OutputError(f"{folder}: cannot be written ({text})", "choose another --out") from error
        raise EngineError(f"DuckDB: {text}") from error
    except duckdb.Error as error:
        raise EngineError(f"DuckDB: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: object) -> str:
    """A Python value as an SQL literal."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(_literal(item) for item in value) + "]"
    return str(value)
