"""What-if: one user's figures, some of them changed, judged again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from churn.web.fields import number_of
from churn.web.predict import Prediction
from churn.web.state import State

OFFERED: Final = 6
"""Figures that can be changed at once without asking for more."""

MARK: Final = "set."
"""In front of a feature's name in the address, so that it cannot be mistaken for another field."""

Quantiles = Mapping[str, Mapping[float, float]]
_FAR: Final = 1e30


@dataclass(frozen=True)
class Knob:
    """A figure that can be changed.

    Attributes:
        name: the feature.
        sentence: what it is.
        own: its value for this user; None if unknown.
        usual: its usual value.
        text: what stands in the field.
        low, high: ends of the slider.
        step: of the slider.
        error: what is wrong with `text`.
    """

    name: str
    sentence: str
    own: float | None
    usual: float
    text: str
    low: float
    high: float
    step: float
    error: str = ""

    @property
    def own_text(self) -> str:
        """Its own value as text."""
        return own_text(self.own)

    @property
    def field(self) -> str:
        """Its name in the address."""
        return MARK + self.name


@dataclass(frozen=True)
class WhatIf:
    """The form and its answer.

    Attributes:
        knobs: the figures that can be changed.
        others: names and sentences of the features that can be added.
        changed: how many of the figures differ from the user's own.
        prediction: with the changes; None while something typed cannot be used.
    """

    knobs: Sequence[Knob]
    others: Sequence[tuple[str, str]]
    changed: int
    prediction: Prediction | None


def what_if(held: State, user: Mapping[str, Any], given: Mapping[str, str]) -> WhatIf:
    """Judge a user with changed figures.

    Args:
        held: the server's model.
        user: as `churn.web.api.user_of` makes it.
        given: the query: `set.<feature>` for changes, `more` for one further feature.
    """
    own: dict[str, float | None] = dict(user["features"])
    names = _offered(held, user, own, given)
    knobs = [_knob(held, name, own[name], given.get(MARK + name, "").strip()) for name in names]
    wrong = any(knob.error for knob in knobs)
    moved = {} if wrong else {k.name: float(k.text) for k in knobs if k.text and k.text != own_text(k.own)}
    values = own | moved
    prediction = None if wrong else held.predictor.judge(held.predictor.row(values), [()], reasons=False)[0]
    chosen = set(names)
    others = [(entry.name, entry.sentence) for entry in held.manifest.features if entry.name not in chosen]
    return WhatIf(knobs, others, len(moved), prediction)


def own_text(value: float | None) -> str:
    """A user's own figure as it stands in its field; who sends just that has changed nothing."""
    return "" if value is None else f"{value:.6g}"


def _offered(
    held: State, user: Mapping[str, Any], own: Mapping[str, float | None], given: Mapping[str, str]
) -> list[str]:
    """What the reasons name, then what the model looks at most, then what was asked for."""
    found = dict.fromkeys(reason["feature"] for reason in user["reasons"])
    entries = {entry.name: entry for entry in held.manifest.features}
    task, model = held.manifest.task, held.manifest.model
    ranked = [row["feature"] for row in held.run.table("metrics/importance", task=task, model=model)]
    for name in (*ranked, *entries):
        if len(found) >= OFFERED:
            break
        if name in entries and not entries[name].trait:
            found[name] = None
    asked = [name.removeprefix(MARK) for name in given if name.startswith(MARK)]
    found |= dict.fromkeys(name for name in (*asked, given.get("more", "")) if name in own)
    return list(found)


def _knob(held: State, name: str, own: float | None, text: str) -> Knob:
    entry = next(entry for entry in held.manifest.features if entry.name == name)
    known = held.reference.get(name, {})
    low, high = known.get(0.0, 0.0), known.get(0.95, entry.usual + 3 * entry.spread)
    here = [low, high, entry.usual, *([own] if own is not None else [])]
    low, high = min(here), max(here)
    if high <= low:
        low, high = min(low, 0.0), max(high, low + 1.0)
    step = _step(high - low)
    shown = text or own_text(own)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    return Knob(name, entry.sentence, own, entry.usual, shown, low, high, step, _wrong(text))


def _step(width: float) -> float:
    """Whole numbers for wide ranges, else a hundredth of the range, rounded to a power of ten."""
    return 1.0 if width >= 100 else float(10.0 ** math.floor(math.log10(width / 100)))


def _wrong(text: str) -> str:
    if not text:
        return ""
    try:
        value = number_of(text)
    except ValueError:
        return "is no number"
    return "" if math.isfinite(value) and abs(value) <= _FAR else "is not finite, or too large"
