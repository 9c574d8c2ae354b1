"""Files as Spark cuts them: the piece of the file that a row is from, the number of its line, how files are named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from churn.errors import SourceError
from churn.s3.client import S3, together
from churn.s3.find import Ranges, object_of
from churn.sources import Source

FILE: Final = "number_of_the_file"
START: Final = "first_byte_of_the_piece"
PLACE: Final = "place_in_the_part"
BEFORE: Final = "what_makes_it_a_line_number"
PIECE: Final = f"_metadata.file_block_start AS {START}"
LINE: Final = f"{PLACE} + {BEFORE} + 0L * spark_partition_id() AS line"
"""Whoever asks for it asks last. It seems to depend on the part that a row is in, so Spark carries no condition past
it; Spark 3.5 would write all that the cells are made of into the condition, over and over, which takes it minutes."""


def number_lines(rows: DataFrame) -> DataFrame:
    """The rows with `PLACE` and `BEFORE`, of which `LINE` makes the number of the line in its file.

    A piece of a file lies in one part, its lines one after the other: how many there are and the place of the first are
    counted for each piece, and the pieces of a file put in order.
    """
    placed = rows.selectExpr("*", f"monotonically_increasing_id() AS {PLACE}")
    pieces = placed.groupBy(FILE, START).agg(f.count(PLACE).alias("n"), f.min(PLACE).alias("first")).collect()
    before: list[tuple[int, int, int]] = []
    file, lines = -1, 0
    for piece in sorted(pieces, key=lambda piece: (piece[FILE], piece[START])):
        lines = lines if piece[FILE] == file else 0
        file = piece[FILE]
        before.append((file, piece[START], lines + 1 - piece["first"]))
        lines += piece["n"]
    known = rows.sparkSession.createDataFrame(before, f"{FILE} int, {START} bigint, {BEFORE} bigint")
    return placed.join(f.broadcast(known), [FILE, START])


def by_schema(members: Mapping[int, Source]) -> list[tuple[pa.Schema, dict[int, Source]]]:
    """Parquet files with those of the same columns: Spark does not put together different types."""
    groups: list[tuple[pa.Schema, dict[int, Source]]] = []
    for (i, source), schema in zip(members.items(), together(schema_of, members.values()), strict=True):
        same = next((group for known, group in groups if known.equals(schema)), None)
        if same is None:
            groups.append((schema, {i: source}))
        else:
            same[i] = source
    return groups


def schema_of(source: Source) -> pa.Schema:
    """The columns of a Parquet file.

    Raises:
        SourceError: if it is none.
    """
    try:
        if source.here:
            return pq.read_schema(source.path)
        return pq.read_schema(pa.PythonFile(Ranges(S3(), object_of(source))))
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"damaged Parquet ({source.address}: {error})", "fetch or write it again") from error


def uri(folder: Path) -> str:
    """A path that Hadoop takes for a local file, whatever its default is; it decodes nothing."""
    return f"file://{folder.absolute()}"


def pattern(address: str) -> str:
    """An address for reading, where some characters would be taken for a pattern."""
    return "".join(f"\\{sign}" if sign in "[]{}*?\\" else sign for sign in address)
