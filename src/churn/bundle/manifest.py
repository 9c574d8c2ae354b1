"""The manifest: all that a bundle says of itself, as JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from churn.errors import BundleError

# The version of the bundle's format. Raise it by one whenever a reader of the last version would misread a new
# bundle: a field renamed, removed or given another meaning, another form of the model's input or output. A new field
# that old readers may ignore needs no new version. With each raise, keep `Manifest.from_json` able to read every older
# version, and keep a bundle of that version under tests/bundle/old/ with a test that loads it.
FORMAT: Final = 1
"""Version of the bundle's format; the rule for changing it stands above."""

LATER: Final = ("digest",)
"""Fields that bundles of this format did not have at first."""

_FORMS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "str": str, "int": int, "float": (int, float), "bool": bool, "tuple": list, "Mapping": dict,
}  # fmt: skip
"""What JSON gives for a field, by the first word of its type."""


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
        digest: SHA-256 of all these, see `digest`; empty in bundles that were made before it was kept.
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
    digest: str = ""

    def to_json(self) -> str:
        """As written to `manifest.json`; strict JSON, keys in the order of the attributes."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read a manifest of this format or an older one.

        Raises:
            BundleError: if it is no manifest, lacks a field, has one of another kind, or is of a newer format.
        """
        try:
            found = json.loads(text)
            version = int(found["format"])
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise _no_manifest(str(error)) from error
        if version > FORMAT:
            raise BundleError(
                f"the bundle has format {version}, and this program reads formats up to {FORMAT}",
                "update sparkify-churn",
            )
        known = _known(cls, found)
        return cls(**{**known, "features": tuple(FeatureEntry(**_known(FeatureEntry, f)) for f in known["features"])})


def digest(text: str) -> str:
    """SHA-256 of a manifest's content but its own `digest`, whatever its spaces and the order of its fields."""
    content = {name: value for name, value in json.loads(text).items() if name != "digest"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _known(kind: type[Manifest | FeatureEntry], found: Any) -> dict[str, Any]:
    """The fields of a class; others, of later versions, are ignored.

    Raises:
        BundleError: if one is missing or of another kind.
    """
    if not isinstance(found, dict):
        raise _no_manifest(f"{json.dumps(found)[:40]} stands where a {kind.__name__} belongs")
    missing = [field.name for field in fields(kind) if field.name not in found and field.name not in LATER]
    if missing:
        raise BundleError(f"manifest.json lacks {', '.join(missing)}", "fetch or make it again")
    known = {field.name: found[field.name] for field in fields(kind) if field.name in found}
    for field in fields(kind):
        form = _FORMS[str(field.type).partition("[")[0]]
        if field.name in known and not isinstance(known[field.name], form):
            raise _no_manifest(f"{field.name} is {json.dumps(known[field.name])[:40]}")
    return known


def _no_manifest(why: str) -> BundleError:
    return BundleError(f"manifest.json is no manifest of a bundle ({why})", "fetch or make it again")
