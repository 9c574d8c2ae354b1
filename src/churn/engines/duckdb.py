"""The embedded engine: DuckDB through Ibis. No server, no Java."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa

from churn.engines import Progress
from churn.engines.duckdb_sql import files, json_sql, line_reader, literal, parquet_reader, parquet_sql, quote
from churn.errors import EngineError, LineReadError, OutputError, SourceError, writing
from churn.sources import Source

logger = logging.getLogger(__name__)

_FULL = ("No space left", "File too large", "Disk quota")
_DENIED = ("Permission denied", "Read-only", "Could not create", "Cannot open file", "Could not write")
_INTEGERS = {"int8": "TINYINT", "int16": "SMALLINT", "int32": "INTEGER", "int64": "BIGINT"}
_FLUSH_ROWS = 20_000
"""Rows that a partitioned write holds back for a partition: with 100,000 those of two months were gigabytes, and a log
of 25 million lines took nearly half as long again."""

BATCH: Final = 10_000
"""Rows of a result that are in memory at a time."""


class DuckDBEngine:
    """Implements `churn.engines.Engine` inside this process."""

    name = "duckdb"
    numbered = 500

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
            self._con.execute(f"SET {name} = {literal(value)}")
        self._count_progress()

    def lines(
        self, sources: Sequence[Source], columns: dict[str, str], *, counted: Sequence[int] | None = None
    ) -> ir.Table:
        """See `Engine.lines`."""
        self._keep_order(counted is not None)
        parts = []
        json, parquet = ({i: s.path for i, s in enumerate(sources) if s.kind == kind} for kind in ("json", "parquet"))
        if json:
            parts.append(json_sql(json, columns, _before(json, counted)))
        # Numbered, the text of a row is shown, without the columns that other files have.
        for found, members in self._alike(parquet, apart=counted is not None):
            parts.append(parquet_sql(members, columns, found, _before(members, counted)))
        return self._sql(" UNION ALL ".join(parts))

    def reaches(self, source: Source) -> bool:
        """See `Engine.reaches`."""
        return source.here

    def readable(self, source: Source) -> bool:
        """See `Engine.readable`."""
        if source.kind == "parquet":
            return True
        try:
            self._con.execute(f"SELECT max(length(line)) FROM {line_reader([source.path])}").fetchall()
        except (duckdb.InvalidInputException, duckdb.IOException):
            return False
        return True

    def keys(self, source: Source) -> tuple[str, ...]:
        """See `Engine.keys`."""
        if source.kind == "parquet":
            return tuple(sorted(self._parquet_columns([source.path])))
        sample = f"(SELECT line FROM {line_reader([source.path])} LIMIT 10000)"
        objects = f"(SELECT line FROM {sample} WHERE json_valid(line) AND json_type(line) = 'OBJECT')"
        rows = self._execute(f"SELECT DISTINCT unnest(json_keys(line)) AS key FROM {objects} ORDER BY key")
        return tuple(row[0] for row in rows)

    def read(self, *folders: Path) -> ir.Table:
        """See `Engine.read`."""
        self._keep_order(False)
        paths = [file for folder in folders for file in sorted(folder.rglob("*.parquet"))]
        return self._sql(f"SELECT * FROM read_parquet({files(paths)}, hive_partitioning = true)")

    def write(self, table: ir.Table, folder: Path, *, partition_by: Sequence[str] = ()) -> None:
        """See `Engine.write`."""
        parted = f", PARTITION_BY ({', '.join(partition_by)})" if partition_by else ""
        target = folder if partition_by else folder / "part-0.parquet"
        with writing(folder):
            folder.mkdir(parents=True)
        with _translated(folder):
            self._con.execute(f"COPY ({self._compiled(table)}) TO {literal(str(target))} (FORMAT parquet{parted})")

    def fetch(self, table: ir.Table) -> pa.Table:
        """See `Engine.fetch`."""
        with _translated(self._scratch):
            return self._con.sql(self._compiled(table)).to_arrow_table()

    def batches(self, table: ir.Table) -> Iterator[pa.RecordBatch]:
        """See `Engine.batches`."""
        with _translated(self._scratch):
            yield from self._con.sql(self._compiled(table)).to_arrow_reader(BATCH)

    def progress(self) -> Progress | None:
        """See `Engine.progress`."""
        with self._closing:
            percent = -1.0 if self._closed else self._con.query_progress()
        return Progress(min(percent / 100, 1.0)) if percent >= 0 else None

    def close(self) -> None:
        """See `Engine.close`."""
        with self._closing:
            self._closed = True
            self._ibis.disconnect()

    def _count_progress(self) -> None:
        """Have DuckDB count the progress that `progress` tells, without drawing a bar of its own."""
        try:
            self._con.execute("SET enable_progress_bar = true")
            self._con.execute("SET enable_progress_bar_print = false")
        except duckdb.InvalidInputException as error:
            # In a notebook DuckDB insists on ipywidgets, though nothing is to be drawn: do without progress there.
            logger.info("no progress is counted: %s", _first_line(error))

    def _keep_order(self, keep: bool) -> None:
        """Line numbers need the order of the file; everything else is faster and smaller without."""
        self._execute(f"SET preserve_insertion_order = {literal(keep)}")

    def _execute(self, query: str) -> list[tuple[Any, ...]]:
        with _translated(self._scratch):
            return self._con.execute(query).fetchall()

    def _sql(self, query: str) -> ir.Table:
        # A view, since Ibis would parse the text of a query: slow for thousands of files.
        name = f"churn_{next(self._views)}"
        self._execute(f"CREATE TEMP VIEW {name} AS {query}")
        with _translated(self._scratch):
            return self._ibis.table(name)

    def _compiled(self, table: ir.Table) -> str:
        # DuckDB widens sums and literals in its own way, and a 128-bit sum would reach Parquet as a float.
        whole = {name: _INTEGERS[str(kind)] for name, kind in table.schema().items() if str(kind) in _INTEGERS}
        casts = ", ".join(f"{quote(name)}::{kind} AS {quote(name)}" for name, kind in whole.items())
        sql = self._ibis.compile(table)
        return f"SELECT * REPLACE ({casts}) FROM ({sql})" if whole else sql

    def _alike(self, members: Mapping[int, Path], *, apart: bool) -> list[tuple[dict[str, str], dict[int, Path]]]:
        """Parquet files and the kinds of their columns: those of all together, or `apart` by their own."""
        if not apart:
            return [(self._parquet_columns(list(members.values())), dict(members))] if members else []
        groups: dict[tuple[tuple[str, str], ...], dict[int, Path]] = {}
        for i, path in members.items():
            groups.setdefault(tuple(self._parquet_columns([path]).items()), {})[i] = path
        return [(dict(found), group) for found, group in groups.items()]

    def _parquet_columns(self, paths: list[Path]) -> dict[str, str]:
        try:
            rows = self._con.execute(f"DESCRIBE SELECT * FROM {parquet_reader(paths)}").fetchall()
        except duckdb.Error as error:
            raise SourceError(f"damaged Parquet ({_first_line(error)})", "fetch or write it again") from error
        return {row[0]: row[1] for row in rows}


def _before(members: Iterable[int], counted: Sequence[int] | None) -> list[int] | None:
    """How many lines the files before each have, if it is known."""
    return None if counted is None else [0, *itertools.accumulate(counted[i] for i in members)]


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    """DuckDB's errors in the words of this package."""
    try:
        yield
    except duckdb.InterruptException as error:
        raise KeyboardInterrupt from error
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
    except RuntimeError as error:
        if str(error) == "Query interrupted":  # what DuckDB makes of Ctrl-C
            raise KeyboardInterrupt from error
        raise


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
