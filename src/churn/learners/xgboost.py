"""Gradient-boosted trees by XGBoost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import xgboost

from churn.evaluation import Floats, Ints
from churn.learners import Features, Weight
from churn.learners.onnx_graph import INPUT, OUTPUT, float64, make_model, node


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
        """See `churn.learners.Model`; the trees as converted by onnxmltools, and the log-odds of their answer."""
        from onnxmltools.convert import convert_xgboost
        from onnxmltools.convert.common.data_types import FloatTensorType

        converted = convert_xgboost(
            self.booster, initial_types=[(INPUT, FloatTensorType([None, self.features]))], target_opset=15
        )
        trees = next(n for n in converted.graph.node if n.op_type == "TreeEnsembleClassifier")
        margin, probability = trees.output[1], "both"
        trees.output[1] = probability
        assert margin
        nodes = [
            trees,
            node("Cast", [probability], "wide", to=onnx.TensorProto.DOUBLE),
            node("MatMul", ["wide", "second"], "p"),
            node("MatMul", ["wide", "first"], "q"),
            node("Max", ["p", "tiny"], "p_safe"),
            node("Max", ["q", "tiny"], "q_safe"),
            node("Div", ["p_safe", "q_safe"], "odds"),
            node("Log", ["odds"], OUTPUT),
        ]
        constants = [float64("first", [1.0, 0.0]), float64("second", [0.0, 1.0]), float64("tiny", 1e-12)]
        return make_model("xgboost", nodes, constants, self.features)


class XGBoostLearner:
    """See `churn.learners.Learner`; `params` are XGBoost's own, and `num_boost_round`."""

    def fit(self, x: Features, y: Ints, params: dict[str, Any], seed: int) -> XGBoostModel:
        """See `churn.learners.Learner`."""
        rounds = params["num_boost_round"]
        own = {name: value for name, value in params.items() if name != "num_boost_round"}
        rate = float(np.clip(np.mean(y), 1e-6, 1 - 1e-6))
        settings = {"objective": "binary:logistic", "tree_method": "hist", "seed": seed, "base_score": rate, **own}
        data = xgboost.QuantileDMatrix(x, label=y, max_bin=own.get("max_bin", 256))
        return XGBoostModel(xgboost.train(settings, data, rounds), x.shape[1])


def _number(value: float | list[float]) -> float:
    return float(value if isinstance(value, (int, float)) else value[0])
