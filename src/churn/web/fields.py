"""The form of the page "Ask": a few figures that people know, and the features that follow from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from churn.bundle import FeatureEntry, Manifest
from churn.regions import STATES, region_of

Quantiles = Mapping[str, Mapping[float, float]]
"""By feature, the values at its quantiles when the model was made."""

RATES: Final = {
    "avgEvents": ("events", "Actions", "everything done on the service: songs, clicks, ratings"),
    "avgSongs": ("songs", "Songs", "songs played"),
    "thumbsup": ("thumbs_up", "Thumbs up", "songs rated up"),
    "thumbsdown": ("thumbs_down", "Thumbs down", "songs rated down"),
    "add_friend": ("friend_adds", "Friends added", "friends added"),
    "adverts": ("adverts", "Adverts", "adverts met"),
}
"""Fields of daily rates: the column that each counts, its label, its meaning."""

HIGHEST_RATE: Final = 100_000.0
LONGEST: Final = 36_500.0
"""Days."""

PER_SONGS: Final = 1_000.0
MOST_FIELDS: Final = 60
"""Fields of a form for a model that knows none of the figures above."""

Kind = Literal["number", "choice"]


@dataclass(frozen=True)
class Field:
    """One field of the form.

    Attributes:
        name: in the form and in the address.
        label: what people read.
        unit: of the number.
        help: what it means.
        kind: a number, or one of `choices`.
        default: as text.
        least, most: what is taken, both included.
        usual: the range from the 5th to the 95th of 100 users when the model was made, if known.
        choices: values and their labels.
    """

    name: str
    label: str
    unit: str
    help: str
    kind: Kind = "number"
    default: str = ""
    least: float = 0.0
    most: float = HIGHEST_RATE
    usual: tuple[float, float] | None = None
    choices: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Asked:
    """What a form says.

    Attributes:
        values: the text of every field, as given or by default.
        features: what follows from it; the others are taken at their reference value.
        errors: what is wrong, by field.
        unusual: fields outside what 90 of 100 users had when the model was made.
    """

    values: Mapping[str, str]
    features: Mapping[str, float]
    errors: Mapping[str, str] = field(default_factory=dict)
    unusual: Sequence[str] = ()


class Form:
    """The form for one model."""

    def __init__(self, manifest: Manifest, quantiles: Quantiles) -> None:
        self._entries = {entry.name: entry for entry in manifest.features}
        self._quantiles = quantiles
        self._windows = tuple(int(days) for days in manifest.problem.get("windows", ()))
        known = [*self._rates(), *self._times(), *self._kinds()]
        self.generic = not known
        self.fields: tuple[Field, ...] = tuple(known or self._any())

    def read(self, given: Mapping[str, str]) -> Asked:
        """Check what was typed, and turn it into features; an empty or absent field has its default."""
        values = {f.name: given.get(f.name, "").strip() or f.default for f in self.fields}
        errors: dict[str, str] = {}
        numbers: dict[str, float] = {}
        for f in self.fields:
            if f.kind == "choice":
                if values[f.name] not in [value for value, _ in f.choices]:
                    errors[f.name] = "is none of the choices"
                continue
            wrong = _wrong(f, values[f.name])
            if wrong:
                errors[f.name] = wrong
            else:
                numbers[f.name] = float(values[f.name])
        if "avgEvents" in numbers and numbers.get("avgSongs", 0.0) > numbers["avgEvents"]:
            errors["avgSongs"] = "cannot be more than Actions, of which songs are a part"
        if errors:
            return Asked(values, {}, errors)
        unusual = [f.name for f in self.fields if f.usual and not f.usual[0] <= numbers[f.name] <= f.usual[1]]
        return Asked(values, self._features(values, numbers), {}, unusual)

    def _features(self, values: Mapping[str, str], numbers: Mapping[str, float]) -> dict[str, float]:
        if self.generic:
            return dict(numbers)
        found: dict[str, float] = {}
        for name, (column, _, _) in RATES.items():
            if name in numbers:
                found |= self._of_rate(column, numbers[name], numbers)
        if "reg_days" in numbers:
            found["tenure_days"] = numbers["reg_days"]
            found["observed_days"] = self._observed(numbers)
        if "last_seen" in numbers:
            hours = 24 * numbers["last_seen"]
            gap = self._usual("gap_hours")
            found |= {"recency_hours": hours, "recency_in_gaps": hours / gap if gap else math.nan}
        found |= _of_kinds(values)
        return {name: value for name, value in found.items() if name in self._entries and not math.isnan(value)}

    def _of_rate(self, column: str, rate: float, numbers: Mapping[str, float]) -> dict[str, float]:
        """A daily rate in every window, and per 1,000 songs where there are any."""
        spans = {f"{days}d": self._span(days, numbers) for days in self._windows}
        spans["all"] = self._span(math.inf, numbers)
        found = {f"{column}_{end}": rate * days for end, days in spans.items()}
        songs = numbers.get("avgSongs", 0.0)
        if songs and column not in ("songs", "events"):
            found |= {f"{column}_per_1000_songs_{end}": PER_SONGS * rate / songs for end, days in spans.items() if days}
        return found

    def _span(self, window: float, numbers: Mapping[str, float]) -> float:
        """Days of a window in which a user could do anything: registered already, and not gone yet."""
        return max(0.0, min(window, self._observed(numbers)) - numbers.get("last_seen", 0.0))

    def _observed(self, numbers: Mapping[str, float]) -> float:
        """Days that totals over all time are counted over: no more than the log usually knows."""
        usual = self._usual("observed_days") or float(max(self._windows, default=30))
        return min(usual, numbers.get("reg_days", usual))

    def _usual(self, name: str) -> float:
        entry = self._entries.get(name)
        return entry.usual if entry else 0.0

    def _rates(self) -> list[Field]:
        fields = []
        for name, (column, label, words) in RATES.items():
            known = [days for days in reversed(self._windows) if f"{column}_{days}d" in self._entries]
            if not known:
                continue
            days = known[0]
            # Of somebody with usual dates: what follows from the defaults is what is usual.
            dates = {"last_seen": self._usual("recency_hours") / 24, "reg_days": self._usual("tenure_days") or LONGEST}
            span = max(1.0, self._span(days, dates))
            default, usual = self._usual(f"{column}_{days}d") / span, self._range(f"{column}_{days}d", span)
            text = f"{words}, on each day until the user was last there; fills every look-back window"
            fields.append(Field(name, label, "a day", text, default=_rounded(default), usual=usual))
        return fields

    def _times(self) -> list[Field]:
        fields = []
        if "tenure_days" in self._entries:
            words = "days since the user registered"
            usual = self._range("tenure_days", 1)
            default = _rounded(self._usual("tenure_days"))
            fields.append(Field("reg_days", "Registered", "days ago", words, "number", default, 0.0, LONGEST, usual))
        if "recency_hours" in self._entries:
            words = "days since the user was last there"
            usual = self._range("recency_hours", 24)
            default = _rounded(self._usual("recency_hours") / 24)
            fields.append(Field("last_seen", "Last seen", "days ago", words, "number", default, 0.0, LONGEST, usual))
        return fields

    def _kinds(self) -> list[Field]:
        fields = []
        if "paid_now" in self._entries:
            default = "paid" if self._usual("paid_now") >= 0.5 else "free"
            choices = (("free", "free"), ("paid", "paid"))
            fields.append(Field("level", "Level", "", "what the user pays now", "choice", default, choices=choices))
        if {"female", "male"} & set(self._entries):
            genders = (("", "not known"), ("female", "female"), ("male", "male"))
            fields.append(Field("gender", "Gender", "", "as registered", "choice", choices=genders))
        if any(name.startswith("region_") for name in self._entries):
            states = (("", "not known"), *((state, state) for state in STATES))
            fields.append(Field("location", "State", "", "where in the USA the user lives", "choice", choices=states))
        return fields

    def _any(self) -> list[Field]:
        """A field a feature, for a model of somebody's own table."""
        return [self._one(entry) for entry in list(self._entries.values())[:MOST_FIELDS]]

    def _one(self, entry: FeatureEntry) -> Field:
        usual = self._range(entry.name, 1)
        return Field(
            entry.name, entry.name, "", entry.sentence, "number", _text(entry.usual), -1e30, 1e30, usual
        )  # fmt: skip

    def _range(self, name: str, divisor: float) -> tuple[float, float] | None:
        known = self._quantiles.get(name, {})
        if 0.05 not in known or 0.95 not in known:
            return None
        return known[0.05] / divisor, known[0.95] / divisor


def _of_kinds(values: Mapping[str, str]) -> dict[str, float]:
    found: dict[str, float] = {}
    if values.get("level"):
        found["paid_now"] = float(values["level"] == "paid")
    if values.get("gender"):
        found |= {kind: float(values["gender"] == kind) for kind in ("female", "male")}
    if values.get("location"):
        own = region_of(values["location"])
        found |= {f"region_{name}": float(name == own) for name in ("northeast", "midwest", "south", "west")}
    return found


def number_of(text: str) -> float:
    """A number as people write it; Python's own reader also takes `1_000`.

    Raises:
        ValueError: for anything else.
    """
    if "_" in text or not text.isascii():
        raise ValueError(text)
    return float(text)


def _wrong(f: Field, text: str) -> str:
    try:
        value = number_of(text)
    except ValueError:
        return "is no number"
    if not math.isfinite(value) or not f.least <= value <= f.most:
        return f"must be from {f.least:g} to {f.most:,.0f}"
    return ""


def _rounded(value: float) -> str:
    """A default with no more digits than people would type."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def _text(value: float) -> str:
    return f"{value:.6g}"
