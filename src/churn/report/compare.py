"""Two runs side by side: data, users, models, settings."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from churn.report.blocks import (
    Axis,
    Block,
    Missing,
    Plot,
    Section,
    Series,
    Table,
    Words,
    apart,
    count,
    decimal,
    percent,
    shown,
    sized,
)  # fmt: skip
from churn.report.inputs import Cells, Inputs, measured, number
from churn.report.sections.models import tasks_of
from churn.report.sections.names import TASKS, name_of
from churn.report.summarise import drawable

_FACTS: Final[dict[str, tuple[str, Callable[[float], str]]]] = {
    "days": ("days", count), "lines": ("lines", count), "events": ("events kept", count), "users": ("users", count),
    "leavers": ("of whom left", count), "churn_rate": ("churn rate", percent), "sessions": ("sessions", count),
    "songs": ("songs", count), "songs_per_hour": ("songs per hour in sessions", sized), "artists": ("artists", count),
}  # fmt: skip

_METRICS: Final = ("roc_auc", "average_precision", "f1_churn", "brier", "lift_10")


def comparison(first: Inputs, second: Inputs) -> list[Section]:
    """The sections of the page on two runs, called A and B."""
    runs = (first, second)
    return [_runs(runs), _data(runs), drawable(_rates(runs)), _models(runs), _settings(runs)]


Pair = tuple[Inputs, Inputs]


def _runs(runs: Pair) -> Section:
    names = [f"{letter} is {shown(str(run.folder))}, on the log {shown(str(run.facts.get('dataset', 'unknown')))}"
             for letter, run in zip("AB", runs, strict=True)]  # fmt: skip
    prints = {run.facts.get("fingerprint") for run in runs}
    same = "Both saw the same events." if len(prints) == 1 and None not in prints else "They saw different events."
    return Section("runs", "Which runs", [Words(f"{'; '.join(names)}. {same}")])


def _data(runs: Pair) -> Section:
    a, b = (run.facts for run in runs)
    if not a or not b:
        return Section("data", "Data", [Missing(f"No statistics in {_without(runs, lambda run: bool(run.facts))}.")])
    rows = []
    for name, (words, text) in _FACTS.items():
        left, right = (math.nan if facts[name] is None else float(facts[name]) for facts in (a, b))
        rows.append([words, text(left), text(right), _change(left, right)])
    rows.insert(0, ["first event", a["first_event"], b["first_event"], ""])
    rows.insert(1, ["last event", a["last_event"], b["last_event"], ""])
    table = Table("The logs", ["", "A", "B", "B compared with A"], rows, [False, True, True, True])
    return Section("data", "Data", [table])


def _change(left: float, right: float) -> str:
    if math.isnan(left) or math.isnan(right) or not left:
        return "–"
    return f"{right / left - 1:+.1%}"


def _rates(runs: Pair) -> Section:
    if not all(run.facts and run.facts["leavers"] for run in runs):
        gone = _without(runs, lambda run: bool(run.facts and run.facts["leavers"]))
        return Section("rates", "Users", [Missing(f"Nobody left in {gone}, or it has no statistics.")])
    return Section("rates", "Users", [_segments(runs), _pages(runs)])


def _segments(runs: Pair) -> Plot:
    choices: dict[str, list[Series]] = {}
    for colour, (letter, run) in enumerate(zip("AB", runs, strict=True), 1):
        for segment in dict.fromkeys(row["segment"] for row in run.rows("statistics/churn_by_segment")):
            rows = run.rows("statistics/churn_by_segment", segment=segment)[:14]
            choices.setdefault(segment, []).append(
                Series(letter, apart([row["value"] for row in rows], 40), [number(row, "churn_rate") for row in rows],
                       "points", [number(row, "low") for row in rows], [number(row, "high") for row in rows],
                       [f"{row['leavers']} of {row['users']} users left" for row in rows], colour)
            )  # fmt: skip
    return Plot("segments", "Churn rate by segment", "Churn rates of A and B, with 95 % intervals.", Axis("segment"),
                Axis("churn rate, with its 95 % interval", percent=True, zero=True), choices,
                "statistics/churn_by_segment.csv", flat=True)  # fmt: skip


def _pages(runs: Pair) -> Plot:
    series = []
    for colour, (letter, run) in enumerate(zip("AB", runs, strict=True), 1):
        rows = run.rows("statistics/page_rates", group="all")
        names, rates = apart([row["page"] for row in rows], 40), [number(row, "per_1000_songs") for row in rows]
        series.append(Series(letter, names, rates, "bar", colour=colour))
    return Plot(
        "page_rates", "How often pages are seen", "Visits per 1,000 songs in A and B.", Axis("page"),
        Axis("visits per 1,000 songs", zero=True), {"": series}, "statistics/page_rates.csv", flat=True,
    )  # fmt: skip


def _models(runs: Pair) -> Section:
    without = _without(runs, lambda run: run.has_models)
    if without:
        return Section("models", "Models", [Missing(f"No model was trained in {without}.")])
    by_key: list[dict[tuple[str, str], Cells]] = [
        {(row["task"], row["model"]): row
         for table in ("metrics/models", "metrics/baselines") for row in run.rows(table)} for run in runs
    ]  # fmt: skip
    tasks = list(dict.fromkeys(task for run in runs for task in tasks_of(run)))
    blocks: list[Block] = [_scores(by_key, task) for task in tasks]
    blocks.append(Words("Scores on different tests are not to be compared by eye alone: mind the intervals."))
    return Section("models", "Models", blocks)


def _scores(by_key: list[dict[tuple[str, str], Cells]], task: str) -> Table:
    rows = []
    for key in dict.fromkeys(key for part in by_key for key in part if key[0] == task):
        for metric in _METRICS:
            values = [part.get(key, {}) for part in by_key]
            cells = [measured(row, metric) for row in values]
            left, right = (number(row, metric) for row in values)
            gap = right - left
            rows.append([name_of(key[1]), metric, *cells, "–" if math.isnan(gap) else f"{gap:+.3f}"])
    return Table(TASKS.get(task, task), ["model or rule", "metric", "A", "B", "B minus A"], rows,
                 [False, False, True, True, True])  # fmt: skip


def _settings(runs: Pair) -> Section:
    blocks: list[Block] = []
    for part, words in (("settings", "Settings"), ("versions", "Versions")):
        values = [run.run.get(part, {}) for run in runs]
        names = [name for name in dict.fromkeys([*values[0], *values[1]]) if values[0].get(name) != values[1].get(name)]
        if names:
            rows = [[name, *(shown(str(value.get(name, "–"))) for value in values)] for name in names]
            blocks.append(Table(f"{words} that differ", ["", "A", "B"], rows, [False, False, False]))
        elif all(values):
            blocks.append(Words(f"{words}: the same."))
    seconds = [sum(step["seconds"] for step in run.run.get("steps", ())) for run in runs]
    blocks.append(Words(f"Seconds of all steps: {decimal(seconds[0], 1)} and {decimal(seconds[1], 1)}."))
    return Section("settings", "Settings, versions, time", blocks)


def _without(runs: Pair, has: Callable[[Inputs], bool]) -> str:
    """The letters of the runs that lack something."""
    return " and ".join(letter for letter, run in zip("AB", runs, strict=True) if not has(run))
