"""A bundle's judgement of millions of users, batch by batch on Spark's machines, the list of them in order.

Python sees one row a user, as Arrow, and never a line of the log. The driver sees the finished list go by, in parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import util
from typing import Final

import ibis.expr.types as ir
import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from churn.engines.spark import SparkEngine
from churn.engines.spark_words import GONE
from churn.errors import UnavailableError
from churn.evaluation import Ints, Row
from churn.score_batches import JUDGED, Judge

USERS_A_TASK: Final = 25_000
"""Reasons cost some ten predictions a user, so a task has enough to do."""

_KINDS: Final = {pa.string(): "string", pa.float64(): "double", pa.list_(pa.int64()): "array<bigint>"}


@dataclass(frozen=True)
class SparkBatches:
    """Users to be judged on Spark.

    Attributes:
        engine: where they are.
        judged: `churn.score_batches.JUDGED`; kept, so that nobody is judged twice.
        users: how many.
        judge: what is done with them.
    """

    engine: SparkEngine
    judged: DataFrame
    users: int
    judge: Judge

    def counts(self) -> Ints:
        """The counts of all features; see `churn.drift.counted`."""
        with self.engine.watched():
            parts = self.judged.filter("counts IS NOT NULL").select("counts").collect()
        return self.judge.added(row["counts"] for row in parts)

    def risks(self) -> Iterator[Row]:
        """The risk list, the highest probability first, ties by user id."""
        with self.engine.watched():
            rows = self.judged.filter("counts IS NULL").drop("counts")
            ordered = rows.orderBy(["probability", "userId"], ascending=[False, True])
            for rank, row in enumerate(ordered.toLocalIterator(), 1):
                yield {"rank": rank, **row.asDict()}


@contextmanager
def spark_batches(engine: SparkEngine, users: ir.Table, judge: Judge) -> Iterator[SparkBatches]:
    """Users of an expression, divided among the machines, as long as the block lasts.

    Raises:
        UnavailableError: without pandas, without which PySpark gives no rows to Python.
    """
    if util.find_spec("pandas") is None:
        raise UnavailableError(
            "scoring on Spark needs pandas, which is not installed",
            "pip install 'sparkify-churn[cluster]', or use --engine duckdb",
        )
    count = engine.fetch(users.aggregate(users=users.count()))["users"][0].as_py()
    with engine.watched():
        frame = engine.frame(users).repartition(max(1, -(-count // USERS_A_TASK)))
        judged = frame.mapInArrow(judge.judged, _schema(JUDGED)).persist()
    try:
        yield SparkBatches(engine, judged, count, judge)
    finally:
        with suppress(PySparkException, *GONE):  # where Java has ended, that has been told
            judged.unpersist()


def _schema(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {_KINDS[field.type]}" for field in schema)
