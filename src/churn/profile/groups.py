"""Plain arithmetic on arrays of users: rates with intervals, deciles, quantiles. Knows no engine and no log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from churn.evaluation import Floats, Ints, Row, wilson

QUANTILES: Final = (1, 5, 25, 50, 75, 95, 99)
"""Percentages shown of every quantity."""

DECILES: Final = 10


def rate_row(leavers: int, users: int) -> Row:
    """`users`, `leavers`, `churn_rate` and its 95 % interval (Wilson) from `low` to `high`; nan for nobody."""
    if not users:
        return {"users": 0, "leavers": 0, "churn_rate": float("nan"), "low": float("nan"), "high": float("nan")}
    rate, n = np.array([leavers / users]), np.array([users])
    low, high = wilson(rate, n)
    interval = {"low": float(low[0]), "high": float(high[0])}
    return {"users": users, "leavers": leavers, "churn_rate": float(rate[0]), **interval}


def rates_by(values: npt.ArrayLike, left: npt.NDArray[np.bool_], order: Sequence[str] = ()) -> list[Row]:
    """`rate_row` for each value that occurs; in `order` where it is given, else the most frequent first."""
    texts = np.asarray(values, dtype=object)
    found, which = np.unique(texts.astype(str), return_inverse=True)
    users = np.bincount(which, minlength=len(found))
    leavers = np.bincount(which, weights=left, minlength=len(found))
    rank = {value: i for i, value in enumerate(order)}
    places = sorted(range(len(found)), key=lambda i: (rank.get(str(found[i]), len(rank)), -users[i], found[i]))
    return [{"value": str(found[i]), **rate_row(int(leavers[i]), int(users[i]))} for i in places]


def decile_rows(values: Floats, left: npt.NDArray[np.bool_]) -> list[Row]:
    """`rate_row` by tenth of the users in order of a quantity; users without a value (nan) are left out.

    Equal values stay together, in the tenth that the first of them falls into, so a quantity that is mostly
    zero has a large first tenth, and some tenths have nobody and no row. `from` and `to` are the smallest and
    largest value inside.
    """
    known = ~np.isnan(values)
    x, gone = values[known], left[known]
    tenth = np.searchsorted(np.sort(x), x, side="left") * DECILES // max(x.size, 1)
    rows: list[Row] = []
    for i in range(DECILES):
        here = tenth == i
        if here.any():
            inside: Row = {"decile": i + 1, "from": float(x[here].min()), "to": float(x[here].max())}
            rows.append(inside | rate_row(int(gone[here].sum()), int(here.sum())))
    return rows


def spread(values: Floats, counts: Ints | None = None) -> Row:
    """`n`, mean, standard deviation (n - 1), smallest, `p1` … `p99` and largest; nan values are left out.

    Quantiles interpolate between neighbours, as numpy does by default.

    Args:
        values: numbers.
        counts: how often each occurs; once by default.
    """
    counts = np.ones(len(values), dtype=np.int64) if counts is None else counts
    known = ~np.isnan(values) & (counts > 0)
    order = np.argsort(values[known], kind="stable")
    x, k = values[known][order], counts[known][order]
    n = int(k.sum())
    if not n:
        return {"n": 0, **dict.fromkeys(("mean", "sd", "min", *(f"p{q}" for q in QUANTILES), "max"), float("nan"))}
    mean = float((x * k).sum() / n)
    sd = float(np.sqrt((k * (x - mean) ** 2).sum() / (n - 1))) if n > 1 else float("nan")
    quantiles = {f"p{q}": _quantile(x, k, q / 100) for q in QUANTILES}
    return {"n": n, "mean": mean, "sd": sd, "min": float(x[0]), **quantiles, "max": float(x[-1])}


def _quantile(x: Floats, k: Ints, share: float) -> float:
    """Of values in order that occur k times each."""
    ends = np.cumsum(k)
    place = share * (ends[-1] - 1)
    below = int(np.floor(place))
    low, high = (x[np.searchsorted(ends, i, side="right")] for i in (below, min(below + 1, int(ends[-1]) - 1)))
    return float(low + (high - low) * (place - below))


def both(left: npt.NDArray[np.bool_]) -> Mapping[str, npt.NDArray[np.bool_]]:
    """The groups that everything is shown for: all users, who stayed, who left."""
    return {"all": np.ones(left.size, dtype=bool), "stayed": ~left, "left": left}
