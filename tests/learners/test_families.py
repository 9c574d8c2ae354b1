"""The model families by name."""

from __future__ import annotations

import numpy as np
import pytest

from churn.errors import SettingsError
from churn.learners.boosted import BoostedModel
from churn.learners.families import FAMILIES, LOCAL, choose
from churn.learners.forest import ForestModel
from churn.learners.linear import LinearModel
from churn.learners.xgboost import XGBoostModel

NAMES = ["logistic_regression", "random_forest", "gradient_boosted_trees", "linear_svm", "xgboost"]
KINDS = (LinearModel, ForestModel, BoostedModel, LinearModel, XGBoostModel)


def test_all_families_are_chosen_if_none_is_named() -> None:
    assert [family.name for family in choose(())] == NAMES == list(FAMILIES) == list(LOCAL)


def test_families_keep_their_own_order_each_once() -> None:
    assert [f.name for f in choose(("xgboost", "logistic_regression", "xgboost"))] == ["logistic_regression", "xgboost"]
    assert [f.name for f in choose(("xgboost",))] == ["xgboost"]


def test_an_unknown_family_is_refused_with_the_list() -> None:
    with pytest.raises(SettingsError) as caught:
        choose(("xgboost", "forest", "svm"))
    assert "forest, svm" in str(caught.value)
    assert f"choose from: {', '.join(NAMES)}" in str(caught.value)


@pytest.mark.parametrize(("name", "kind"), list(zip(NAMES, KINDS, strict=True)))
def test_a_family_is_trained_by_its_own_learner_with_its_own_settings(name: str, kind: type) -> None:
    generator = np.random.default_rng(0)
    x, y = generator.normal(0, 1, (60, 2)).astype(np.float32), (np.arange(60) % 3 == 0).astype(np.int64)
    assert isinstance(FAMILIES[name].learner().fit(x, y, FAMILIES[name].params, 0), kind)


@pytest.mark.parametrize("name", NAMES)
def test_every_family_has_a_grid_of_at_least_four_different_points_of_its_own_settings(name: str) -> None:
    family = FAMILIES[name]
    points = [family.params | point for point in (*family.grid, *family.richer)]
    assert len(family.grid) >= 4
    assert all(points.count(point) == 1 and point.keys() == family.params.keys() for point in points)
    assert family.params in points  # what is used without tuning is one of them
