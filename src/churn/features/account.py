"""Who the user is to the service: level and its history, tenure, gender, device, browser, region."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import ibis
from ibis import _
from ibis.common.deferred import Deferred

from churn.features.base import ALL, MS_PER_DAY, Feature, Sums, Window, flag, smoothed
from churn.regions import REGIONS

DEVICES = {
    "windows": ("Windows", "Windows"),
    "mac": ("a Mac", "Macintosh"),
    "linux": ("Linux", "X11"),
    "iphone": ("an iPhone", "iPhone;"),
    "ipad": ("an iPad", "iPad"),
}
"""Devices, as people call them, and what only their userAgent holds."""


def account(sums: Sums, windows: Sequence[Window]) -> Iterator[Feature]:
    """Level, tenure and profile."""
    yield from _level(sums, windows)
    yield from _tenure()
    yield from _profile()


def _level(sums: Sums, windows: Sequence[Window]) -> Iterator[Feature]:
    yield _is("paid_now", "is on the paid level", _.level == "paid", "level")
    yield Feature(
        "days_on_level",
        "account",
        "days since the level last changed, or since first seen",
        (_.at_ms - _.switched_ts.fill_null(_.first_ts)) / MS_PER_DAY,
        "level",
        clock=True,
    )
    for window in (windows[-1], ALL):
        yield Feature(
            f"paid_share_{window.name}",
            "account",
            f"share of songs played while paying {window.words}",
            smoothed(sums("paid_songs", window) * 1.0, sums("songs", window) * 1.0, 0.5, 10.0),
            "level",
        )
    for column, words in (("upgrades", "moves up to the paid level"), ("downgrades", "moves down to the free level")):
        yield Feature(
            f"{column}_all", "account", f"{words} over all time", sums(column) * 1.0, "level", clock=True
        )  # fmt: skip


def _tenure() -> Iterator[Feature]:
    # Some registrations lie after the first event, or after the cut-off: the earlier of the two counts.
    start = ibis.ifelse(_.registration > 0, ibis.least(_.registration, _.first_ts), _.first_ts)
    yield Feature(
        "tenure_days",
        "account",
        "days since registration, or since first seen where that was earlier",
        (_.at_ms - start) / MS_PER_DAY,
        "tenure",
        clock=True,
    )
    yield Feature(
        "observed_days", "account", "days since first seen in the log", (_.at_ms - _.first_ts) / MS_PER_DAY,
        "tenure", clock=True,
    )  # fmt: skip


def _profile() -> Iterator[Feature]:
    for name, letter in (("female", "F"), ("male", "M")):
        yield _is(name, f"registered as {name}", _.gender == letter, "gender")
    for name, (words, sign) in DEVICES.items():
        yield _is(f"device_{name}", f"comes with {words}", _.userAgent.contains(sign), "device")
    agent = _.userAgent
    chrome = agent.contains("Chrome")
    browsers = {
        "chrome": chrome,
        "safari": agent.contains("Safari") & ~chrome,
        "firefox": agent.contains("Firefox"),
        "internet_explorer": agent.contains("Trident") | agent.contains("MSIE"),
    }
    for name, condition in browsers.items():
        yield _is(f"browser_{name}", f"comes with {name.replace('_', ' ')}", condition, "device")
    state = _.region.split("-")[0]
    for name, states in REGIONS.items():
        yield _is(f"region_{name}", f"lives in the US {name}", state.isin(states.split()), "region")


def _is(name: str, words: str, condition: Deferred, group: str) -> Feature:
    return Feature(name, "account", words, flag(condition), group, flag=True, trait=group != "level")
