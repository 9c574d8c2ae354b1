"""Rows of features, as somebody typed or sent them, to predictions; every row and field is checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

import numpy as np

from churn.errors import RequestError
from churn.scoring import ROUNDED, Features, Reason, Scorer

FILLS: Final = ("none", "reference")
SHOWN: Final = 20
"""Mistakes that an answer lists; no more than anybody reads."""

BLOCK: Final = 1_000
"""Rows that are worked on at once."""

EXPLAINED: Final = 200
"""Rows whose reasons are looked for at once: each is judged again and again with other figures."""

SMALL: Final = 8_000_000
"""Bytes of a text that holds few values, however short they are."""

AROUND: Final = 100_000
"""Signs that a call may hold beside its rows, so that a small mistake is named for what it is."""

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
            "filled": self.filled,
        }


class Predictor:
    """Judges rows of features by a bundle."""

    def __init__(self, scorer: Scorer, *, most_rows: int, most_fields: int) -> None:
        self._scorer = scorer
        self._most_rows, self._most_fields = most_rows, most_fields
        self.names = tuple(entry.name for entry in scorer.manifest.features)
        self._known = frozenset(self.names)
        self._pick = _picker(self.names)
        self._signs = _signs(self.names, most_rows, most_fields)
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
        x, filled = self._checked(rows, fill == "reference")
        found: list[Prediction] = []
        size = EXPLAINED if reasons else BLOCK
        for start in range(0, len(rows), size):
            part = slice(start, start + size)
            found += self.judge(x[part], filled[part], reasons=reasons, first=start)
        return found

    def may_hold(self, content: bytes) -> bool:
        """Whether a text of JSON can be a call: one of more rows or fields is refused before anything is made of it.

        64 MB can hold 20 million empty rows, and each would be an object before they could be counted.
        """
        # Commas take time to count, since there are many; few of them can hold little.
        signs = self._signs if len(content) > SMALL else self._signs[:2]
        return all(content.count(sign) <= most for sign, most in signs)

    def judge(self, x: Features, filled: Sequence[Sequence[str]], *, reasons: bool, first: int = 0) -> list[Prediction]:
        """Predictions for checked features, shape [n, f] in the bundle's order; `first` is the number of their row."""
        p = np.round(self._scorer.probabilities(x), ROUNDED)
        unknown = np.flatnonzero(~np.isfinite(p))
        if len(unknown):
            errors = [
                {"row": first + int(i), "detail": "this model cannot judge rows with null"} for i in unknown[:SHOWN]
            ]
            raise RequestError("some rows cannot be judged", "give numbers, or fill: reference", errors=errors)
        why = self._scorer.reasons(x) if reasons else [[]] * len(x)
        bands = self._scorer.bands(p)
        return [Prediction(*each) for each in zip(p.tolist(), bands, why, filled, strict=True)]

    def row(self, features: Mapping[str, float | None]) -> Features:
        """One row of features that are known to be right, shape [1, f]; None is unknown."""
        values = [features[name] for name in self.names]
        return np.array([values], dtype=np.float32)

    def _checked(self, rows: Sequence[Any], fill: bool) -> tuple[Features, list[Sequence[str]]]:
        """All rows as a matrix, some at a time, since a row takes a hundred times as much as a mapping."""
        x = np.empty((len(rows), len(self.names)), dtype=np.float32)
        filled: list[Sequence[str]] = []
        known: dict[tuple[int, ...], Sequence[str]] = {}
        errors: list[dict[str, Any]] = []
        for start in range(0, len(rows), BLOCK):
            part = rows[start : start + BLOCK]
            names: list[Sequence[str]] = [()] * len(part)
            if fill:
                part, names = self._filled(part, known)
            made = self._matrix(part)
            if made is None:
                errors += self._refused(start, part)
                if len(errors) >= SHOWN:
                    break
            else:
                x[start : start + BLOCK] = made
            filled += names
        if errors:
            raise _refusal(errors[:SHOWN])
        return x, filled

    def _filled(
        self, rows: Sequence[Any], known: dict[tuple[int, ...], Sequence[str]]
    ) -> tuple[list[Any], list[Sequence[str]]]:
        """Rows without gaps, and what was put into each; rows with the same gaps share its names."""
        full: list[Any] = []
        filled: list[Sequence[str]] = []
        for row in rows:
            if not isinstance(row, dict) or len(row) > self._most_fields:
                full.append(row)  # refused later, as it came
                filled.append(())
                continue
            absent = tuple(i for i, name in enumerate(self.names) if row.get(name) is None)
            if absent not in known:
                known[absent] = tuple(self.names[i] for i in absent)
            full.append({**row, **{self.names[i]: self._usual[i] for i in absent}})
            filled.append(known[absent])
        return full, filled

    def _matrix(self, rows: Sequence[Any]) -> Features | None:
        """Rows at once; None where something is wrong: only then is looked at every field, to name it."""
        width = len(self.names)
        try:
            values = [self._pick(row) for row in rows]
            right = all(len(row) == width for row in rows)
            right = right and all(_NUMBERS.issuperset(map(type, row)) for row in values)
            x = np.array(values, dtype=np.float64).reshape(len(rows), width) if right else None
        except (KeyError, TypeError, OverflowError):
            x = None
        if x is None or bool((np.abs(x) > _FAR).any()):  # Python's reader of JSON turns 1e999 into infinity
            return None
        nans = int(np.isnan(x).sum())
        if nans and nans != sum(row.count(None) for row in values):  # null is nan by now; nothing else may be
            return None
        return x.astype(np.float32)

    def _refused(self, start: int, rows: Sequence[Any]) -> list[dict[str, Any]]:
        errors: list[dict[str, Any]] = []
        for place, row in enumerate(rows, start):
            errors += self._mistakes(place, row)
            if len(errors) >= SHOWN:
                break
        return errors

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


def _refusal(errors: Sequence[Mapping[str, Any]]) -> RequestError:
    first = errors[0]
    where = f"row {first['row']}" + (f", field {first['field']}" if "field" in first else "")
    return RequestError(f"{where}: {first['detail']}", errors=errors)


def _signs(names: Sequence[str], most_rows: int, most_fields: int) -> list[tuple[bytes, int]]:
    """Signs of JSON, and how often each may occur in a call: in its form, in its fields, in their names."""

    def most(sign: str, a_row: int) -> int:
        return AROUND + most_fields + most_rows * (a_row + sum(name.count(sign) for name in names))

    return [(b"{", most("{", 1)), (b"[", most("[", 0)), (b",", most(",", len(names) + 1))]


def _picker(names: tuple[str, ...]) -> Callable[[Any], Sequence[Any]]:
    """Takes the values of these names out of a row."""
    if len(names) == 1:
        return lambda row: (row[names[0]],)
    return itemgetter(*names)


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
