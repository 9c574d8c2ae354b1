"""The last step of every ONNX model: calibration, inside the graph."""

from __future__ import annotations

from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LOGIT: Final = "logit"
PROBABILITY: Final = "probability"


def calibrated(model: onnx.ModelProto, slope: float, intercept: float) -> onnx.ModelProto:
    """A model with output `logit` gets a second output, `probability` = sigmoid(slope · logit + intercept)."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    for name, value in (("slope", slope), ("shift", intercept)):
        graph.initializer.append(numpy_helper.from_array(np.asarray(value, dtype=np.float64), name))
    graph.node.extend(
        [
            helper.make_node("Mul", [LOGIT, "slope"], ["sloped"]),
            helper.make_node("Add", ["sloped", "shift"], ["moved"]),
            helper.make_node("Sigmoid", ["moved"], [PROBABILITY]),
        ]
    )
    graph.output.append(helper.make_tensor_value_info(PROBABILITY, TensorProto.DOUBLE, [None]))
    onnx.checker.check_model(result)
    return result
