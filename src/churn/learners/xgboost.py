"""Gradient-boosted trees by XGBoost."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import xgboost

from churn.evaluation import Floats, Ints
from churn.learners import Features, Weight
from churn.learners.onnx_graph import INPUT, OUTPUT, make_model, node
from churn.learners.threads import threads


@dataclass(frozen=True)
class XGBoostModel:
    """Trained trees; see `churn.learners.Model`."""

    booster: xgboost.Booster
    features: int

    def logit(self, x: Features) -> Floats:
        """See `churn.learners.Model`."""
        return np.asarray(self.booster.inplace_predict(x, predict_type="margin"), dtype=np.float64).reshape(-1)

    def weights(self) -> list[Weight]:
        """See `churn.learners.Model`; importance is the share of the total gain."""
        gains = self.booster.get_score(importance_type="total_gain")
        by_column = [_number(gains.get(f"f{i}", 0.0)) for i in range(self.features)]
        total = sum(by_column) or 1.0
        return [Weight(gain / total, float("nan")) for gain in by_column]

    def to_onnx(self) -> onnx.ModelProto:
        """See `churn.learners.Model`; the trees as converted by onnxmltools, summed up without its last steps.

        Those turn log-odds into a probability of 32 bits, which cannot be undone near 1, and they take the base
        score for log-odds where the first tree has no split.
        """
        from onnxmltools.convert import convert_xgboost
        from onnxmltools.convert.common.data_types import FloatTensorType

        converted = convert_xgboost(
            self.booster, initial_types=[(INPUT, FloatTensorType([None, self.features]))], target_opset=15
        )
        trees = next(n for n in converted.graph.node if n.op_type == "TreeEnsembleClassifier")
        found = {a.name: onnx.helper.get_attribute_value(a) for a in trees.attribute}
        splits = {name: value for name, value in found.items() if name.startswith("nodes_")}
        leaves = {f"target_{name}": found[f"class_{name}"] for name in ("treeids", "nodeids", "ids", "weights")}
        nodes = [
            node(
                "TreeEnsembleRegressor", [INPUT], "margin", domain="ai.onnx.ml",
                n_targets=1, base_values=[self._base()], **splits, **leaves,
            ),
            node("Cast", ["margin"], "wide", to=onnx.TensorProto.DOUBLE),
            node("Squeeze", ["wide", "column"], OUTPUT),
        ]  # fmt: skip
        return make_model("xgboost", nodes, [onnx.numpy_helper.from_array(np.array([1]), "column")], self.features)

    def _base(self) -> float:
        """Log-odds before the first tree."""
        learner = json.loads(self.booster.save_config())["learner"]
        rate = float(learner["learner_model_param"]["base_score"].strip("[]"))
        return float(np.log(rate / (1 - rate)))


class XGBoostLearner:
    """See `churn.learners.Learner`; `params` are XGBoost's own, and `num_boost_round`."""

    def fit(
        self, x: Features, y: Ints, params: dict[str, Any], seed: int, weight: Floats | None = None
    ) -> XGBoostModel:
        """See `churn.learners.Learner`."""
        rounds = params["num_boost_round"]
        own = {name: value for name, value in params.items() if name != "num_boost_round"}
        rate = float(np.clip(np.average(y, weights=weight), 1e-6, 1 - 1e-6))
        own["nthread"] = threads(len(y))
        settings = {"objective": "binary:logistic", "tree_method": "hist", "seed": seed, "base_score": rate, **own}
        data = xgboost.QuantileDMatrix(
            x, label=y, weight=weight, max_bin=own.get("max_bin", 256), nthread=own["nthread"]
        )
        return XGBoostModel(xgboost.train(settings, data, rounds), x.shape[1])


def _number(value: float | list[float]) -> float:
    return float(value if isinstance(value, (int, float)) else value[0])
