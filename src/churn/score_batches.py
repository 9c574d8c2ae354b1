"""Users scored batch by batch, wherever the batches are: what a cluster's machines do with a bundle.

A batch is Arrow: one row a user, with the columns of a snapshot and `level`, `region`, `last_ts`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pyarrow as pa

from churn.bundle import Bundle
from churn.drift import WIDTH, counted
from churn.evaluation import Ints
from churn.risk import risk_rows
from churn.scoring import REASONS, Scorer
from churn.tables import Table

ATTRIBUTES: Final = ("level", "region", "last_ts")

RISK: Final = pa.schema(
    [
        ("userId", pa.string()),
        ("probability", pa.float64()),
        ("band", pa.string()),
        *((f"reason_{k}", pa.string()) for k in range(1, REASONS + 1)),
        ("level", pa.string()),
        ("region", pa.string()),
        ("last_seen", pa.string()),
        ("as_of", pa.string()),
    ]
)
"""A row of the risk list before it has a rank."""

JUDGED: Final = RISK.append(pa.field("counts", pa.list_(pa.int64())))
"""Rows of `RISK`, and in the end one that has nothing but `churn.drift.counted` of them all, row after row."""


@dataclass(frozen=True)
class Judge:
    """Scores batches with a bundle.

    Attributes:
        bundle: in memory, so that it can travel to other machines.
        as_of: date of the snapshots.
    """

    bundle: Bundle
    as_of: date

    def judged(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Batches of `JUDGED`, each with the users of one batch."""
        scorer, names = Scorer(self.bundle, threads=1), self.names
        counts = np.zeros((len(names), WIDTH), dtype=np.int64)
        for batch in batches:
            if not batch.num_rows:
                continue
            table = Table.of(pa.Table.from_batches([batch]).drop_columns(list(ATTRIBUTES)))
            counts += counted(self.bundle.reference, names, table.features(names).x)
            users = batch.column("userId").to_pylist()
            known = batch.select(ATTRIBUTES).to_pylist()
            rows = risk_rows(table, scorer, dict(zip(users, known, strict=True)), self.as_of)
            yield pa.RecordBatch.from_pylist(rows, JUDGED)
        yield pa.RecordBatch.from_pylist([{"counts": counts.reshape(-1).tolist()}], JUDGED)

    @property
    def names(self) -> list[str]:
        """The features of the bundle."""
        return [entry.name for entry in self.bundle.manifest.features]

    def added(self, rows: Iterator[list[int]]) -> Ints:
        """The sum of the counts of `JUDGED`, in the shape of `churn.drift.counted`."""
        total = np.zeros((len(self.names), WIDTH), dtype=np.int64)
        for row in rows:
            total += np.array(row, dtype=np.int64).reshape(total.shape)
        return total
