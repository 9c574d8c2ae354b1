"""Few leavers among many others: what is done about it, on the rows of a training fold and on no others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from churn.errors import SettingsError
from churn.evaluation import Floats, Ints
from churn.learners import Features
from churn.learners.linear import Scaling, signed_log

BALANCES: Final = ("none", "weights", "undersample", "oversample", "smote")

NEIGHBOURS: Final = 5
"""Nearest leavers that a made-up one may lie towards, as in the paper on SMOTE."""

_BLOCK: Final = 1024


@dataclass(frozen=True)
class Rows:
    """What a learner is given: features [n, f], labels [n], and weights [n] of mean 1 (None: all alike)."""

    x: Features
    y: Ints
    weight: Floats | None = None


def check_balance(how: str) -> None:
    """Refuse a name that is no way to balance.

    Raises:
        SettingsError: with the ways there are.
    """
    if how not in BALANCES:
        raise SettingsError(f"--balance is {how}", f"choose from: {', '.join(BALANCES)}")


def balanced(x: Features, y: Ints, how: str, seed: int) -> Rows:
    """Rows of a training fold with both classes made to count alike.

    Args:
        x: features, shape [n, f].
        y: labels, shape [n]; rows of one class are left as they are.
        how: `none`; `weights`: each class weighs half of all; `undersample`: as many others as leavers, drawn
            without replacement; `oversample`: leavers drawn again until they are as many as the others;
            `smote`: the missing leavers are made up between leavers (Chawla et al., 2002).
        seed: of the draws.
    """
    leavers = np.flatnonzero(y == 1)
    others = np.flatnonzero(y != 1)
    if how == "none" or not leavers.size or not others.size:
        return Rows(x, y)
    if how == "weights":
        return Rows(x, y, np.where(y == 1, 0.5 / leavers.size, 0.5 / others.size) * y.size)
    generator = np.random.default_rng(seed)
    few, many = sorted((leavers, others), key=len)
    if how == "undersample":
        kept = np.sort(np.concatenate([few, generator.choice(many, few.size, replace=False)]))
        return Rows(x[kept], y[kept])
    missing = many.size - few.size
    if how == "oversample":
        drawn = np.concatenate([np.arange(y.size), generator.choice(few, missing)])
        return Rows(x[drawn], y[drawn])
    made = _between(x[few], missing, generator)
    return Rows(np.concatenate([x, made]), np.concatenate([y, np.full(missing, y[few[0]])]))


def _between(x: Features, count: int, generator: np.random.Generator) -> Features:
    """Made-up rows, each at random between one of `x` and one of its nearest neighbours."""
    if len(x) == 1:
        return np.repeat(x, count, axis=0)
    nearest = _nearest(x)
    start = generator.integers(len(x), size=count)
    towards = nearest[start, generator.integers(nearest.shape[1], size=count)]
    part = generator.random(count, dtype=np.float32)[:, None]
    return np.asarray(x[start] + part * (x[towards] - x[start]), dtype=np.float32)


def _nearest(x: Features) -> NDArray[np.intp]:
    """Places of the nearest other rows, on scaled logarithms so that no feature outweighs the others, [n, k]."""
    logs = signed_log(x)
    scaled = Scaling.fit(logs).apply(logs).astype(np.float32)
    squares, k = (scaled**2).sum(axis=1), min(NEIGHBOURS, len(x) - 1)
    found = np.empty((len(x), k), dtype=np.intp)
    for start in range(0, len(x), _BLOCK):
        block = slice(start, min(start + _BLOCK, len(x)))
        distance = squares[block, None] + squares - 2 * scaled[block] @ scaled.T
        distance[np.arange(distance.shape[0]), np.arange(block.start, block.stop)] = np.inf
        found[block] = np.argpartition(distance, k - 1, axis=1)[:, :k]
    return found
