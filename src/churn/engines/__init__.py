"""The one interface behind which the engines stand; nothing outside asks which engine it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import ibis.expr.types as ir
import pyarrow as pa

from churn.sources import Source


@dataclass(frozen=True)
class Progress:
    """How far the running statement is.

    Attributes:
        share: what is done of it, from 0 to 1.
        words: what it is made of, where the engine can tell; for people.
    """

    share: float
    words: str = ""


class Engine(Protocol):
    """Opens a log, runs Ibis expressions, writes and reads Parquet tables, reports progress."""

    name: str
    numbered: int
    """How many files it numbers the lines of at a time."""

    def lines(
        self, sources: Sequence[Source], columns: dict[str, str], *, counted: Sequence[int] | None = None
    ) -> ir.Table:
        """The raw lines of a log, nothing judged yet.

        Args:
            sources: the files, in the order that `file` counts.
            columns: for each of our 18 column names the name that this log uses.
            counted: how many lines each file has, as found without it: adds `line`, the line number in its file
                from 1; for `numbered` files at most.

        Returns:
            `file` (int32, index into `sources`), `text` (the line; without numbers, objects may go without it),
            `object` (bool: the line is exactly one JSON object), the 18 columns as text (null where absent or null;
            numbers as they are written, or as float64, infinite for what is none), and
            `odd` (int64): bit i is set where text column `schema.TEXTS[i]` holds something that is no JSON
            string (the column itself is null then); a number is fine as `userId`.
        """
        ...

    def reaches(self, source: Source) -> bool:
        """Whether `lines` reads this file where it lies; if not, `churn.s3.stage` it first."""
        ...

    def readable(self, source: Source) -> bool:
        """Whether `lines` gets through this file; if not, `sanitise` it first."""
        ...

    def keys(self, source: Source) -> tuple[str, ...]:
        """The column names found in the first lines of a file, sorted."""
        ...

    def read(self, *folders: Path) -> ir.Table:
        """The Parquet files below folders that `write` made; folder names `key=value` become columns."""
        ...

    def write(self, table: ir.Table, folder: Path, *, partition_by: Sequence[str] = ()) -> None:
        """Write a table as Parquet files into a new folder.

        Raises:
            LineReadError: if a file of the log could not be read as lines.
            OutputError: if the folder cannot be written.
        """
        ...

    def fetch(self, table: ir.Table) -> pa.Table:
        """Collect a small result."""
        ...

    def batches(self, table: ir.Table) -> Iterator[pa.RecordBatch]:
        """A result of any size in its order, some thousands of rows at a time; nothing else is asked meanwhile."""
        ...

    def progress(self) -> Progress | None:
        """How far the running statement is; None where nobody knows."""
        ...

    def close(self) -> None:
        """Give back memory and temporary files."""
        ...
