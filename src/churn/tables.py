"""Snapshots in memory: what learners read, and how rows are divided into training, test and folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from churn.evaluation import Ints
from churn.learners import Features
from churn.snapshots import KEYS

Bools: TypeAlias = npt.NDArray[np.bool_]

UNKNOWN = -1
"""Label of a row whose horizon is not over."""


@dataclass(frozen=True)
class Table:
    """Rows of one task.

    Attributes:
        names: the features, in the order of the columns of `x`.
        x: features, float32 [n, f].
        y: 1 for a leaver, 0 for others, `UNKNOWN` where nobody can know yet, [n].
        users: user ids, [n].
        cutoffs: cut-offs as numpy dates, `NaT` in a ready-made table, [n].
        folds: fold of the user, [n].
        keep_folds: these folds are the test, too, so they are all used, however many rows there are.
    """

    names: tuple[str, ...]
    x: Features
    y: Ints
    users: npt.NDArray[np.object_]
    cutoffs: npt.NDArray[np.datetime64]
    folds: Ints
    keep_folds: bool = False

    @classmethod
    def of(cls, snapshots: pa.Table) -> Table:
        """Take over a snapshot; rows are brought into the order of cut-off and user."""
        users = np.array(snapshots["userId"].to_pylist(), dtype=object)
        cutoffs = snapshots["cutoff"].to_numpy()
        order = np.lexsort((users.astype(str), cutoffs))
        names = tuple(name for name in snapshots.column_names if name not in KEYS)
        x = np.empty((len(order), len(names)), dtype=np.float32)
        for i, name in enumerate(names):
            x[:, i] = snapshots[name].to_numpy()[order]
        labels = snapshots["label"].fill_null(UNKNOWN).to_numpy()
        folds = snapshots["fold"].to_numpy()
        y, fold = labels[order].astype(np.int64), folds[order].astype(np.int64)
        return cls(names, x, y, users[order], cutoffs[order], fold)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.y)

    def rows(self, where: Bools) -> Table:
        """Some of the rows."""
        return replace(
            self, x=self.x[where], y=self.y[where], users=self.users[where], cutoffs=self.cutoffs[where],
            folds=self.folds[where],
        )  # fmt: skip

    def features(self, names: Sequence[str]) -> Table:
        """Some of the features."""
        if tuple(names) == self.names:
            return self
        places = [self.names.index(name) for name in names]
        return replace(self, names=tuple(names), x=np.ascontiguousarray(self.x[:, places]))

    @property
    def leavers(self) -> int:
        """Different users with a label of 1."""
        return len(set(self.users[self.y == 1]))

    def describe(self) -> dict[str, Any]:
        """Numbers of rows, users and leavers, and the cut-offs, for manifests and summaries."""
        return {
            "rows": len(self),
            "users": len(set(self.users)),
            "leavers": self.leavers,
            "base_rate": float(np.mean(self.y == 1)) if len(self) else 0.0,
            "cutoffs": sorted({str(day) for day in self.cutoffs if not np.isnat(day)}),
        }


@dataclass(frozen=True)
class Split:
    """One task, divided: what a model may learn from, and what it is judged on.

    Attributes:
        task: `forecast`, `history` or `history_no_clock`.
        train: rows to learn from; its folds keep all rows of a user together.
        test: rows that nothing is learned or chosen on.
        test_words: the test in words.
    """

    task: str
    train: Table
    test: Table
    test_words: str


def split_forecast(table: Table, test: np.datetime64) -> Split:
    """Earlier cut-offs to train, the latest labelled one to test."""
    known = table.y != UNKNOWN
    return Split(
        "forecast",
        table.rows(known & (table.cutoffs < test)),
        table.rows(known & (table.cutoffs == test)),
        f"all users eligible at the cut-off {test}",
    )


def split_history(table: Table, task: str) -> Split:
    """Fold 0 of the users to test, the others to train: there is no time to divide by."""
    held_out = table.folds == 0
    return Split(task, table.rows(~held_out), table.rows(held_out), "one fifth of the users")
