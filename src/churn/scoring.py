"""Bundle and features to probabilities, bands and reasons; needs numpy and onnxruntime, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import onnxruntime

from churn.bundle import Bundle, FeatureEntry, load
from churn.errors import BundleError

Features = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Band = Literal["high", "medium", "low"]

REASONS: Final = 3
"""Reasons that are given for a user at most."""

CHUNK: Final = 16_384
"""Rows that are scored at once: bounds the memory."""

ROUNDED: Final = 6
"""Decimals of a probability wherever people see it; rank and band follow from the rounded one."""

DIGITS: Final = 9
"""Decimals of an effect; what lies below them is rounding, and no reason for anything."""


@dataclass(frozen=True)
class Reason:
    """Why a probability is higher than it would be with a usual value.

    Attributes:
        group: the features that were swapped.
        feature: the one of them that is most unusual for this user.
        value: its value for this user.
        usual: its usual value.
        effect: how much the probability falls when the group is swapped; above 0.
        text: all that in words.
    """

    group: str
    feature: str
    value: float
    usual: float
    effect: float
    text: str


class Scorer:
    """Scores rows of features with a bundle."""

    def __init__(self, bundle: Bundle, *, threads: int = 0) -> None:
        """Start a runtime for a bundle's model, on `threads` cores (0: all).

        Raises:
            BundleError: if the model takes another number of features than the manifest lists.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.manifest = bundle.manifest
        self._session = onnxruntime.InferenceSession(bundle.model, options, providers=["CPUExecutionProvider"])
        takes, listed = self._session.get_inputs()[0].shape[-1], len(self.manifest.features)
        if takes != listed:
            what = f"the bundle's model takes {takes} features, and its manifest lists {listed}"
            raise BundleError(what, "fetch or make it again")
        self._usual = np.array([f.usual for f in self.manifest.features], dtype=np.float32)
        self._spread = np.array([f.spread for f in self.manifest.features])
        groups: dict[str, list[int]] = {}
        for i, feature in enumerate(self.manifest.features):
            if not feature.trait:
                groups.setdefault(feature.group, []).append(i)
        self._members = [np.array(members) for members in groups.values()]

    @classmethod
    def of(cls, folder: Path, *, threads: int = 0) -> Scorer:
        """Open the bundle in a folder.

        Raises:
            BundleError: see `churn.bundle.load`.
        """
        return cls(load(folder), threads=threads)

    def columns(self, names: Sequence[str]) -> list[int]:
        """Where the model's features stand among the columns of a table.

        Raises:
            BundleError: if the table lacks one of them.
        """
        places = {name: i for i, name in enumerate(names)}
        missing = [f.name for f in self.manifest.features if f.name not in places]
        if missing:
            raise BundleError(f"the table lacks features of the bundle: {', '.join(missing)}", "make the snapshot anew")
        return [places[f.name] for f in self.manifest.features]

    def probabilities(self, x: Features) -> Floats:
        """Calibrated probabilities of leaving, shape [n], for features of shape [n, f] in the bundle's order."""
        parts = [self._run(x[i : i + CHUNK]) for i in range(0, len(x), CHUNK)]
        return np.concatenate(parts) if parts else np.empty(0)

    def bands(self, p: Floats) -> list[Band]:
        """`high` from the threshold on, `medium` from the base rate on, else `low`."""
        high, medium = self.manifest.threshold, self.manifest.base_rate
        return ["high" if value >= high else "medium" if value >= medium else "low" for value in p]

    def reasons(self, x: Features) -> list[list[Reason]]:
        """Per row, the groups whose swap to usual values lowers the probability most, the strongest first.

        Ties are broken by the order of the groups; groups that do not raise the probability are no reasons.
        """
        step = max(1, CHUNK // (len(self._members) + 1))
        found: list[list[Reason]] = []
        for start in range(0, len(x), step):
            part = x[start : start + step]
            effects = self._effects(part)
            order = np.argsort(-effects, axis=1, kind="stable")[:, :REASONS]
            raises = np.take_along_axis(effects, order, axis=1) > 0
            features = self._most_unusual(part, np.unique(order[raises]))
            found += [
                [self._reason(row, features[g][i], float(effects[i, g])) for g in order[i][raises[i]]]
                for i, row in enumerate(part)
            ]
        return found

    def _run(self, x: Features) -> Floats:
        (p,) = self._session.run(["probability"], {"features": np.ascontiguousarray(x, dtype=np.float32)})
        return np.asarray(p, dtype=np.float64)

    def _effects(self, x: Features) -> Floats:
        """How much each group raises the probability, to `DIGITS` decimals, shape [n, groups]."""
        swapped = np.repeat(x[None], len(self._members) + 1, axis=0)
        for g, members in enumerate(self._members, 1):
            swapped[g][:, members] = self._usual[members]
        p = self.probabilities(swapped.reshape(-1, x.shape[1])).reshape(len(self._members) + 1, len(x))
        return np.asarray(np.round((p[0] - p[1:]).T, DIGITS), dtype=np.float64)

    def _most_unusual(self, x: Features, groups: Ints) -> dict[int, Ints]:
        """For each of some groups the feature that is most spreads away from its usual value, shape [n]."""
        found = {}
        for g in groups:
            members = self._members[g]
            away = np.abs(x[:, members].astype(np.float64) - self._usual[members]) / self._spread[members]
            away[np.isnan(away)] = 1.0  # unknown: one spread away
            found[g] = members[np.argmax(away, axis=1)]
        return found

    def _reason(self, row: Features, feature: int, effect: float) -> Reason:
        entry, value = self.manifest.features[feature], float(row[feature])
        return Reason(entry.group, entry.name, value, entry.usual, effect, words(entry, value))


def words(entry: FeatureEntry, value: float) -> str:
    """A feature's value in words, beside the usual one."""
    if entry.flag:
        return f"{'' if value >= 0.5 else 'not: '}{entry.sentence}"
    return f"{entry.sentence}: {_short(value)} (usual {_short(entry.usual)})"


def _short(value: float) -> str:
    """Three digits that count; no more than people read.

    >>> [_short(v) for v in (31.0, 0.12345, 1234.5, 5.678)]
    ['31', '0.123', '1,234', '5.68']
    >>> _short(999.7)
    '1,000'
    """
    if np.isnan(value):
        return "unknown"
    if abs(value) >= 999.5:
        return f"{value:,.0f}"
    return f"{value:.3g}"
