"""Spark ML and XGBoost on Spark as learners: the same families, grids and folds as on one machine.

The table of users is small even when the log is huge, so it comes from memory and goes to Spark in few parts. What
Spark has trained is taken out of it at once as numbers (coefficients, trees), and from there on is like any other
model; Spark's own model stays beside it as the witness that both decide alike.
"""

from __future__ import annotations

import gc
import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Final, Protocol

import numpy as np
import onnx
from pyspark.ml import Pipeline
from pyspark.ml.classification import GBTClassifier, LinearSVC, LogisticRegression, RandomForestClassifier
from pyspark.ml.evaluation import Evaluator
from pyspark.ml.feature import SQLTransformer
from pyspark.ml.tuning import CrossValidator
from pyspark.sql import DataFrame, SparkSession

from churn.evaluation import Floats, Ints, average_precision
from churn.learners import Features, Model, Weight
from churn.learners.families import Family
from churn.learners.linear import LinearModel, Scaling, signed_log
from churn.learners.spark_rows import FEATURES, FOLD, LABEL, PLACE, WEIGHT, Columns, answers, in_order, spark_rows
from churn.learners.spark_trees import UNKNOWN, adding_trees, voting_trees
from churn.learners.spark_xgboost import WORKERS, check_slots, check_xgboost

TUNING_FOLDS: Final = 3

COLUMNS: Final[Mapping[str, Any]] = {"featuresCol": FEATURES, "labelCol": LABEL, "weightCol": WEIGHT}

BINS: Final = 64
"""Bins of a feature, as for the trees of one machine."""

SPARK_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "logistic_regression": {},
    "random_forest": {"trees": "numTrees", "max_depth": "maxDepth", "min_leaf": "minInstancesPerNode"},
    "gradient_boosted_trees": {
        "rounds": "maxIter",
        "max_depth": "maxDepth",
        "learning_rate": "stepSize",
        "min_leaf": "minInstancesPerNode",
    },
    "linear_svm": {},
    "xgboost": {
        "num_boost_round": "n_estimators",
        **{
            name: name
            for name in (
                "max_depth", "learning_rate", "min_child_weight", "reg_lambda", "subsample", "colsample_bytree",
                "max_bin",
            )
        },
    },
}  # fmt: skip
"""What the settings of a family are called in Spark.

What depends on the number of rows is worked out in `renamed`: `C`, a price by row, becomes `regParam`, and `rows`
becomes `subsamplingRate`. Spark's boosted trees have no `penalty`."""

CLASS_WEIGHTS: Final = (
    "SELECT r.*, CASE WHEN label = 1 THEN 0.5D * n / nullif(k, 0) ELSE 0.5D * n / nullif(n - k, 0) END AS weight "
    "FROM __THIS__ AS r CROSS JOIN (SELECT double(count(*)) AS n, sum(label) AS k FROM __THIS__)"
)
"""Each class weighs half, on the rows of one training fold and no others."""


class Cluster(Protocol):
    """What learners need of the Spark engine."""

    @property
    def session(self) -> SparkSession:
        """Where they work."""
        ...

    def watched(self) -> AbstractContextManager[None]:
        """Spark's errors inside the block come in the words of this package."""
        ...


@dataclass(frozen=True)
class SparkModel:
    """What Spark has trained; see `churn.learners.Model`.

    Attributes:
        model: computes as Spark's does, from the numbers taken out of it.
        ask: has Spark's own compute.
    """

    model: Model
    ask: Callable[[Features], Floats]

    def logit(self, x: Features) -> Floats:
        """See `churn.learners.Model`."""
        return self.model.logit(x)

    def weights(self) -> list[Weight]:
        """See `churn.learners.Model`."""
        return self.model.weights()

    def to_onnx(self) -> onnx.ModelProto:
        """See `churn.learners.Model`."""
        return self.model.to_onnx()

    def witness(self, x: Features) -> Floats:
        """See `churn.learners.Witness`."""
        return self.ask(x)


@dataclass(frozen=True)
class SparkLearner(ABC):
    """See `churn.learners.Learner` and `churn.learners.Trier`."""

    cluster: Cluster

    family: ClassVar[str]
    odds: ClassVar[str]
    """Log-odds in Spark's answer, as Spark SQL."""
    tuning_folds = TUNING_FOLDS

    def fit(self, x: Features, y: Ints, params: dict[str, Any], seed: int, weight: Floats | None = None) -> SparkModel:
        """See `churn.learners.Learner`."""
        seen, scaling = self.seen(x)
        columns: Columns = {LABEL: y.astype(np.float64), WEIGHT: np.ones(len(y)) if weight is None else weight}
        with self.cluster.watched(), spark_rows(self.cluster.session, seen, columns) as frame:
            estimator = self.estimator(seed)
            fitted = estimator.fit(self.arranged(frame), self._map(estimator, params, len(y)))
            portable = self.portable(fitted, scaling, x.shape[1])
        return SparkModel(portable, partial(self._ask, fitted, scaling))

    def try_all(
        self, x: Features, y: Ints, folds: Ints, points: Sequence[dict[str, Any]], seed: int, *, weighted: bool
    ) -> list[float]:
        """See `churn.learners.Trier`: Spark's `CrossValidator`, with the folds as they are."""
        seen, _ = self.seen(x)  # scaled by all rows: no label is looked at
        rows = len(y) * (TUNING_FOLDS - 1) // TUNING_FOLDS
        columns: Columns = {LABEL: y.astype(np.float64), FOLD: folds.astype(np.int32)}
        estimator = self.estimator(seed)
        weights = CLASS_WEIGHTS if weighted else "SELECT *, 1.0D AS weight FROM __THIS__"
        validator = CrossValidator(
            estimator=Pipeline(stages=[SQLTransformer(statement=weights), estimator]),
            estimatorParamMaps=[self._map(estimator, point, rows) for point in points],
            evaluator=_AveragePrecision(self.odds),
            numFolds=TUNING_FOLDS,
            foldCol=FOLD,
            parallelism=min(self.cluster.session.sparkContext.defaultParallelism, len(points)),
        )
        with self.cluster.watched(), spark_rows(self.cluster.session, seen, columns) as frame:
            return _tried(validator, self.arranged(frame))

    @abstractmethod
    def estimator(self, seed: int) -> Any:
        """Spark's estimator, with all that no setting of the family changes."""

    @abstractmethod
    def portable(self, fitted: Any, scaling: Scaling | None, features: int) -> Model:
        """What Spark has trained, without Spark."""

    def renamed(self, params: Mapping[str, Any], rows: int) -> dict[str, Any]:
        """Settings of the family as Spark's, for so many training rows."""
        return {theirs: params[ours] for ours, theirs in SPARK_NAMES[self.family].items()}

    def seen(self, x: Features) -> tuple[np.ndarray[Any, Any], Scaling | None]:
        """What Spark gets to see of the features, and how they were scaled if they were."""
        return np.where(np.isnan(x), np.float32(UNKNOWN), x), None

    def arranged(self, frame: DataFrame) -> DataFrame:
        """The rows as the estimator wants them divided; looks whether it can begin."""
        return frame

    def _map(self, estimator: Any, params: Mapping[str, Any], rows: int) -> dict[Any, Any]:
        """Settings of the family by the estimator's own names for them."""
        return {estimator.getParam(name): value for name, value in self.renamed(params, rows).items()}

    def _ask(self, fitted: Any, scaling: Scaling | None, x: Features) -> Floats:
        """Log-odds by Spark's own model."""
        if not len(x):
            return np.empty(0)
        seen = self.seen(x)[0] if scaling is None else scaling.apply(signed_log(x.astype(np.float64)))
        with self.cluster.watched(), spark_rows(self.cluster.session, seen, {}) as frame:
            return in_order(answers(fitted.transform(frame)), self.odds, len(x))


class _AveragePrecision(Evaluator):
    """As on one machine, so that both choose alike; Spark's own area is drawn between the points, not stepwise."""

    def __init__(self, odds: str) -> None:
        super().__init__()
        self._odds = odds

    def _evaluate(self, dataset: DataFrame) -> float:
        rows = answers(dataset, LABEL).selectExpr(LABEL, f"double({self._odds})").collect()
        label, odds = np.array(rows, dtype=np.float64).reshape(-1, 2).T
        return average_precision(label.astype(np.int8), odds)


def _tried(validator: CrossValidator, frame: DataFrame) -> list[float]:
    """The mean metric of each point; PySpark leaves its threads to the garbage collector, which complains of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        found = [float(value) for value in validator.fit(frame).avgMetrics]
        gc.collect()
    return found


class _Linear(SparkLearner):
    """Families that weigh features, brought to one scale here."""

    odds = "raw[1]"

    def seen(self, x: Features) -> tuple[np.ndarray[Any, Any], Scaling | None]:
        logs = signed_log(x.astype(np.float64))
        scaling = Scaling.fit(logs)
        return scaling.apply(logs), scaling

    def renamed(self, params: Mapping[str, Any], rows: int) -> dict[str, Any]:
        """Spark divides the losses by the sum of weights, which is the number of rows."""
        return {"regParam": 1 / (params["C"] * rows)}

    def portable(self, fitted: Any, scaling: Scaling | None, features: int) -> Model:
        assert scaling is not None
        return LinearModel(scaling, fitted.coefficients.toArray(), float(fitted.intercept))


class SparkLogistic(_Linear):
    """Logistic regression."""

    family = "logistic_regression"

    def estimator(self, seed: int) -> Any:
        """See `SparkLearner`."""
        return LogisticRegression(**COLUMNS, standardization=False, maxIter=100, tol=1e-6)


class SparkSvm(_Linear):
    """A linear support vector machine; its loss is the hinge, not its square."""

    family = "linear_svm"

    def estimator(self, seed: int) -> Any:
        """See `SparkLearner`."""
        return LinearSVC(**COLUMNS, standardization=False, maxIter=100, tol=1e-6)


class SparkForest(SparkLearner):
    """A random forest."""

    family = "random_forest"
    odds = "ln(greatest(p[1], 1e-6D)) - ln(greatest(p[0], 1e-6D))"

    def estimator(self, seed: int) -> Any:
        """See `SparkLearner`."""
        return RandomForestClassifier(
            **COLUMNS, featureSubsetStrategy="sqrt", maxBins=BINS, maxMemoryInMB=512, seed=seed
        )

    def fit(self, x: Features, y: Ints, params: dict[str, Any], seed: int, weight: Floats | None = None) -> SparkModel:
        """See `SparkLearner`; rows are drawn by their weights before Spark draws those of each tree evenly.

        On one machine a tree's rows are drawn by their weights too. Of rows drawn evenly few would be leavers.
        """
        if weight is not None:
            drawn = np.sort(np.random.default_rng(seed).choice(len(y), len(y), p=weight / weight.sum()))
            if len(np.unique(y[drawn])) == len(np.unique(y)):  # of very few rows a class may be missed
                return super().fit(x[drawn], y[drawn], params, seed)
        return super().fit(x, y, params, seed, weight)

    def renamed(self, params: Mapping[str, Any], rows: int) -> dict[str, Any]:
        """Spark draws a share of the rows for each tree."""
        return super().renamed(params, rows) | {"subsamplingRate": min(1.0, params["rows"] / rows)}

    def portable(self, fitted: Any, scaling: Scaling | None, features: int) -> Model:
        """See `SparkLearner`."""
        return voting_trees(fitted, self.cluster.session._jvm)


class SparkBoosted(SparkLearner):
    """Gradient-boosted trees."""

    family = "gradient_boosted_trees"
    odds = "2 * raw[1]"

    def estimator(self, seed: int) -> Any:
        """See `SparkLearner`."""
        return GBTClassifier(**COLUMNS, maxBins=BINS, maxMemoryInMB=512, seed=seed)

    def portable(self, fitted: Any, scaling: Scaling | None, features: int) -> Model:
        """See `SparkLearner`."""
        return adding_trees(fitted, self.cluster.session._jvm)


class SparkXGBoost(SparkLearner):
    """XGBoost's own estimator for Spark."""

    family = "xgboost"
    odds = "raw[1]"

    def estimator(self, seed: int) -> Any:
        """See `SparkLearner`; see `WORKERS` for how many."""
        from xgboost.spark import SparkXGBClassifier

        logging.getLogger("XGBoost-PySpark").setLevel(logging.WARNING)
        return SparkXGBClassifier(
            features_col=FEATURES, label_col=LABEL, weight_col=WEIGHT, num_workers=WORKERS, tree_method="hist",
            random_state=seed, verbose=False, verbosity=0,
        )  # fmt: skip

    def seen(self, x: Features) -> tuple[np.ndarray[Any, Any], Scaling | None]:
        """As they are: XGBoost knows missing values."""
        return x, None

    def arranged(self, frame: DataFrame) -> DataFrame:
        """In one part and in order: XGBoost's own shuffle might bring the rows in another one."""
        frame.count()  # executors are up by then
        check_slots(self.cluster.session)
        return frame.repartition(WORKERS).sortWithinPartitions(PLACE)

    def portable(self, fitted: Any, scaling: Scaling | None, features: int) -> Model:
        """See `SparkLearner`."""
        from churn.learners.xgboost import XGBoostModel

        booster = fitted.get_booster()
        booster.feature_names = None
        return XGBoostModel(booster, features)


SPARK: Final[Mapping[str, type[SparkLearner]]] = {
    learner.family: learner for learner in (SparkLogistic, SparkForest, SparkBoosted, SparkSvm, SparkXGBoost)
}
"""What trains a family on Spark."""

CHANGES: Final[Mapping[str, Mapping[str, Any]]] = {
    "gradient_boosted_trees": {"richer": (), "tuning": {"rounds": 25, "learning_rate": 0.3}}
}
"""Where a family differs on Spark: each level of each boosted tree is a job, so hundreds of trees take too long."""


def on_spark(families: Sequence[Family], cluster: Cluster) -> tuple[Family, ...]:
    """The families, trained by Spark.

    Raises:
        UserError: if one of them cannot be trained as things are.
    """
    if any(family.name == "xgboost" for family in families):
        check_xgboost(cluster.session)
    return tuple(
        replace(family, trainer=partial(SPARK[family.name], cluster), **CHANGES.get(family.name, {}))
        for family in families
    )
