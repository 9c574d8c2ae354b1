"""The model families: which there are, what trains each, and with which settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final

from churn.errors import SettingsError
from churn.learners import Learner

LOCAL: Final = {
    "logistic_regression": ("churn.learners.sklearn", "LogisticLearner"),
    "random_forest": ("churn.learners.forest", "ForestLearner"),
    "gradient_boosted_trees": ("churn.learners.boosted", "BoostedLearner"),
    "linear_svm": ("churn.learners.svm", "SvmLearner"),
    "xgboost": ("churn.learners.xgboost", "XGBoostLearner"),
}
"""What trains a family in this process: module and class, loaded only when it is needed."""


@dataclass(frozen=True)
class Family:
    """A family of models.

    Attributes:
        name: as users write it.
        title: as people read it.
        params: settings of the learner, complete.
        grid: what is tried when tuning: each a change of `params`, the simplest first.
        richer: more points, in order; each is tried only if the one before it was the best of all.
        odds: its scores are log-odds; without it they only rise with them, and calibration finds their scale.
        tuning: changes of `params` that hold while tuning only, and make no difference to what is best.
        trainer: makes what trains it; by default what does so in this process.
    """

    name: str
    title: str
    params: dict[str, Any] = field(default_factory=dict)
    grid: tuple[dict[str, Any], ...] = ()
    richer: tuple[dict[str, Any], ...] = ()
    odds: bool = True
    tuning: dict[str, Any] = field(default_factory=dict)
    trainer: Callable[[], Learner] | None = None

    @property
    def prior(self) -> float:
        """How strongly calibration trusts the scores as they are; see `churn.calibration.Calibration.fit`."""
        return 1.0 if self.odds else 0.0

    @property
    def here(self) -> bool:
        """It is trained in this process, and several fits of it may go on at once."""
        return self.trainer is None

    def learner(self) -> Learner:
        """What trains it; its library is loaded only now."""
        if self.trainer:
            return self.trainer()
        module, name = LOCAL[self.name]
        made: Learner = getattr(import_module(module), name)()
        return made


FAMILIES: Final = {
    family.name: family
    for family in (
        Family(
            "logistic_regression",
            "logistic regression",
            {"C": 0.003},
            tuple({"C": c} for c in (0.0003, 0.003, 0.03, 0.3)),
        ),
        Family(
            "random_forest",
            "random forest",
            {"trees": 60, "max_depth": 10, "min_leaf": 10, "rows": 5000},
            (
                {"max_depth": 6, "min_leaf": 20},
                {"max_depth": 10, "min_leaf": 10},
                {"max_depth": 14, "min_leaf": 5},
                {"max_depth": 18, "min_leaf": 2},
            ),
            tuning={"trees": 40},
        ),
        Family(
            "gradient_boosted_trees",
            "gradient-boosted trees",
            {"rounds": 80, "max_depth": 4, "learning_rate": 0.1, "min_leaf": 40, "penalty": 5.0},
            (
                {"max_depth": 2, "rounds": 80},
                {"max_depth": 3, "rounds": 80},
                {"max_depth": 4, "rounds": 80},
                {"max_depth": 5, "rounds": 120},
            ),
            ({"max_depth": 5, "rounds": 300, "learning_rate": 0.05},),
        ),
        Family(
            "linear_svm",
            "linear SVM",
            {"C": 0.0003},
            tuple({"C": c} for c in (0.00003, 0.0003, 0.003, 0.03)),
            odds=False,
        ),
        Family(
            "xgboost",
            "XGBoost",
            {
                "num_boost_round": 100,
                "max_depth": 4,
                "learning_rate": 0.07,
                "min_child_weight": 5.0,
                "reg_lambda": 5.0,
                "subsample": 0.8,
                "colsample_bytree": 0.5,
                "max_bin": 64,
            },
            (
                {"max_depth": 2, "num_boost_round": 100},
                {"max_depth": 3, "num_boost_round": 100},
                {"max_depth": 4, "num_boost_round": 100},
                {"max_depth": 5, "num_boost_round": 150},
            ),
            (
                {
                    "max_depth": 6,
                    "num_boost_round": 900,
                    "learning_rate": 0.02,
                    "min_child_weight": 2.0,
                    "colsample_bytree": 0.7,
                    "max_bin": 256,
                },
            ),
        ),
    )
}
"""By name, in the order in which they are trained and listed."""


def choose(names: tuple[str, ...]) -> tuple[Family, ...]:
    """The families of these names, all if none is given.

    Raises:
        SettingsError: for a name that is no family.
    """
    unknown = [name for name in names if name not in FAMILIES]
    if unknown:
        raise SettingsError(f"no model family is called {', '.join(unknown)}", f"choose from: {', '.join(FAMILIES)}")
    return tuple(family for name, family in FAMILIES.items() if not names or name in names)
