"""What learns: one interface for model families, whatever library trains them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

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
