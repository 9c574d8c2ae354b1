"""What learns: one interface for model families, whatever library trains them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from churn.evaluation import Floats, Ints

if TYPE_CHECKING:
    import onnx

Features = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Weight:
    """How much a model makes of a feature.

    Attributes:
        importance: share of all the model makes of its features, from 0 to 1.
        coefficient: signed, per standard deviation of the (scaled) feature; nan for trees.
    """

    importance: float
    coefficient: float


class Model(Protocol):
    """A trained model, before calibration."""

    def logit(self, x: Features) -> Floats:
        """Log-odds of leaving for features of shape [n, f]; nan is allowed in features. Shape [n].

        Families that know no odds (a support vector machine) give a score that rises with them; calibration
        makes a probability of it (`churn.learners.families.Family.odds`).
        """
        ...

    def weights(self) -> list[Weight]:
        """One a feature, in the order of the columns."""
        ...

    def to_onnx(self) -> onnx.ModelProto:
        """The model as ONNX: input `features` float32 [n, f], output `logit` float64 [n]."""
        ...


class Learner(Protocol):
    """Trains one model of one family."""

    def fit(self, x: Features, y: Ints, params: dict[str, Any], seed: int, weight: Floats | None = None) -> Model:
        """Train on features [n, f] and labels [n]; a row of weight k counts as k rows (None: all count once)."""
        ...


@runtime_checkable
class Witness(Protocol):
    """A model whose own library can be asked again, where `Model.logit` computes from numbers taken out of it."""

    def witness(self, x: Features) -> Floats:
        """The log-odds of `Model.logit` as the library that trained the model gives them, shape [n]."""
        ...


@runtime_checkable
class Trier(Protocol):
    """A learner that tries settings by itself, all folds and points side by side.

    Attributes:
        tuning_folds: into how many folds it wants the rows divided.
    """

    tuning_folds: int

    def try_all(
        self, x: Features, y: Ints, folds: Ints, points: Sequence[dict[str, Any]], seed: int, *, weighted: bool
    ) -> list[float]:
        """How good some settings are on rows that were not trained on.

        Args:
            x: features, shape [n, f].
            y: labels, shape [n].
            folds: from 0 to `tuning_folds` - 1, each with both classes, shape [n].
            points: complete settings.
            seed: of the learner.
            weighted: each class weighs half of all training rows.

        Returns:
            One number a point: the mean area under precision and recall over the folds.
        """
        ...
