"""Rows in memory to a table of Spark, and what Spark makes of them back to an array.

The rows go through the driver's own connection, without a file: the machines need no folder in common.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from churn.evaluation import Floats

BYTES_A_PARTITION: Final = 24_000_000
"""Of features. It fits into a message to a task, and depends on the rows alone: no result depends on the cores."""

BATCH: Final = "spark.sql.execution.arrow.maxRecordsPerBatch"

AS_IT_IS: Final = "spark.sql.execution.arrow.localRelationThreshold"
"""A table of fewer bytes is divided by the number of cores."""

PLACE, FEATURES, LABEL, WEIGHT, FOLD = "place", "features", "label", "weight", "fold"

Columns: TypeAlias = Mapping[str, np.ndarray[Any, Any]]

ANSWERS: Final = {"rawPrediction": "raw", "probability": "p"}


@contextmanager
def spark_rows(session: SparkSession, x: np.ndarray[Any, Any], columns: Columns) -> Iterator[DataFrame]:
    """A table that Spark keeps at hand while the block lasts.

    Args:
        session: where it is made.
        x: features, of 32 or 64 bits, shape [n, f]; at least one row.
        columns: more columns by name, each of shape [n].

    Yields:
        `place` (number of the row), `features` (a vector), and the columns.
    """
    flat, kind = np.ascontiguousarray(x).reshape(-1), pa.from_numpy_dtype(x.dtype)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(flat, kind), x.shape[1]).cast(pa.list_(kind))
    table = pa.table({PLACE: np.arange(len(x)), FEATURES: lists, **columns})
    vector = array_to_vector(f.col(FEATURES).cast("array<double>")).alias(FEATURES)
    with _setting(session, AS_IT_IS, "0"):
        frame = _frame(session, table, -(-x.nbytes // BYTES_A_PARTITION))
    kept = frame.select(PLACE, vector, *columns).persist()
    try:
        yield kept
    finally:
        kept.unpersist()


def answers(transformed: DataFrame, *more: str) -> DataFrame:
    """What a model of Spark says of its rows: `place`, `raw`, where it knows any the probabilities `p`; and more."""
    found = {name: short for name, short in ANSWERS.items() if name in transformed.columns}
    arrays = (vector_to_array(f.col(name)).alias(short) for name, short in found.items())
    return transformed.select(PLACE, *arrays, *more)


def in_order(frame: DataFrame, what: str, rows: int) -> Floats:
    """A number for each of so many rows, by `place`; `what` is an expression of Spark SQL."""
    found = np.empty(rows)
    pairs = frame.selectExpr(PLACE, f"double({what})").collect()
    found[[pair[0] for pair in pairs]] = [pair[1] for pair in pairs]
    return found


def _frame(session: Any, table: pa.Table, parts: int) -> DataFrame:
    """The table in so many parts, each a stretch of its rows."""
    size = -(-table.num_rows // parts)
    if int(session.version.split(".")[0]) >= 4:
        with _setting(session, BATCH, str(size)):
            made: DataFrame = session.createDataFrame(table)
            return made
    # Before Spark 4, PySpark takes tables of pandas alone; this is what it does with these.
    from pyspark.sql.pandas.serializers import ArrowStreamSerializer
    from pyspark.sql.pandas.types import from_arrow_schema

    sql = session._jvm.PythonSQLUtils
    batches = session._sc._serialize_to_jvm(
        table.to_batches(max_chunksize=size), ArrowStreamSerializer(), sql.readArrowStreamFromFile,
        session._jvm.ArrowIteratorServer,
    )  # fmt: skip
    return DataFrame(sql.toDataFrame(batches, from_arrow_schema(table.schema).json(), session._jsparkSession), session)


@contextmanager
def _setting(session: SparkSession, name: str, value: str) -> Iterator[None]:
    """A setting of the session that holds inside the block."""
    before = str(session.conf.get(name))
    session.conf.set(name, value)
    try:
        yield
    finally:
        session.conf.set(name, before)
