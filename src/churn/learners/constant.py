"""What is left to learn from rows of one class: their rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx

from churn.evaluation import Floats
from churn.learners import Features, Weight
from churn.learners.onnx_graph import INPUT, OUTPUT, float64, make_model, node


@dataclass(frozen=True)
class Constant:
    """Gives everybody the same log-odds; see `churn.learners.Model`.

    Attributes:
        rate: share of leavers; kept away from 0 and 1.
        features: how many there are, all of them ignored.
    """

    rate: float
    features: int

    def logit(self, x: Features) -> Floats:
        """See `churn.learners.Model`."""
        rate = min(max(self.rate, 1e-6), 1 - 1e-6)
        return np.full(len(x), float(np.log(rate / (1 - rate))))

    def weights(self) -> list[Weight]:
        """See `churn.learners.Model`."""
        return [Weight(0.0, float("nan"))] * self.features

    def to_onnx(self) -> onnx.ModelProto:
        """See `churn.learners.Model`."""
        answer = float(self.logit(np.zeros((1, self.features), dtype=np.float32))[0])
        nodes = [
            node("Cast", [INPUT], "wide", to=onnx.TensorProto.DOUBLE),
            node("IsNaN", ["wide"], "unknown"),
            node("Where", ["unknown", "zero", "zero_row"], "nothing"),
            node("MatMul", ["nothing", "zeros"], "flat"),
            node("Add", ["flat", "answer"], OUTPUT),
        ]
        zeros = np.zeros(self.features)
        constants = [float64("zero", 0.0), float64("answer", answer)]
        constants += [float64(name, zeros) for name in ("zero_row", "zeros")]
        return make_model("constant", nodes, constants, self.features)
