"""Rows of features, as somebody typed or sent them, to predictions; every row and field is checked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from churn.errors import RequestError
from churn.scoring import ROUNDED, Features, Reason, Scorer

FILLS: Final = ("none", "reference")
SHOWN: Final = 20
"""Mistakes that an answer lists; no more than anybody reads."""

_NUMBERS: Final = frozenset((int, float, type(None)))
_FAR: Final = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Prediction:
    """What is said of one row.

    Attributes:
        probability: of leaving, to `churn.scoring.ROUNDED` decimals, as in a risk list.
        band: high, medium or low.
        reasons: the strongest first; none unless asked for.
        filled: features that were taken at their reference value.
    """

    probability: float
    band: str
    reasons: Sequence[Reason]
    filled: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        """As the API says it."""
        return {
            "probability": self.probability,
            "band": self.band,
            "reasons": [_reason(reason) for reason in self.reasons],
            "filled": list(self.filled),
        }


class Predictor:
    """Judges rows of features by a bundle."""

    def __init__(self, scorer: Scorer, *, most_rows: int, most_fields: int) -> None:
        self._scorer = scorer
        self._most_rows, self._most_fields = most_rows, most_fields
        self.names = tuple(entry.name for entry in scorer.manifest.features)
        self._known = frozenset(self.names)
        self._usual = [float(np.float32(entry.usual)) for entry in scorer.manifest.features]

    def predict(self, rows: Sequence[Any], *, fill: str = "none", reasons: bool = False) -> list[Prediction]:
        """One prediction a row.

        Args:
            rows: mappings of feature to number; null is an unknown value.
            fill: `reference` takes what is absent or null at its reference value, `none` refuses what is absent.
            reasons: also say why.

        Raises:
            RequestError: naming row and field of what is wrong.
        """
        if len(rows) > self._most_rows:
            raise RequestError(f"{len(rows):,} rows are too many", f"send at most {self._most_rows:,} at a time")
        filled: list[list[str]] = [[]] * len(rows)
        if fill == "reference":
            rows, filled = self._filled(rows)
        return self.judge(self._matrix(rows), filled, reasons=reasons)

    def judge(self, x: Features, filled: Sequence[Sequence[str]], *, reasons: bool) -> list[Prediction]:
        """Predictions for checked features, shape [n, f] in the bundle's order."""
        p = np.round(self._scorer.probabilities(x), ROUNDED)
        unknown = np.flatnonzero(~np.isfinite(p))
        if len(unknown):
            errors = [{"row": int(i), "detail": "this model cannot judge rows with null"} for i in unknown[:SHOWN]]
            raise RequestError("some rows cannot be judged", "give numbers, or fill: reference", errors=errors)
        why = self._scorer.reasons(x) if reasons else [[]] * len(x)
        bands = self._scorer.bands(p)
        return [Prediction(*each) for each in zip(p.tolist(), bands, why, filled, strict=True)]

    def row(self, features: Mapping[str, float | None]) -> Features:
        """One row of features that are known to be right, shape [1, f]; None is unknown."""
        values = [features[name] for name in self.names]
        return np.array([values], dtype=np.float32)

    def _filled(self, rows: Sequence[Any]) -> tuple[list[Any], list[list[str]]]:
        full: list[Any] = []
        filled: list[list[str]] = []
        for row in rows:
            if not isinstance(row, dict) or len(row) > self._most_fields:
                full.append(row)  # refused later, as it came
                filled.append([])
                continue
            absent = [i for i, name in enumerate(self.names) if row.get(name) is None]
            full.append({**row, **{self.names[i]: self._usual[i] for i in absent}})
            filled.append([self.names[i] for i in absent])
        return full, filled

    def _matrix(self, rows: Sequence[Any]) -> Features:
        """All rows at once; only where something is wrong is looked at every field, to name it."""
        names, width = self.names, len(self.names)
        try:
            values = [[row[name] for name in names] for row in rows]
            right = all(len(row) == width for row in rows)
            right = right and all(_NUMBERS.issuperset(map(type, row)) for row in values)
            x = np.array(values, dtype=np.float64).reshape(len(rows), width) if right else None
        except (KeyError, TypeError, OverflowError):
            x = None
        if x is None or bool((np.abs(x) > _FAR).any()):  # Python's reader of JSON turns 1e999 into infinity
            raise self._refusal(rows)
        nans = int(np.isnan(x).sum())
        if nans and nans != sum(row.count(None) for row in values):  # null is nan by now; nothing else may be
            raise self._refusal(rows)
        return x.astype(np.float32)

    def _refusal(self, rows: Sequence[Any]) -> RequestError:
        errors: list[dict[str, Any]] = []
        for place, row in enumerate(rows):
            errors += self._mistakes(place, row)
            if len(errors) >= SHOWN:
                break
        errors = errors[:SHOWN]
        first = errors[0]
        where = f"row {first['row']}" + (f", field {first['field']}" if "field" in first else "")
        return RequestError(f"{where}: {first['detail']}", errors=errors)

    def _mistakes(self, place: int, row: Any) -> list[dict[str, Any]]:
        if not isinstance(row, dict):
            return [{"row": place, "detail": "is no object of features"}]
        if len(row) > self._most_fields:
            return [{"row": place, "detail": f"has {len(row):,} fields; the model knows {len(self.names)} features"}]
        unknown = [name for name in row if name not in self._known]
        found = [
            {"row": place, "field": cut(name), "detail": "is no feature of this model; see /api/v1/model"}
            for name in unknown[:SHOWN]
        ]
        for name in self.names:
            wrong = "is missing; send a number, or fill: reference" if name not in row else _wrong(row[name])
            if wrong:
                found.append({"row": place, "field": name, "detail": wrong})
        return found


def cut(name: str, length: int = 100) -> str:
    """A name that somebody sent, short enough to send back."""
    return name if len(name) <= length else name[:length] + "…"


def _wrong(value: Any) -> str:
    """What is wrong with a value; nothing if it is null or a number that 32 bits can hold."""
    if value is None:
        return ""
    if type(value) not in (int, float):
        return "is no number"
    if (isinstance(value, int) and abs(value) > _FAR) or not math.isfinite(value) or abs(value) > _FAR:
        return "is not finite, or too large for a number of 32 bits"
    return ""


def _reason(reason: Reason) -> dict[str, Any]:
    value = None if math.isnan(reason.value) else reason.value
    return {
        "group": reason.group,
        "feature": reason.feature,
        "value": value,
        "usual": reason.usual,
        "effect": reason.effect,
        "text": reason.text,
    }
