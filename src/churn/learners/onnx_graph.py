"""Small helpers to write an ONNX graph by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

INPUT: Final = "features"
OUTPUT: Final = "logit"
OPSET: Final = 17
IR_VERSION: Final = 9
"""Old enough for runtimes of 2023, new enough for every operator used here."""


def node(operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> onnx.NodeProto:
    """One operation, named after its output."""
    return helper.make_node(operator, list(inputs), [output], name=output, **attributes)


def float64(name: str, value: npt.ArrayLike) -> onnx.TensorProto:
    """A constant."""
    return numpy_helper.from_array(np.asarray(value, dtype=np.float64), name)


def make_model(
    name: str, nodes: Sequence[onnx.NodeProto], constants: Sequence[onnx.TensorProto], features: int
) -> onnx.ModelProto:
    """A model from `features` float32 [n, f] to `logit` float64 [n]."""
    graph = helper.make_graph(
        list(nodes),
        name,
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, features])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.DOUBLE, [None])],
        list(constants),
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="sparkify-churn")
