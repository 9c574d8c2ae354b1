"""One row a user in memory, and what is derived from it: rates, means, and the segments people ask about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from churn.evaluation import Floats
from churn.features.account import DEVICES
from churn.regions import REGIONS
from churn.schema import COUNTED

MS_HOUR: Final = 3_600_000
MS_DAY: Final = 86_400_000

PAGE_COLUMNS: Final = {column: page for page, column in COUNTED.items() if page != "NextSong"}
"""Columns of pages whose rates are compared, and the pages."""

TENURES: Final = (0, 10, 20, 30, 45, 60, 75, 90, 120, 150, 200, 365)
"""Edges of the bands of tenure in days."""

UNKNOWN: Final = "unknown"


@dataclass(frozen=True)
class Users:
    """The rows of `churn.profile.users.users`.

    Attributes:
        numbers: whole-numbered columns as floats; nan where null.
        texts: text columns; empty where unknown.
        ids: user ids.
    """

    ids: npt.NDArray[np.object_]
    numbers: Mapping[str, Floats]
    texts: Mapping[str, npt.NDArray[np.object_]]

    @classmethod
    def of(cls, table: pa.Table) -> Users:
        """From what the engine gives."""
        numbers, texts = {}, {}
        for name in table.column_names:
            column = table[name]
            if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                texts[name] = np.array([value or "" for value in column.to_pylist()], dtype=object)
            else:
                numbers[name] = np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
        return cls(texts.pop("userId"), numbers, texts)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, name: str) -> Floats:
        return self.numbers[name]

    @cached_property
    def left(self) -> npt.NDArray[np.bool_]:
        """Who left."""
        return ~np.isnan(self["left_ts"])

    @cached_property
    def hours(self) -> Floats:
        """Hours inside sessions."""
        return self["session_ms"] / MS_HOUR

    @cached_property
    def origin(self) -> Floats:
        """Registration or the first event, whichever was earlier: some registrations lie after it (ms)."""
        known = self["registration"] > 0
        return np.where(known, np.minimum(self["registration"], self["first_ts"]), self["first_ts"])

    def per_hour(self, column: str) -> Floats:
        """A count per hour inside sessions; nan for users without any."""
        return _ratio(self[column], self.hours)

    def per_1000_songs(self, column: str) -> Floats:
        """A count per 1,000 songs; nan for users without any."""
        return _ratio(self[column] * 1000, self["songs"])

    def quantities(self) -> dict[str, Floats]:
        """What is compared between who stayed and who left, named with its unit."""
        sessions = self["sessions"]
        return {
            "events": self["events"],
            "songs": self["songs"],
            "distinct artists": self["new_artists"],
            "distinct songs (artist and title)": self["new_songs"],
            "sessions": sessions,
            "active days": self["active_days"],
            "hours in sessions": self.hours,
            "hours of music": self["listened_e5"] / 100_000 / 3600,
            "songs per session": _ratio(self["songs"], sessions),
            "session length (minutes)": _ratio(self["session_ms"] / 60_000, sessions),
            "break between sessions (hours)": _ratio(self["gap_ms"] / MS_HOUR, self["gaps"]),
            "longest break (hours)": self["longest_gap_ms"] / MS_HOUR,
            "songs per active day": _ratio(self["songs"], self["active_days"]),
            "share of songs on the paid level": _ratio(self["paid_songs"], self["songs"]),
            "days from first to last event": (self["last_ts"] - self["first_ts"]) / MS_DAY,
            "days from registration to last event": (self["last_ts"] - self.origin) / MS_DAY,
        }

    def segments(self) -> dict[str, tuple[list[str], tuple[str, ...]]]:
        """By name of the segment: its value for each user, and the order of the values (empty: by size)."""
        agents = list(self.texts["userAgent"])
        regions = [region_of(place) for place in self.texts["location"]]
        first, last = ((self[when] - self.origin) / MS_DAY for when in ("first_ts", "last_ts"))
        bands = tuple(tenure_band(day) for day in TENURES)
        return {
            "gender": ([value or UNKNOWN for value in self.texts["gender"]], ()),
            "level at the last event": ([value or UNKNOWN for value in self.texts["level"]], ()),
            "device": ([device_of(agent) for agent in agents], ()),
            "browser": ([browser_of(agent) for agent in agents], ()),
            "region": (regions, ()),
            "tenure when first seen (days)": ([tenure_band(day) for day in first], bands),
            "tenure at the last event (days)": ([tenure_band(day) for day in last], bands),
            "month of registration": ([_month(ms) for ms in self["registration"]], self._months()),
            "submitted an upgrade": (["yes" if n else "no" for n in self["upgrade_submits"]], ("no", "yes")),
            "submitted a downgrade": (["yes" if n else "no" for n in self["downgrade_submits"]], ("no", "yes")),
        }

    def _months(self) -> tuple[str, ...]:
        return tuple(sorted({_month(ms) for ms in self["registration"]}))


def _ratio(above: Floats, below: Floats) -> Floats:
    found = np.full(above.shape, np.nan)
    np.divide(above, below, out=found, where=below > 0)
    return found


def device_of(agent: str) -> str:
    """What a userAgent runs on, as people call it."""
    names = {"windows": "Windows", "mac": "Mac", "linux": "Linux", "iphone": "iPhone", "ipad": "iPad"}
    for name, (_, sign) in DEVICES.items():
        if sign in agent:
            return names[name]
    return "other" if agent else UNKNOWN


def browser_of(agent: str) -> str:
    """The browser of a userAgent; Chrome also calls itself Safari."""
    for sign, name in {
        "Chrome": "Chrome", "Firefox": "Firefox", "Trident": "Internet Explorer", "MSIE": "Internet Explorer",
        "Safari": "Safari",
    }.items():  # fmt: skip
        if sign in agent:
            return name
    return "other" if agent else UNKNOWN


def region_of(location: str) -> str:
    """The region of the US census of a metro area, by its first state."""
    state = location.rpartition(", ")[2].partition("-")[0]
    found = (name.title() for name, states in REGIONS.items() if state in states.split())
    return next(found, "other" if location else UNKNOWN)


def tenure_band(days: float) -> str:
    """The band of `TENURES` that a number of days falls into."""
    i = int(np.searchsorted(TENURES, days, side="right")) - 1
    return f"{TENURES[-1]} or more" if i == len(TENURES) - 1 else f"{TENURES[max(i, 0)]} to {TENURES[max(i, 0) + 1]}"


def _month(ms: float) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m") if ms > 0 else UNKNOWN


def listed(table: pa.Table) -> list[dict[str, Any]]:
    """A small result as dicts."""
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
