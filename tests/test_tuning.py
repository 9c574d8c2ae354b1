"""Settings are found on a sample of users, by cross-validation, and the richest only while it pays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from churn.errors import SettingsError
from churn.learners.families import FAMILIES, Family
from churn.tables import Table
from churn.tuning import SAMPLE_ROWS, Recipe, points_as_json, sample_of_users, tune, untuned
from tests.test_training import noise, table

QUICK = {"num_boost_round": 15, "nthread": 1}


def steps(n: int = 900) -> Table:
    """Leaving depends on which of two features are high together: stumps cannot see it."""
    x, _ = noise(n, 4)
    odd = (x[:, 0] > 0) ^ (x[:, 1] > 0)
    y = np.random.default_rng(3).random(n) < np.where(odd, 0.7, 0.1)
    return table(x, y.astype(np.int64))


def family(*grid: dict[str, int], richer: tuple[dict[str, int], ...] = ()) -> Family:
    params = FAMILIES["xgboost"].params | QUICK
    return Family("xgboost", "XGBoost", params, grid, richer)


def test_the_point_with_the_best_average_precision_out_of_fold_is_taken() -> None:
    found = tune(steps(), family({"max_depth": 1}, {"max_depth": 4}), Recipe())
    assert found.point == {"max_depth": 4}
    assert found.params["max_depth"] == 4 and found.params["num_boost_round"] == 15
    scores = dict((point["max_depth"], score) for point, score in found.tried)
    assert scores[4] > scores[1] + 0.1
    assert found.seconds > 0
    assert points_as_json(found) == '[{"max_depth": 1}, {"max_depth": 4}]'


def test_of_equals_the_first_is_taken_also_where_nobody_leaves() -> None:
    rows = steps()
    alone = replace(rows, y=np.zeros_like(rows.y))
    found = tune(alone, family({"max_depth": 1}, {"max_depth": 4}), Recipe())
    assert found.point == {"max_depth": 1}
    assert all(np.isnan(score) for _, score in found.tried)


def test_a_richer_point_is_tried_only_after_the_richest_before_it_has_won() -> None:
    deep, deeper = {"max_depth": 4}, {"max_depth": 5}
    won = tune(steps(), family({"max_depth": 1}, deep, richer=(deeper,)), Recipe())
    assert [point for point, _ in won.tried] == [{"max_depth": 1}, deep, deeper]
    lost = tune(steps(), family(deep, {"max_depth": 1}, richer=(deeper,)), Recipe())
    assert [point for point, _ in lost.tried] == [deep, {"max_depth": 1}]


def test_settings_for_tuning_alone_are_gone_afterwards() -> None:
    brief = replace(family({"max_depth": 1}, {"max_depth": 4}), tuning={"num_boost_round": 3})
    assert tune(steps(), brief, Recipe()).params["num_boost_round"] == 15


def test_what_is_taken_over_is_not_tried() -> None:
    found = untuned(FAMILIES["xgboost"], {"max_depth": 2, "num_boost_round": 100})
    assert found.params["max_depth"] == 2
    assert found.point.keys() >= {"max_depth", "num_boost_round"}
    assert len(found.tried) == 1 and np.isnan(found.tried[0][1])


def test_a_sample_has_whole_users_always_the_same_ones_whatever_else_is_there() -> None:
    users = np.repeat(np.arange(4000), 5)
    rows = table(np.zeros((users.size, 1)), np.zeros(users.size), users)
    taken = sample_of_users(rows, SAMPLE_ROWS, 0)
    assert taken.sum() == pytest.approx(SAMPLE_ROWS, rel=0.05)
    by_user = taken.reshape(-1, 5)
    assert np.all(by_user.all(axis=1) == by_user.any(axis=1))
    np.testing.assert_array_equal(taken, sample_of_users(rows, SAMPLE_ROWS, 0))
    assert not np.array_equal(taken, sample_of_users(rows, SAMPLE_ROWS, 1))
    shuffled = np.random.default_rng(0).permutation(users.size)
    again = sample_of_users(rows.rows(shuffled), SAMPLE_ROWS, 0)
    np.testing.assert_array_equal(again, taken[shuffled])
    assert sample_of_users(rows.rows(np.arange(100)), SAMPLE_ROWS, 0).all()


@pytest.mark.parametrize(("wrong", "words"), [({"best": 0}, "--top-features is 0"), ({"balance": "x"}, "--balance is")])
def test_a_recipe_that_makes_no_sense_is_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Recipe(**wrong)
