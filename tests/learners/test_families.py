"""The model families by name."""

from __future__ import annotations

import numpy as np
import pytest

from churn.errors import SettingsError
from churn.learners.families import FAMILIES, choose
from churn.learners.sklearn import LogisticModel
from churn.learners.xgboost import XGBoostModel


def test_all_families_are_chosen_if_none_is_named() -> None:
    assert [family.name for family in choose(())] == ["logistic_regression", "xgboost"]


def test_families_keep_their_own_order_each_once() -> None:
    assert [f.name for f in choose(("xgboost", "logistic_regression", "xgboost"))] == list(FAMILIES)
    assert [f.name for f in choose(("xgboost",))] == ["xgboost"]


def test_an_unknown_family_is_refused_with_the_list() -> None:
    with pytest.raises(SettingsError) as caught:
        choose(("xgboost", "forest", "svm"))
    assert "forest, svm" in str(caught.value)
    assert "choose from: logistic_regression, xgboost" in str(caught.value)


@pytest.mark.parametrize(("name", "kind"), [("logistic_regression", LogisticModel), ("xgboost", XGBoostModel)])
def test_a_family_is_trained_by_its_own_learner_with_its_own_settings(name: str, kind: type) -> None:
    generator = np.random.default_rng(0)
    x, y = generator.normal(0, 1, (60, 2)).astype(np.float32), (np.arange(60) % 3 == 0).astype(np.int64)
    assert isinstance(FAMILIES[name].learner().fit(x, y, FAMILIES[name].params, 0), kind)
