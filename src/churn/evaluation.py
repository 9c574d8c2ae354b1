"""How good a set of probabilities is: metrics, thresholds, and the tables behind the figures.

Every formula is written once, for weighted rows and for B weightings at a time; `measure` is the case of one
weighting, of ones, and `churn.intervals` that of weights drawn by the bootstrap. A row of weight k counts as
k copies of it, one after the other.

All rests on running totals over the rows in order of their probability. A *cut* c splits that order: rows
c, c + 1, … are flagged. Only cuts between different probabilities are thresholds, so rows that tie are never
told apart, except by the bins of `ece`.

`brier_skill` is 1 - brier / that of saying the rate of these rows of everybody: 1 is perfect, 0 no better than it.

A metric without a value is nan: without churners, all but `log_loss`, `brier`, `ece`, `precision_churn`,
`accuracy` and `*_weighted`; with nobody else, `roc_auc` and `brier_skill`. Where nobody is flagged, a precision is
0, as in Spark and as in scikit-learn with `zero_division=0`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Row: TypeAlias = dict[str, float | int | str]

METRICS: Final = (
    "roc_auc", "average_precision", "log_loss", "brier", "ece",
    "f1_churn", "f1_weighted", "precision_churn", "recall_churn",
    "lift_5", "lift_10", "lift_20", "recall_5", "recall_10", "recall_20",
    "accuracy", "precision_weighted", "recall_weighted", "brier_skill",
)  # fmt: skip
"""The metrics of `measure`, in the order in which it gives them."""

COUNTS: Final = ("tn", "fp", "fn", "tp")

TABLE_TOPS: Final = (1, 2, 5, 10, 15, 20, 25, *range(30, 101, 10))  # percentages of rows in `lift_table`

CLIP: Final = 1e-15  # `log_loss` takes p to lie from this to 1 less this: a sure mistake costs 34.5, not inf

Z95: Final = 1.959963984540054  # the 97.5 % point of the standard normal distribution


def _ratio(above: Floats, below: Floats, undefined: float = float("nan")) -> Floats:
    """`above / below`, or `undefined` where there is nothing to divide by."""
    filled = np.full(np.broadcast_shapes(above.shape, below.shape), undefined)
    np.divide(above, below, out=filled, where=below > 0)
    return filled


def _running(values: Floats) -> Floats:
    """Totals along each line before each of its places and after the last, shape [B, n] to [B, n + 1]."""
    totals = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, out=totals[:, 1:])
    return totals


@dataclass(frozen=True)
class Ranking:
    """Rows sorted by their probability, once for all weightings.

    Attributes:
        order: row numbers by ascending probability, ties in the order of the rows, shape [n].
        y: 1.0 for a churner, else 0.0, in that order, shape [n].
        p: probabilities in that order, shape [n].
        cuts: the cut that flags nobody, then those of the g distinct probabilities, highest first, [g + 1].
    """

    order: Ints
    y: Floats
    p: Floats
    cuts: Ints

    @classmethod
    def of(cls, y: npt.ArrayLike, p: npt.ArrayLike) -> Ranking:
        """Sort rows with labels `y` (0 or 1) and probabilities `p`, both of shape [n].

        Raises:
            ValueError: if there are no rows, shapes differ, or a value is not a label or a probability.
        """
        labels, scores = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
        if labels.ndim != 1 or labels.shape != scores.shape or not labels.size:
            raise ValueError(f"y and p need one shape [n], n > 0, and have {labels.shape} and {scores.shape}")
        if not np.all((labels == 0) | (labels == 1)):
            raise ValueError("y holds something other than 0 and 1")
        if not np.all((scores >= 0) & (scores <= 1)):
            raise ValueError("p holds something other than probabilities from 0 to 1")
        order = np.argsort(scores, kind="stable")
        scores = scores[order]
        starts = np.flatnonzero(np.append(True, scores[1:] != scores[:-1]))
        return cls(order, labels[order], scores, np.append(scores.size, starts[::-1]))

    def thresholds(self) -> Floats:
        """The thresholds of the cuts, shape [g + 1]; the first lies just above every probability."""
        return np.append(np.nextafter(self.p[-1], 2), self.p[self.cuts[1:]])


@dataclass(frozen=True)
class Tally:
    """Running totals over the rows of `ranking` under B weightings.

    Attributes:
        upto: weight of the rows before a cut, shape [B, n + 1].
        upto_churners: the same of churners alone.
        rows: weight of all rows, shape [B, 1].
        churners: the same of churners alone.
    """

    ranking: Ranking
    upto: Floats
    upto_churners: Floats
    rows: Floats
    churners: Floats

    @classmethod
    def of(cls, ranking: Ranking, weights: Floats | None = None) -> Tally:
        """Add up whole `weights` [B, n], rows as the callers order them, no line all 0; None: ones."""
        lines = np.ones((1, ranking.p.size)) if weights is None else weights.take(ranking.order, axis=1)
        upto, upto_churners = _running(lines), _running(lines * ranking.y)
        return cls(ranking, upto, upto_churners, upto[:, -1:], upto_churners[:, -1:])

    def flagged(self, cuts: Ints) -> tuple[Floats, Floats]:
        """How many rows, and how many churners, the cuts [c] flag, each of shape [B, c]."""
        return self.rows - self.upto.take(cuts, axis=1), self.churners - self.upto_churners.take(cuts, axis=1)

    def decisions(self, thresholds: npt.ArrayLike) -> dict[str, Floats]:
        """Metrics and counts where p >= threshold is flagged, each of shape [B, t] for thresholds [t]."""
        flagged, tp = self.flagged(np.searchsorted(self.ranking.p, thresholds, side="left"))
        others, fp, fn = self.rows - self.churners, flagged - tp, self.churners - tp
        tn = others - fp
        precision, precision_others = _ratio(tp, flagged, 0.0), _ratio(tn, tn + fn, 0.0)
        # F1, the harmonic mean of precision and recall, is 2 tp / (2 tp + fp + fn).
        f1, f1_others = _ratio(2 * tp, 2 * tp + fp + fn, 0.0), _ratio(2 * tn, 2 * tn + fp + fn, 0.0)
        accuracy = (tp + tn) / self.rows
        return {
            "precision_churn": precision,
            "recall_churn": _ratio(tp, self.churners),
            "f1_churn": np.where(self.churners > 0, f1, np.nan),
            "f1_weighted": (self.churners * f1 + others * f1_others) / self.rows,
            "precision_weighted": (self.churners * precision + others * precision_others) / self.rows,
            "recall_weighted": accuracy,  # weighting each class's recall by its rows adds up what is right
            "accuracy": accuracy,
            "tn": tn, "fp": fp, "fn": fn, "tp": tp,
        }  # fmt: skip

    def gains(self, percents: tuple[int, ...]) -> dict[str, Floats]:
        """Rows in the top k % (rounded up), lift, and share of all churners there, each of shape [B, k].

        Rows that tie at the end count in part: the gains curve runs straight from threshold to threshold,
        which is the expectation over all orders of the ties.
        """
        flagged, caught = self.flagged(self.ranking.cuts)
        # -(-a // b) rounds up, and without the slip of ceil(0.07 * 100) = 8.
        users = -(-np.array(percents) * self.rows // 100)
        lines = zip(users / self.rows, flagged / self.rows, _ratio(caught, self.churners), strict=True)
        recall = np.array([np.interp(*line) for line in lines])
        return {"users": users, "lift": recall / (users / self.rows), "recall": recall}


def measure(y: npt.ArrayLike, p: npt.ArrayLike, threshold: float) -> dict[str, float]:
    """Measure probabilities of churn against what came of it.

    Args:
        y: labels, 1 for a churner, else 0, shape [n].
        p: probabilities, shape [n].
        threshold: `f1_churn`, `precision_churn`, `recall_churn` and the counts flag p >= `threshold`;
            `f1_weighted`, `accuracy`, `precision_weighted` and `recall_weighted` flag p >= 0.5.

    Returns:
        Every name in `METRICS` (nan where it has no value), `threshold`, and the counts `tn, fp, fn, tp`.

    Raises:
        ValueError: see `Ranking.of`.
    """
    tally = Tally.of(Ranking.of(y, p))
    found = {name: float(values[0]) for name, values in measure_weighted(tally, threshold).items()}
    counts = {name: int(found.pop(name)) for name in COUNTS}
    return found | {"threshold": float(threshold)} | counts


def average_precision(y: npt.ArrayLike, score: Floats) -> float:
    """`average_precision` of scores of any size [n]: only their order counts; nan without rows of both classes."""
    order = np.unique(score, return_inverse=True)[1]
    return measure(y, order / max(1, int(order.max())), 0.5)["average_precision"]


def measure_weighted(tally: Tally, threshold: float) -> dict[str, Floats]:
    """Every name in `METRICS` and `COUNTS`, [B], equal to `measure` of the rows repeated by their weights."""
    tops = (5, 10, 20)
    chosen, half, gains = tally.decisions([threshold]), tally.decisions([0.5]), tally.gains(tops)
    found = {name: values[:, 0] for name, values in half.items()}
    found |= {name: chosen[name][:, 0] for name in ("f1_churn", "precision_churn", "recall_churn", *COUNTS)}
    found |= _separation(tally) | _errors(tally)
    found |= {f"{what}_{k}": gains[what][:, i] for what in ("lift", "recall") for i, k in enumerate(tops)}
    return {name: found[name] for name in (*METRICS, *COUNTS)}


def _separation(tally: Tally) -> dict[str, Floats]:
    """Area under the ROC curve, ties counted half, and average precision, stepwise, as in scikit-learn."""
    flagged, caught = tally.flagged(tally.ranking.cuts)
    gained, churners = np.diff(caught), tally.churners[:, 0]
    area = np.einsum("ij,ij->i", np.diff(flagged) - gained, caught[:, 1:] + caught[:, :-1]) / 2
    # Probabilities at the very top that were not drawn flag nobody; they gain nothing either.
    steps = np.einsum("ij,ij->i", gained, _ratio(caught[:, 1:], flagged[:, 1:], 0.0))
    return {
        "roc_auc": _ratio(area, churners * (tally.rows[:, 0] - churners)),
        "average_precision": _ratio(steps, churners),
    }


def _errors(tally: Tally) -> dict[str, Floats]:
    """Mean logarithmic and squared cost of a row, and the sum over ten bins of share · |mean p - mean y|."""
    y, p, rows, weights = tally.ranking.y, tally.ranking.p, tally.rows[:, 0], np.diff(tally.upto)
    bounded = np.clip(p, CLIP, 1 - CLIP)
    # Edges of bins may fall between the copies of a row: its excess is then shared out.
    lines = zip(rows, tally.upto, _running(weights * (p - y)), strict=True)
    excess = np.diff([np.interp(_edges(int(n), 10), upto, total) for n, upto, total in lines])
    # No matrix products: their last bits depend on how many weightings there are.
    brier, rate = np.einsum("ij,j->i", weights, (p - y) ** 2) / rows, tally.churners[:, 0] / rows
    return {
        "log_loss": np.einsum("ij,j->i", weights, -np.log(np.where(y > 0, bounded, 1 - bounded))) / rows,
        "brier": brier,
        "brier_skill": 1 - _ratio(brier, rate * (1 - rate)),
        "ece": np.abs(excess).sum(axis=1) / rows,
    }


def _edges(rows: int, bins: int) -> Ints:
    """Where `bins` bins of equal count begin and end; rows left over go to the first ones, one each."""
    numbers = np.arange(bins + 1)
    return numbers * (rows // bins) + np.minimum(numbers, rows % bins)


def best_f1_threshold(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """The probability among `p` that, as a threshold, gives churners the best F1; of equals the highest.

    Without a churner no threshold has an F1; the answer is then 1.0, which flags as few as a threshold can.
    """
    ranking = Ranking.of(y, p)
    if not ranking.y.any():
        return 1.0
    thresholds = ranking.thresholds()[1:]  # highest first, and argmax takes the first of equals
    return float(thresholds[Tally.of(ranking).decisions(thresholds)["f1_churn"][0].argmax()])


def threshold_table(y: npt.ArrayLike, p: npt.ArrayLike) -> list[Row]:
    """Whom the thresholds 0.01, 0.02, …, 0.99 flag (p >= threshold), and how well: metrics and counts."""
    thresholds = np.arange(1, 100) / 100
    found = {name: values[0] for name, values in Tally.of(Ranking.of(y, p)).decisions(thresholds).items()}
    counts = {name: found[name].astype(np.int64) for name in COUNTS}
    metrics = {name: found[name] for name in ("precision_churn", "recall_churn", "f1_churn", "f1_weighted")}
    return _table({"threshold": thresholds, "flagged": counts["fp"] + counts["tp"]} | metrics | counts)


def lift_table(y: npt.ArrayLike, p: npt.ArrayLike) -> list[Row]:
    """Whom the `top` 1 … 100 % by p catch; `churners` is an expected number where rows tie at the end."""
    tally = Tally.of(Ranking.of(y, p))
    gains = {name: values[0] for name, values in tally.gains(TABLE_TOPS).items()}
    churners = np.interp(gains["users"], *(totals[0] for totals in tally.flagged(tally.ranking.cuts)))
    found = {"top": np.array(TABLE_TOPS), "users": gains["users"].astype(np.int64), "churners": churners}
    found |= {"churn_rate": churners / gains["users"], "lift": gains["lift"], "recall": gains["recall"]}
    return _table(found)


def calibration_table(y: npt.ArrayLike, p: npt.ArrayLike, bins: int = 10) -> list[Row]:
    """Said and seen in `bins` bins of equal count by ascending p, ties in row order; no bin is empty.

    Columns: `bin` (from 1), `n`, `mean_probability`, `churn_rate`, and its 95 % interval from `low` to `high`.
    """
    ranking = Ranking.of(y, p)
    edges = _edges(ranking.p.size, bins)[: ranking.p.size + 1]  # fewer rows than bins: one row each
    n, starts = np.diff(edges), edges[:-1]
    rate, said = np.add.reduceat(ranking.y, starts) / n, np.add.reduceat(ranking.p, starts) / n
    low, high = wilson(rate, n)
    columns = {"n": n, "mean_probability": said, "churn_rate": rate, "low": low, "high": high}
    return _table({"bin": np.arange(1, n.size + 1)} | columns)


def wilson(rate: Floats, n: Ints | Floats) -> tuple[Floats, Floats]:
    """The 95 % interval of a rate seen on n rows, n > 0, each rate with its own n.

    Wilson, 1927, "Probable inference, the law of succession, and statistical inference".
    """
    middle, scale = rate + Z95**2 / (2 * n), 1 + Z95**2 / n
    half = Z95 * np.sqrt(rate * (1 - rate) / n + Z95**2 / (4 * n**2))
    return np.maximum((middle - half) / scale, 0), np.minimum((middle + half) / scale, 1)


def curve_table(y: npt.ArrayLike, p: npt.ArrayLike, points: int = 200) -> list[Row]:
    """Curves "roc" (x: false alarm rate, y: recall) and "precision_recall" (x: recall, y: precision).

    Each has at most `points` (2 or more) rows by falling `threshold`, thinned evenly over the distinct
    probabilities with both ends kept. It starts where nobody is flagged, with a precision of 1, as in
    scikit-learn. A curve that has no value, for want of churners or of others, is left out.
    """
    ranking = Ranking.of(y, p)
    last = ranking.cuts.size - 1
    thresholds = ranking.thresholds()[np.linspace(0, last, min(max(points, 2), last + 1)).round().astype(int)]
    found = {name: values[0] for name, values in Tally.of(ranking).decisions(thresholds).items()}
    recall, false_alarms = found["recall_churn"], _ratio(found["fp"], found["fp"] + found["tn"])
    precision = np.append(1.0, found["precision_churn"][1:])
    curves = {"roc": (false_alarms, recall), "precision_recall": (recall, precision)}
    return [
        {"curve": name, **row}
        for name, (x, height) in curves.items()
        if not np.isnan([x, height]).any()
        for row in _table({"x": x, "y": height, "threshold": thresholds})
    ]


def _table(columns: dict[str, Floats | Ints]) -> list[Row]:
    """One dict a line, of plain Python numbers."""
    lines = zip(*(values.tolist() for values in columns.values()), strict=True)
    return [dict(zip(columns, line, strict=True)) for line in lines]
