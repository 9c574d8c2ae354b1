"""How far a metric may be off: the bootstrap over users.

Rows of one user are alike, so whole users are drawn, not rows (the cluster bootstrap: Davison and Hinkley,
1997, "Bootstrap Methods and their Application", section 3.8). To draw as many users as there are, with
replacement, is to give each of them a whole weight; rows are not copied, they are weighted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from churn.evaluation import COUNTS, METRICS, Floats, Ranking, Tally, measure, measure_weighted

CELLS: Final = 200_000
"""Rounds times rows weighed at once: some 20 MB. The size of a block has no influence on the result."""


def bootstrap(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    users: npt.ArrayLike,
    threshold: float,
    *,
    rounds: int = 200,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of every name in `METRICS` and `COUNTS`.

    Args:
        y: labels, 0 or 1, shape [n].
        p: probabilities, shape [n].
        users: whose row each is: numbers or strings, shape [n].
        threshold: as in `churn.evaluation.measure`; it is held, not chosen anew.
        rounds: how often users are drawn.
        seed: of the draws; the same seed gives the same intervals, whatever the order of the rows
            (but for `ece`, where rows tie).

    Returns:
        (low, high) by metric. Rounds in which a metric has no value are left out; (nan, nan) if it never has.

    Raises:
        ValueError: for shapes that differ, values out of range, or fewer than one round.
    """
    ranking = Ranking.of(y, p)
    draws = _draws(users, ranking, rounds, seed)
    drawn = [measure_weighted(Tally.of(ranking, weights), threshold) for weights in draws]
    return {name: _interval(np.concatenate([block[name] for block in drawn])) for name in (*METRICS, *COUNTS)}


def paired_difference(
    y: npt.ArrayLike,
    p_a: npt.ArrayLike,
    p_b: npt.ArrayLike,
    users: npt.ArrayLike,
    *,
    metric: str = "roc_auc",
    rounds: int = 200,
    seed: int = 0,
) -> tuple[float, float, float]:
    """How much higher a metric is for `p_a` than for `p_b`, and the 95 % interval: (difference, low, high).

    Both are measured on the same drawn users, so what makes a draw easy for both does not widen the interval.
    Metrics that need a threshold take 0.5. Other arguments are those of `bootstrap`.

    Raises:
        ValueError: as `bootstrap`, and for a name that is not in `METRICS`.
    """
    if metric not in METRICS:
        raise ValueError(f"{metric!r} is none of the metrics {', '.join(METRICS)}")
    a, b = Ranking.of(y, p_a), Ranking.of(y, p_b)
    draws = _draws(users, a, rounds, seed)
    differences = [_measured(a, weights, metric) - _measured(b, weights, metric) for weights in draws]
    difference = measure(y, p_a, 0.5)[metric] - measure(y, p_b, 0.5)[metric]
    return difference, *_interval(np.concatenate(differences))


def _measured(ranking: Ranking, weights: Floats, metric: str) -> Floats:
    return measure_weighted(Tally.of(ranking, weights), 0.5)[metric]


def _draws(users: npt.ArrayLike, ranking: Ranking, rounds: int, seed: int) -> Iterator[Floats]:
    """Weights of the rows in `rounds` draws of users, block by block, each of shape [block, n]."""
    ids = np.asarray(users)
    if ids.shape != ranking.p.shape:
        raise ValueError(f"users has shape {ids.shape} where y has {ranking.p.shape}")
    if rounds < 1:
        raise ValueError(f"{rounds} rounds; at least 1 is needed")
    distinct, whose = np.unique(ids, return_inverse=True)
    generator, count = np.random.default_rng(seed), distinct.size
    block = max(1, CELLS // ids.size)
    for done in range(0, rounds, block):
        size = min(block, rounds - done)
        weights = generator.multinomial(count, np.full(count, 1 / count), size=size)
        yield weights.astype(np.float64).take(whose, axis=1)


def _interval(values: Floats) -> tuple[float, float]:
    """The 2.5 % and 97.5 % points of those of `values` [rounds] that are not nan."""
    defined = values[~np.isnan(values)]
    if not defined.size:
        return float("nan"), float("nan")
    low, high = np.percentile(defined, (2.5, 97.5))
    return float(low), float(high)
