"""A random forest by scikit-learn (Breiman, 2001), each tree grown on a sample of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from sklearn.ensemble import RandomForestClassifier

from churn.evaluation import Floats, Ints
from churn.learners import Features, Weight
from churn.learners.threads import threads
from churn.learners.trees import Tree, floor32, share_odds, voting_model


@dataclass(frozen=True)
class ForestModel:
    """A trained forest; see `churn.learners.Model`."""

    forest: RandomForestClassifier

    def logit(self, x: Features) -> Floats:
        """See `churn.learners.Model`: the log-odds of the mean share of leavers in the leaves."""
        with np.errstate(invalid="ignore"):  # scikit-learn adds up all of x to see whether it is finite
            return share_odds(self.forest.predict_proba(x))

    def weights(self) -> list[Weight]:
        """See `churn.learners.Model`; importance is the share of the fall of impurity."""
        return [Weight(float(share), float("nan")) for share in self.forest.feature_importances_]

    def to_onnx(self) -> onnx.ModelProto:
        """See `churn.learners.Model`."""
        trees = [_tree(found.tree_, len(self.forest.estimators_)) for found in self.forest.estimators_]
        return voting_model(trees, int(self.forest.n_features_in_))


class ForestLearner:
    """See `churn.learners.Learner`; `params`: `trees`, `max_depth`, `min_leaf`, `rows` (that a tree is grown on)."""

    def fit(self, x: Features, y: Ints, params: dict[str, Any], seed: int, weight: Floats | None = None) -> ForestModel:
        """See `churn.learners.Learner`."""
        forest = RandomForestClassifier(
            n_estimators=params["trees"],
            max_depth=params["max_depth"],
            min_samples_leaf=params["min_leaf"],
            max_samples=min(params["rows"], len(y)),
            max_features=params.get("features", "sqrt"),
            n_jobs=threads(len(y)),
            random_state=seed,
        )
        with np.errstate(invalid="ignore"):
            return ForestModel(forest.fit(x, y, sample_weight=weight))


def _tree(found: Any, trees: int) -> Tree:
    """scikit-learn's arrays of one tree among so many, whose votes count alike."""
    counts = np.asarray(found.value[:, 0, :], dtype=np.float64)
    return Tree(
        feature=np.asarray(found.feature, dtype=np.int64),
        threshold=floor32(np.asarray(found.threshold, dtype=np.float64)),
        left=np.asarray(found.children_left, dtype=np.int64),
        right=np.asarray(found.children_right, dtype=np.int64),
        unknown_left=np.asarray(found.missing_go_to_left, dtype=bool),
        value=counts / counts.sum(axis=1, keepdims=True) / trees,
    )
