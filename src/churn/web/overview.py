"""The page "Overview": the tables of a run as tiles and charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from churn.report.blocks import Axis, Table
from churn.report.inputs import METRICS, STATISTICS, Inputs
from churn.report.sections import behaviour, leavers, models
from churn.web.charts import Chart, charts_of
from churn.web.store import Store


@dataclass(frozen=True)
class Tile:
    """A number with its name, and a line that says more."""

    name: str
    value: str
    more: str = ""


@dataclass(frozen=True)
class Part:
    """A part of the page with a heading of its own."""

    name: str
    title: str
    words: str
    entries: Sequence[Chart | Table]


@dataclass(frozen=True)
class Overview:
    """The whole page."""

    tiles: Sequence[Tile]
    parts: Sequence[Part]


@lru_cache(maxsize=4)
def overview_of(store: Store) -> Overview:
    """The page on a run; drawn once, since a run does not change while it is served."""
    inputs = inputs_of(store)
    parts = [_behaviour(inputs), _leavers(inputs), _models(inputs)]
    return Overview(_tiles(store, inputs), [part for part in parts if part.entries])


def inputs_of(store: Store) -> Inputs:
    """The tables of a run, as the report takes them; nothing is read from the folder."""
    names = [*(f"statistics/{name}" for name in STATISTICS), *(f"metrics/{name}" for name in METRICS)]
    summary = store.facts.get("summary", {})
    facts = {"users": summary.get("users", 0), "leavers": summary.get("leavers", 0)}
    return Inputs(Path(), {name: store.table(name) for name in names}, facts, {}, {})


def _tiles(store: Store, inputs: Inputs) -> list[Tile]:
    summary = store.facts.get("summary", {})
    users, left = int(summary.get("users") or 0), int(summary.get("leavers") or 0)
    total = sum(store.bands().values())
    expected = store.reach(total)
    tiles = [
        Tile("events", f"{int(summary.get('events') or 0):,}", "kept lines of the log"),
        Tile("users", f"{users:,}", "seen in the log"),
        Tile("have left", f"{left:,}", f"{left / users:.1%} of all users" if users else ""),
        Tile("still here", f"{total:,}", f"judged at {store.as_of}"),
        Tile("expected to leave", f"{expected.leavers:,.0f}", f"in the {_horizon(store)} days from then"),
    ]
    best = next(iter(models.models_of(inputs, _task(inputs))), None) if inputs.has_models else None
    if best:
        low, high = best.get("roc_auc_low"), best.get("roc_auc_high")
        between = f"95 % interval {float(low):.2f} to {float(high):.2f}" if low and high else ""
        tiles.append(Tile("roc_auc", f"{float(best['roc_auc']):.3f}", between))
    return tiles


def _horizon(store: Store) -> str:
    return str(store.facts.get("settings", {}).get("horizon", "next"))


def _task(inputs: Inputs) -> str:
    return models.tasks_of(inputs)[0]


def _behaviour(inputs: Inputs) -> Part:
    words = "What all users did on each day of the log; choose what is counted above the plot."
    blocks: list[object] = []
    if inputs.tables["statistics/activity_by_date"]:
        blocks.append(behaviour.by_date(inputs))
    return Part("activity", "Activity over time", words, charts_of(blocks))


def _leavers(inputs: Inputs) -> Part:
    words = "Shares of users who left, with 95 % intervals. Intervals that overlap widely may differ by chance."
    blocks: list[object] = []
    if inputs.facts["leavers"]:
        blocks += [behaviour.page_rates(inputs)] if inputs.tables["statistics/page_rates"] else []
        for name, make in (("churn_by_segment", leavers.segments), ("churn_by_decile", leavers.deciles),
                           ("survival", leavers.survival)):  # fmt: skip
            blocks += make(inputs) if inputs.tables[f"statistics/{name}"] else []
    return Part("leavers", "Who leaves", words, charts_of(blocks))


def _models(inputs: Inputs) -> Part:
    words = (
        "Every model was measured on users and days that it had not seen. ★ marks the one that makes the risk list; "
        "rules of thumb stand below the models. In brackets: 95 % intervals."
    )
    blocks: list[object] = []
    if inputs.has_models:
        share = Axis("false alarms: share of those who stayed", percent=True, ends=(0, 1))
        makers = (
            ("metrics/calibration", lambda: [models.calibration(inputs)]),
            ("metrics/lift", lambda: [models.lift(inputs)]),
            ("metrics/curves", lambda: [models.curve(inputs, "roc", "ROC curves", share)]),
            ("metrics/importance", lambda: models.importance(inputs)),
        )
        blocks += [models.scores(inputs, task) for task in models.tasks_of(inputs)]
        for name, make in makers:
            blocks += make() if inputs.tables[name] else []
    return Part("models", "How good the models are", words, charts_of(blocks))
