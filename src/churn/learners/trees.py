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
from churn.learners import Features
from churn.learners.onnx_graph import INPUT, OUTPUT, float64, make_model, node

LEAST_SHARE = 1e-6
"""Votes are kept so far from none and all, or their log-odds would be infinite."""


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


def summed(trees: Sequence[Tree], x: Features) -> Floats:
    """What the trees add up to for features [n, f], shape [n, targets]."""
    total = np.zeros((len(x), trees[0].value.shape[1]))
    for tree in trees:
        at, inner = np.zeros(len(x), dtype=np.int64), np.arange(len(x))
        while (inner := inner[tree.left[at[inner]] >= 0]).size:
            here = at[inner]
            found = x[inner, tree.feature[here]]
            left = (found <= tree.threshold[here]) | (np.isnan(found) & tree.unknown_left[here])
            at[inner] = np.where(left, tree.left[here], tree.right[here])
        total += tree.value[at]
    return total


def share_odds(shares: Floats) -> Floats:
    """Log-odds of leaving for the shares of votes of both classes, shape [n, 2]."""
    kept = np.clip(shares, LEAST_SHARE, 1.0)
    return np.asarray(np.log(kept[:, 1]) - np.log(kept[:, 0]), dtype=np.float64)


def voting_model(trees: Sequence[Tree], features: int) -> onnx.ModelProto:
    """Trees that vote for both classes, as ONNX.

    Both classes are summed up: each sum has all its digits, while one less the other would lose them near 1.
    """
    nodes = [
        ensemble_node(trees, "narrow", (0.0, 0.0)),
        node("Cast", ["narrow"], "votes", to=onnx.TensorProto.DOUBLE),
        node("Max", ["votes", "least"], "enough"),
        node("Min", ["enough", "one"], "shares"),
        node("Log", ["shares"], "logs"),
        node("MatMul", ["logs", "signs"], OUTPUT),
    ]
    constants = [float64("least", LEAST_SHARE), float64("one", 1.0), float64("signs", [-1.0, 1.0])]
    return make_model("random_forest", nodes, constants, features)


def adding_model(trees: Sequence[Tree], base: float, features: int) -> onnx.ModelProto:
    """Trees whose leaves are log-odds to add to `base`, as ONNX."""
    nodes = [
        ensemble_node(trees, "margin", (base,)),
        node("Cast", ["margin"], "wide", to=onnx.TensorProto.DOUBLE),
        node("Squeeze", ["wide", "column"], OUTPUT),
    ]
    columns = [onnx.numpy_helper.from_array(np.array([1]), "column")]
    return make_model("gradient_boosted_trees", nodes, columns, features)


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
