"""The parts of whole runs: steps from `run.json`, training from `models.csv`, scoring by a process of its own."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.figures import OURS, Figure
from benchmarks.machine import ROOT

TITLES = {"risk": "risk list"}
"""Names of steps where the tables say more."""

READING = ("ingest", "rollups")
"""Steps that look at every line."""


def step_figures(run: Path, lines: int) -> list[Figure]:
    """One figure a step of a finished run; lines are counted for those that read them."""
    steps = json.loads((run / "run.json").read_text(encoding="utf-8"))["steps"]
    figures = [
        Figure(f"step: {TITLES.get(step['name'], step['name'])}", OURS, (step["seconds"],), memory=(step["memory"],))
        for step in steps
    ]
    reads = [step["name"] in READING for step in steps]
    return [replace(f, count=lines, unit="line") if read else f for f, read in zip(figures, reads, strict=True)]


def training_figures(run: Path) -> list[Figure]:
    """One figure a model family: its training over all tasks, folds included."""
    with (run / "metrics" / "models.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    seconds: dict[str, float] = {}
    for row in rows:
        seconds[row["model"]] = seconds.get(row["model"], 0.0) + float(row["training_time"])
    tasks = len({row["task"] for row in rows})
    return [Figure(f"training, {tasks} tasks: {name}", OURS, (total,)) for name, total in seconds.items()]


def scoring_figures(run: Path) -> list[Figure]:
    """What scoring costs with the bundle of a finished run."""
    command = [sys.executable, "-m", "benchmarks.scoring", str(run)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return [
        Figure(**{**found, **{name: tuple(found[name]) for name in ("wall", "cpu", "memory")}})
        for found in json.loads(done.stdout)
    ]


def together(rounds: Sequence[Sequence[Figure]]) -> list[Figure]:
    """The same parts of several rounds as one figure each, in order."""
    found: dict[tuple[str, str], Figure] = {}
    for figure in (figure for one in rounds for figure in one):
        key = (figure.part, figure.who)
        before = found.get(key)
        found[key] = figure if before is None else replace(
            before, wall=before.wall + figure.wall, cpu=before.cpu + figure.cpu, memory=before.memory + figure.memory,
            shuffled=before.shuffled + figure.shuffled, spilled=before.spilled + figure.spilled,
        )  # fmt: skip
    return list(found.values())
