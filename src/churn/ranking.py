"""Which features are the best: ranked on training rows alone, near-duplicates left out."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from churn.evaluation import Floats
from churn.learners.families import FAMILIES
from churn.learners.linear import Scaling, signed_log
from churn.tables import Table

ALIKE: Final = 0.95
"""Correlation from which on, up or down, the less important of two features says nothing new."""

RANKED_BY: Final[dict[str, Any]] = {"num_boost_round": 60, "max_depth": 3}
"""Settings of the quick trees whose gain ranks the features: a feature counts for what it adds to others."""


def best_features(rows: Table, count: int | None, seed: int) -> Table:
    """The rows with their `count` best features alone, the best first; as they are if None or no fewer.

    Whoever measures out of fold gives the rows of the training folds, or the choice has seen the answer.
    """
    if count is None or count >= len(rows.names) or len(np.unique(rows.y)) < 2:
        return rows
    return rows.features(ranked(rows, seed)[:count])


def ranked(rows: Table, seed: int) -> list[str]:
    """All features, the most important first; those too much like a better one come last, in the same order."""
    family = FAMILIES["xgboost"]
    model = family.learner().fit(rows.x, rows.y, family.params | RANKED_BY, seed)
    importance = [weight.importance for weight in model.weights()]
    order = sorted(range(len(rows.names)), key=lambda i: (-importance[i], i))
    alike = np.abs(_correlations(rows)) > ALIKE
    kept: list[int] = []
    for i in order:
        if not alike[i, kept].any():
            kept.append(i)
    return [rows.names[i] for i in (*kept, *(i for i in order if i not in set(kept)))]


def _correlations(rows: Table) -> Floats:
    """Of the signed logarithms, shape [f, f]; 0 where a feature never varies."""
    logs = signed_log(rows.x)
    scaled = Scaling.fit(logs).apply32(logs)
    return np.asarray(scaled.T @ scaled / max(1, len(rows)), dtype=np.float64)
