"""Trees that Spark has grown, as arrays: they decide and are exported without Spark.

A forest is fetched in one go, as text: asking the Java objects node by node takes longer than growing them, and saving
the model first, as converters do, needs a folder that all machines of a cluster share.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx

from churn.evaluation import Floats
from churn.learners import Features, Weight
from churn.learners.trees import Tree, adding_model, floor32, share_odds, summed, voting_model

UNKNOWN: Final = np.finfo(np.float32).min
"""Spark's trees know no missing values: it is given the lowest number instead, which goes left everywhere."""


@dataclass(frozen=True)
class VotingTrees:
    """A forest; see `churn.learners.Model`.

    Attributes:
        trees: each votes with the shares of both classes in its leaf, over the number of trees.
        importance: share of the fall of impurity by feature, shape [f].
    """

    trees: tuple[Tree, ...]
    importance: Floats

    def logit(self, x: Features) -> Floats:
        """See `churn.learners.Model`."""
        return share_odds(summed(self.trees, x))

    def weights(self) -> list[Weight]:
        """See `churn.learners.Model`."""
        return _weights(self.importance)

    def to_onnx(self) -> onnx.ModelProto:
        """See `churn.learners.Model`."""
        return voting_model(self.trees, len(self.importance))


@dataclass(frozen=True)
class AddingTrees:
    """Boosted trees; see `churn.learners.Model`.

    Attributes:
        trees: the log-odds of a row are the sum of their leaves.
        importance: share of the gain by feature, shape [f].
    """

    trees: tuple[Tree, ...]
    importance: Floats

    def logit(self, x: Features) -> Floats:
        """See `churn.learners.Model`."""
        return np.asarray(summed(self.trees, x)[:, 0], dtype=np.float64)

    def weights(self) -> list[Weight]:
        """See `churn.learners.Model`."""
        return _weights(self.importance)

    def to_onnx(self) -> onnx.ModelProto:
        """See `churn.learners.Model`."""
        return adding_model(self.trees, 0.0, len(self.importance))


def voting_trees(model: Any, jvm: Any) -> VotingTrees:
    """The portable form of Spark's `RandomForestClassificationModel`."""
    grown = [_nodes(tree, jvm) for tree in model.trees]
    trees = []
    for nodes in grown:
        counts = np.array([node["impurityStats"] for node in nodes], dtype=np.float64)
        trees.append(_tree(nodes, counts / counts.sum(axis=1, keepdims=True) / len(grown)))
    return VotingTrees(tuple(trees), model.featureImportances.toArray())


def adding_trees(model: Any, jvm: Any) -> AddingTrees:
    """The portable form of Spark's `GBTClassificationModel`, whose sums are half the log-odds."""
    trees = []
    for grown, weight in zip(model.trees, model.treeWeights, strict=True):
        nodes = _nodes(grown, jvm)
        value = np.array([node["prediction"] for node in nodes], dtype=np.float64)
        trees.append(_tree(nodes, 2 * weight * value[:, None]))
    return AddingTrees(tuple(trees), model.featureImportances.toArray())


def _nodes(tree: Any, jvm: Any) -> list[dict[str, Any]]:
    """The nodes of a tree, the root first; what Spark itself writes when it saves a model."""
    data = getattr(getattr(jvm.org.apache.spark.ml.tree, "DecisionTreeModelReadWrite$NodeData$"), "MODULE$")
    jackson = jvm.com.fasterxml.jackson
    mapper = jackson.databind.ObjectMapper()
    mapper.registerModule(jackson.module.scala.DefaultScalaModule())
    # By fields alone: the getters of a leaf would have it split.
    visible = getattr(jackson.annotation, "JsonAutoDetect$Visibility")
    mapper.setVisibility(jackson.annotation.PropertyAccessor.GETTER, visible.NONE)
    mapper.setVisibility(jackson.annotation.PropertyAccessor.FIELD, visible.ANY)
    nodes: list[dict[str, Any]] = json.loads(mapper.writeValueAsString(data.build(tree._java_obj.rootNode(), 0)._1()))
    return sorted(nodes, key=lambda node: int(node["id"]))


def _tree(nodes: Sequence[dict[str, Any]], value: Floats) -> Tree:
    """Nodes numbered from 0 without a gap, as arrays."""
    splits = [node["split"] for node in nodes]
    thresholds = [split["leftCategoriesOrThreshold"][0] if node["leftChild"] >= 0 else 0.0
                  for node, split in zip(nodes, splits, strict=True)]  # fmt: skip
    return Tree(
        feature=np.array([split["featureIndex"] for split in splits], dtype=np.int64),
        threshold=floor32(np.array(thresholds, dtype=np.float64)),
        left=np.array([node["leftChild"] for node in nodes], dtype=np.int64),
        right=np.array([node["rightChild"] for node in nodes], dtype=np.int64),
        unknown_left=np.ones(len(nodes), dtype=bool),
        value=value,
    )


def _weights(importance: Floats) -> list[Weight]:
    return [Weight(float(share), float("nan")) for share in importance]
