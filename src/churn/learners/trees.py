"""Ensembles of decision trees as arrays, and as ONNX.

A tree goes left where x <= threshold. Features have 32 bits; a threshold of 64 bits is rounded to 32 towards
minus infinity, since for every x of 32 bits, x <= t exactly where x <= the largest number of 32 bits up to t.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from churn.evaluation import Floats, Ints
from churn.learners.onnx_graph import INPUT, node


@dataclass(frozen=True)
class Tree:
    """One tree; node 0 is its root.

    Attributes:
        feature: column that a node looks at; any number at a leaf, shape [nodes].
        threshold: of 32 bits, shape [nodes].
        left: node to go to where x <= threshold; -1 at a leaf.
        right: node to go to elsewhere; -1 at a leaf.
        unknown_left: whether nan goes left.
        value: what a leaf adds to each target, shape [nodes, targets].
    """

    feature: Ints
    threshold: NDArray[np.float32]
    left: Ints
    right: Ints
    unknown_left: NDArray[np.bool_]
    value: Floats


def floor32(values: Floats) -> NDArray[np.float32]:
    """The largest number of 32 bits that is not above each value.

    >>> bool(floor32(np.array([0.1]))[0] <= 0.1)
    True
    """
    largest = np.finfo(np.float32).max
    near = np.clip(values, -largest, largest).astype(np.float32)
    above = near.astype(np.float64) > values
    with np.errstate(over="ignore"):  # the number below the lowest is minus infinity, and rightly so
        return np.where(above, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float32)


def ensemble_node(trees: Sequence[Tree], output: str, base: Sequence[float]) -> onnx.NodeProto:
    """The sum of the trees over `features`, float32 [n, targets], starting from `base` [targets]."""
    columns: dict[str, list[NDArray[np.generic]]] = {}

    def add(name: str, values: NDArray[np.generic]) -> None:
        columns.setdefault(name, []).append(values)

    for number, tree in enumerate(trees):
        places, leaf = np.arange(len(tree.left)), tree.left < 0
        add("nodes_treeids", np.full(len(places), number))
        add("nodes_nodeids", places)
        add("nodes_featureids", np.where(leaf, 0, tree.feature))
        add("nodes_values", np.where(leaf, np.float32(0), tree.threshold))
        add("nodes_modes", np.where(leaf, "LEAF", "BRANCH_LEQ"))
        add("nodes_truenodeids", np.where(leaf, 0, tree.left))
        add("nodes_falsenodeids", np.where(leaf, 0, tree.right))
        add("nodes_missing_value_tracks_true", (tree.unknown_left & ~leaf).astype(np.int64))
        for target in range(len(base)):
            add("target_treeids", np.full(leaf.sum(), number))
            add("target_nodeids", places[leaf])
            add("target_ids", np.full(leaf.sum(), target))
            add("target_weights", tree.value[leaf, target])
    attributes = {name: np.concatenate(parts).tolist() for name, parts in columns.items()}
    return node(
        "TreeEnsembleRegressor", [INPUT], output, domain="ai.onnx.ml",
        n_targets=len(base), base_values=list(base), aggregate_function="SUM", **attributes,
    )  # fmt: skip
