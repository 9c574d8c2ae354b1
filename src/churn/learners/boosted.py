"""Gradient-boosted trees by scikit-learn, on features put into bins beforehand.

The bins are ours: their edges are numbers of 32 bits, so the trained trees and their ONNX form cannot part at an
edge, and finding them is quick for weighted rows, which takes scikit-learn longer than all the trees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from churn.evaluation import Floats, Ints
from churn.learners import Features, Weight
from churn.learners.threads import limited
from churn.learners.trees import Tree, adding_model

BINS: Final = 64
"""Bins of a feature; more of them cost time and gain nothing on features that are mostly small counts."""

LOOKED_AT: Final = 20_000
"""Rows, evenly spread, whose quantiles become the edges."""


@dataclass(frozen=True)
class Bins:
    """Where the bins of every feature end: bin k holds edges[k - 1] < x <= edges[k]."""

    edges: tuple[NDArray[np.float32], ...]

    @classmethod
    def fit(cls, x: Features) -> Bins:
        """Edges between bins of about equal count; none for a feature that never varies."""
        sample = np.sort(x[:: max(1, len(x) // LOOKED_AT)], axis=0)  # nan goes to the end
        edges = []
        for i in range(x.shape[1]):
            known = sample[: len(sample) - int(np.isnan(sample[:, i]).sum()), i]
            places = (np.arange(1, BINS) * len(known) // BINS) if len(known) else np.empty(0, dtype=np.int64)
            distinct = np.unique(known[places])
            edges.append(distinct[distinct < known[-1]] if len(known) else distinct)
        return cls(tuple(edges))

    def apply(self, x: Features) -> Features:
        """Numbers of the bins, shape [n, f]; unknown stays nan."""
        binned = np.empty_like(x, order="F")
        for i, edges in enumerate(self.edges):
            column = np.ascontiguousarray(x[:, i])
            binned[:, i] = np.searchsorted(edges, column, side="left")
            binned[np.isnan(column), i] = np.nan
        return binned


@dataclass(frozen=True)
class BoostedModel:
    """Trained trees over bins; see `churn.learners.Model`."""

    bins: Bins
    trees: HistGradientBoostingClassifier

    def logit(self, x: Features) -> Floats:
        """See `churn.learners.Model`."""
        with limited(len(x)):
            return np.asarray(self.trees.decision_function(self.bins.apply(x)), dtype=np.float64)

    def weights(self) -> list[Weight]:
        """See `churn.learners.Model`; importance is the share of the total gain."""
        gains = np.zeros(len(self.bins.edges))
        for nodes in self._nodes():
            inner = nodes["is_leaf"] == 0
            np.add.at(gains, nodes["feature_idx"][inner], nodes["gain"][inner])
        total = float(gains.sum()) or 1.0
        return [Weight(float(gain) / total, float("nan")) for gain in gains]

    def to_onnx(self) -> onnx.ModelProto:
        """See `churn.learners.Model`; thresholds are edges of bins, so nothing is rounded."""
        base = float(np.ravel(self.trees._baseline_prediction)[0])
        return adding_model([self._tree(found) for found in self._nodes()], base, len(self.bins.edges))

    def _nodes(self) -> list[NDArray[Any]]:
        """scikit-learn's nodes, tree by tree."""
        return [predictor.nodes for (predictor,) in self.trees._predictors]

    def _tree(self, found: NDArray[Any]) -> Tree:
        leaf = found["is_leaf"] == 1
        return Tree(
            feature=found["feature_idx"].astype(np.int64),
            threshold=np.array([self._edge(node) for node in found], dtype=np.float32),
            left=np.where(leaf, -1, found["left"].astype(np.int64)),
            right=np.where(leaf, -1, found["right"].astype(np.int64)),
            unknown_left=found["missing_go_to_left"] == 1,
            value=found["value"].astype(np.float64)[:, None],
        )

    def _edge(self, node: Any) -> np.float32:
        """The edge below which a node sends rows to the left: its threshold lies between two numbers of bins."""
        if node["is_leaf"]:
            return np.float32(0)
        edges, last = self.bins.edges[node["feature_idx"]], int(np.floor(min(node["num_threshold"], BINS)))
        return edges[last] if last < len(edges) else np.float32(np.inf)  # infinite where only nan goes right


class BoostedLearner:
    """See `churn.learners.Learner`; `params`: `rounds`, `max_depth`, `learning_rate`, `min_leaf`, `penalty`."""

    def fit(
        self, x: Features, y: Ints, params: dict[str, Any], seed: int, weight: Floats | None = None
    ) -> BoostedModel:
        """See `churn.learners.Learner`."""
        bins = Bins.fit(x)
        trees = HistGradientBoostingClassifier(
            max_iter=params["rounds"],
            max_depth=params["max_depth"],
            learning_rate=params["learning_rate"],
            min_samples_leaf=params["min_leaf"],
            l2_regularization=params["penalty"],
            max_leaf_nodes=None,
            max_bins=BINS,
            early_stopping=False,
            random_state=seed,
        )
        with limited(len(y)):
            return BoostedModel(bins, trees.fit(bins.apply(x), y, sample_weight=weight))
