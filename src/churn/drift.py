"""Whether features still look as they did when the model was made: the population stability index (PSI)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from churn.evaluation import Floats, Ints, Row
from churn.learners import Features
from churn.reference import read_reference

Verdict = Literal["large", "moderate", "stable"]

MODERATE: Final = 0.1
LARGE: Final = 0.25
"""The usual bands: below 0.1 stable, from 0.25 on another population (Siddiqi, 2006, "Credit Risk Scorecards")."""

TENTHS: Final = 10
"""Bins end at the deciles of the reference."""

WIDTH: Final = TENTHS + 3
"""Bins at most: between the deciles with both ends, above the last one, and unknown."""

EMPTY: Final = 0.5
"""Rows that an empty bin counts as, or its logarithm would be infinite."""


@dataclass(frozen=True)
class Drift:
    """One feature.

    Attributes:
        feature: its name.
        psi: sum over bins of (share now - share then) · ln(share now / share then).
        chance: what PSI reaches in 1 of 1,000 samples of this size from the very same population.
        verdict: by the usual bands; stable where chance explains it.
    """

    feature: str
    psi: float
    chance: float
    verdict: Verdict

    def as_row(self) -> Row:
        """For a table."""
        return {"feature": self.feature, "psi": self.psi, "chance": self.chance, "verdict": self.verdict}


def drifts(reference: bytes, rows: int, names: Sequence[str], x: Features) -> list[Drift]:
    """How far each feature has moved, the worst first, equals by name.

    Args:
        reference: `reference.parquet` of a bundle.
        rows: how many rows it was made of.
        names: of the features, in the order of the columns of `x`.
        x: features now, shape [n, f].
    """
    return drifts_of(reference, rows, names, counted(reference, names, x))


def counted(reference: bytes, names: Sequence[str], x: Features) -> Ints:
    """Rows by feature and bin, unknown ones last, shape [f, `WIDTH`]; counts of parts add up to those of the whole."""
    usual = _usual(reference, names)
    counts = np.zeros((len(names), WIDTH), dtype=np.int64)
    for i, own in enumerate(usual):
        edges, column = _edges(own)[0], x[:, i].astype(np.float64)
        known = column[~np.isnan(column)]
        counts[i, :-1] = np.bincount(np.searchsorted(edges, known, side="left"), minlength=WIDTH - 1)
        counts[i, -1] = len(column) - len(known)
    return counts


def drifts_of(reference: bytes, rows: int, names: Sequence[str], counts: Ints) -> list[Drift]:
    """`drifts`, from what `counted` gives."""
    usual = _usual(reference, names)
    found = [_drift(name, own, counts[i], rows) for i, (name, own) in enumerate(zip(names, usual, strict=True))]
    return sorted(found, key=lambda drift: (-drift.psi, drift.feature))


def _usual(reference: bytes, names: Sequence[str]) -> list[dict[str, Floats]]:
    """The reference distributions by feature."""
    table = read_reference(reference)
    feature = np.array(table["feature"], dtype=object)
    # Bundles of before know quantiles alone, which say a little less where many values are alike.
    table = {"at_most": table["quantile"], "unknown": [0.0] * len(feature), **table}
    columns = {name: np.array(table[name], dtype=np.float64) for name in ("quantile", "value", "at_most", "unknown")}
    return [{key: values[feature == name] for key, values in columns.items()} for name in names]


def _drift(name: str, reference: dict[str, Floats], counts: Ints, rows: int) -> Drift:
    edges, places = _edges(reference)
    total = int(counts.sum())
    unknown = float(reference["unknown"][0])
    then = np.append(np.diff(reference["at_most"][places], prepend=0.0, append=1.0) * (1 - unknown), unknown)
    here = np.append(counts[: len(edges) + 1], counts[-1]) / max(1, total)
    a, b = np.maximum(then, EMPTY / max(1, rows)), np.maximum(here, EMPTY / max(1, total))
    psi = float(np.sum((b - a) * np.log(b / a)))
    bins = int(np.sum((then > 0) | (here > 0)))
    chance = _chance(bins, rows, total)
    verdict: Verdict = "stable" if psi < MODERATE or psi < chance else "moderate" if psi < LARGE else "large"
    return Drift(name, psi, chance, verdict)


def _edges(reference: dict[str, Floats]) -> tuple[Floats, NDArray[np.intp]]:
    """Upper ends of the bins, all different, and their places among the quantiles; above the last there is one more."""
    deciles = np.flatnonzero(np.isclose(np.mod(reference["quantile"] * TENTHS + 0.5, 1), 0.5))
    values = reference["value"][deciles]
    last = np.append(values[1:] != values[:-1], True)
    return values[last], deciles[last]


def _chance(bins: int, then: int, now: int) -> float:
    """The 99.9 % point of PSI where nothing has changed: about (1/n + 1/m) times a chi-squared number.

    Its quantile by Wilson and Hilferty (1931), "The distribution of chi-square".
    """
    free = bins - 1
    if free < 1 or not then or not now:
        return 0.0
    part = 2 / (9 * free)
    return float(free * (1 - part + 3.0902 * np.sqrt(part)) ** 3 * (1 / then + 1 / now))
