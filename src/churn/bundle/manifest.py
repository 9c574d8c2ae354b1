"""The manifest: all that a bundle says of itself, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from churn.errors import BundleError

FORMAT: Final = 1
"""Version of the bundle's format.

Raise it by one whenever a reader of the last version would misread a new bundle: a field renamed, removed or
given another meaning, another form of the model's input or output. A new field that old readers may ignore
needs no new version. With each raise, keep `Manifest.from_json` able to read every older version, and keep a
bundle of that version under tests/bundle/old/ with a test that loads it.
"""


@dataclass(frozen=True)
class FeatureEntry:
    """One input of the model, in its place.

    Attributes:
        name: the column of the snapshot.
        sentence: what it says of a user.
        group: features that reasons swap together.
        usual: median over the users at the test cut-off, the latest one before the model is used.
        spread: from the 10th to the 90th percentile, at least 1e-9; the yardstick of "unusual".
        flag: is 1 where the sentence is true, else 0.
        trait: belongs to the user, not to what the user does; never given as a reason.
    """

    name: str
    sentence: str
    group: str
    usual: float
    spread: float
    flag: bool
    trait: bool


@dataclass(frozen=True)
class Manifest:
    """Content of `manifest.json`.

    Attributes:
        model: name of the family.
        task: `forecast`, `history` or `table`.
        problem: churn pages, horizon, gap, windows, spacing; days.
        features: the inputs in order.
        threshold: probability from which a user counts as at high risk; chosen on training folds.
        base_rate: share of leavers among the training rows; medium risk starts here.
        calibration: slope and intercept on the log-odds (they are inside the ONNX model already).
        training: cut-offs, rows, users, leavers, seed.
        fingerprint: of the events that it was trained on.
        metrics: on the test, with their names in full.
        parity: rows compared, largest difference of a probability between the trained model and the ONNX.
        versions: of the libraries that made it.
        created: UTC time, ISO 8601.
        files: SHA-256 of every other file of the bundle, by name.
        format: see `FORMAT`.
    """

    model: str
    task: str
    problem: Mapping[str, Any]
    features: tuple[FeatureEntry, ...]
    threshold: float
    base_rate: float
    calibration: Mapping[str, float]
    training: Mapping[str, Any]
    fingerprint: str
    metrics: Mapping[str, float | None]
    parity: Mapping[str, float]
    versions: Mapping[str, str]
    created: str
    files: Mapping[str, str]
    format: int = FORMAT

    def to_json(self) -> str:
        """As written to `manifest.json`; strict JSON, keys in the order of the attributes."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read a manifest of this format or an older one.

        Raises:
            BundleError: if it is no manifest, lacks a field, or is of a newer format.
        """
        try:
            found = json.loads(text)
            version = int(found["format"])
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            what = f"manifest.json is no manifest of a bundle ({error})"
            raise BundleError(what, "fetch or make it again") from error
        if version > FORMAT:
            raise BundleError(
                f"the bundle has format {version}, and this program reads formats up to {FORMAT}",
                "update sparkify-churn",
            )
        known = _known(cls, found)
        return cls(**{**known, "features": tuple(FeatureEntry(**_known(FeatureEntry, f)) for f in known["features"])})


def _known(kind: type[Manifest | FeatureEntry], found: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a class; others, of later versions, are ignored.

    Raises:
        BundleError: if one is missing.
    """
    missing = [field.name for field in fields(kind) if field.name not in found]
    if missing:
        raise BundleError(f"manifest.json lacks {', '.join(missing)}", "fetch or make it again")
    return {field.name: found[field.name] for field in fields(kind)}
