"""Linear models: features brought to one scale, and a weighted sum of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import onnx
from numpy.typing import NDArray

from churn.evaluation import Floats
from churn.learners import Features, Weight
from churn.learners.onnx_graph import INPUT, OUTPUT, float64, make_model, node

Float = TypeVar("Float", np.float32, np.float64)


@dataclass(frozen=True)
class Scaling:
    """Brings every feature to mean 0 and standard deviation 1, after a signed logarithm that tames long tails.

    Attributes:
        mean: of the logarithms, shape [f].
        scale: one over their standard deviation, 0 for a feature that never varies, shape [f].
    """

    mean: Floats
    scale: Floats

    @classmethod
    def fit(cls, logs: NDArray[Any]) -> Scaling:
        """Learn mean and deviation of signed logarithms [n, f]; nan is left out."""
        unknown = np.isnan(logs)
        n = np.maximum(len(logs) - unknown.sum(axis=0), 1)
        mean = np.where(unknown, 0, logs).sum(axis=0, dtype=np.float64) / n
        deviation = np.sqrt(np.where(unknown, 0, (logs - mean) ** 2).sum(axis=0) / n)
        return cls(mean, np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 1e-9))

    def apply(self, logs: NDArray[Any]) -> Floats:
        """Scaled features, shape [n, f]; an unknown value becomes the mean, which is 0."""
        return np.asarray(np.nan_to_num((logs - self.mean) * self.scale), dtype=np.float64)

    def apply32(self, logs: Features) -> Features:
        """`apply` in 32 bits: half the time, for training, where the last digits are of no account."""
        scaled = logs - self.mean.astype(np.float32)
        scaled *= self.scale.astype(np.float32)
        return np.asarray(np.nan_to_num(scaled, copy=False), dtype=np.float32)


def signed_log(x: NDArray[Float]) -> NDArray[Float]:
    """sign(x) · ln(1 + |x|), in as many bits as x has."""
    return np.copysign(np.log1p(np.abs(x)), x)


@dataclass(frozen=True)
class LinearModel:
    """A trained linear model, whatever its loss was; see `churn.learners.Model`."""

    scaling: Scaling
    coefficients: Floats
    intercept: float

    def logit(self, x: Features) -> Floats:
        """See `churn.learners.Model`."""
        scaled = self.scaling.apply(signed_log(x.astype(np.float64)))
        return np.asarray(scaled @ self.coefficients + self.intercept, dtype=np.float64)

    def weights(self) -> list[Weight]:
        """See `churn.learners.Model`."""
        total = float(np.abs(self.coefficients).sum()) or 1.0
        return [Weight(abs(float(c)) / total, float(c)) for c in self.coefficients]

    def to_onnx(self) -> onnx.ModelProto:
        """See `churn.learners.Model`; in 64 bits throughout, so it equals `logit` to rounding."""
        nodes = [
            node("Cast", [INPUT], "wide", to=onnx.TensorProto.DOUBLE),
            node("Abs", ["wide"], "size"),
            node("Add", ["size", "one"], "shifted"),
            node("Log", ["shifted"], "log"),
            node("Sign", ["wide"], "sign"),
            node("Mul", ["sign", "log"], "signed"),
            node("Sub", ["signed", "mean"], "centred"),
            node("Mul", ["centred", "scale"], "scaled"),
            node("IsNaN", ["scaled"], "unknown"),
            node("Where", ["unknown", "zero", "scaled"], "known"),
            node("MatMul", ["known", "coefficients"], "product"),
            node("Add", ["product", "intercept"], OUTPUT),
        ]
        constants = [
            float64("one", 1.0),
            float64("zero", 0.0),
            float64("mean", self.scaling.mean),
            float64("scale", self.scaling.scale),
            float64("coefficients", self.coefficients),
            float64("intercept", self.intercept),
        ]
        return make_model("linear", nodes, constants, len(self.coefficients))
