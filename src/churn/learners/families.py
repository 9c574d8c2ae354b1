"""The model families: which there are, what trains each, and with which settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from churn.errors import SettingsError
from churn.learners import Learner


@dataclass(frozen=True)
class Family:
    """A family of models.

    Attributes:
        name: as users write it.
        title: as people read it.
        params: settings of the learner.
    """

    name: str
    title: str
    params: dict[str, Any] = field(default_factory=dict)

    def learner(self) -> Learner:
        """What trains it; its library is loaded only now."""
        if self.name == "xgboost":
            from churn.learners.xgboost import XGBoostLearner

            return XGBoostLearner()
        from churn.learners.sklearn import LogisticLearner

        return LogisticLearner()


FAMILIES: Final = {
    family.name: family
    for family in (
        Family("logistic_regression", "logistic regression", {"C": 0.01}),
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
