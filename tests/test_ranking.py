"""The best features: those that matter first, near-duplicates last, chosen on training rows alone."""

from __future__ import annotations

import numpy as np

from churn.evaluation import measure
from churn.learners.families import FAMILIES
from churn.ranking import best_features, ranked
from churn.tables import Split, Table
from churn.training import fit
from churn.tuning import Recipe
from tests.test_training import noise, table


def informative(n: int = 800) -> Table:
    """f2 says much and f0 something; f3 is f2 over again."""
    x, _ = noise(n, 6)
    x[:, 3] = 2 * x[:, 2] + 0.01 * x[:, 3]
    odds = 2 * x[:, 2] + x[:, 0] - 1
    y = (np.random.default_rng(5).random(n) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    return table(x, y)


def test_what_matters_comes_first_and_what_says_the_same_last() -> None:
    found = ranked(informative(), 0)
    assert sorted(found) == [f"f{i}" for i in range(6)]
    assert found[0] in ("f2", "f3") and found[1] == "f0"
    assert found[-1] in ("f2", "f3")


def test_the_best_are_taken_in_their_order() -> None:
    rows = informative()
    assert best_features(rows, 2, 0).names == tuple(ranked(rows, 0)[:2])
    for count in (None, 6, 99):
        assert best_features(rows, count, 0) is rows


def test_features_are_chosen_without_the_fold_that_is_scored() -> None:
    # 600 features of noise: chosen with the fold's own labels, the best of them would seem to say something.
    x, y = noise(250, 600, rate=0.4)
    task = Split("forecast", table(x, y), table(x[:20], y[:20], week=2), "some users")
    found = fit(task, FAMILIES["logistic_regression"], Recipe(best=8))
    assert len(found.names) == 8 == len(found.model.weights())
    deviation = np.sqrt((y.size + 1) / (12 * y.sum() * (y.size - y.sum())))
    assert abs(measure(y, found.scores.out_of_fold, 0.5)["roc_auc"] - 0.5) < 4 * deviation
    assert measure(y, found.scores.train, 0.5)["roc_auc"] > 0.6
