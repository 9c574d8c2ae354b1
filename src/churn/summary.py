"""What a person wants to know at the end of a run; read from the files it wrote, so it cannot disagree."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from churn.account import Account
from churn.learnable import LEAVERS_NEEDED
from churn.problem import Cutoffs
from churn.settings import Settings

TOP: Final = 5
"""Users shown by name at the end of a run."""

SHOWN: Final = ("roc_auc", "average_precision", "f1_churn")


@dataclass(frozen=True)
class Score:
    """One line of the table of scores: a model or a trivial rule on a task; metrics by name, None if undefined."""

    task: str
    model: str
    trivial: bool
    selected: bool
    metrics: Mapping[str, float | None]


@dataclass(frozen=True)
class Summary:
    """The result of a run in a few numbers.

    Attributes:
        lines: lines read.
        events: lines kept.
        refused: lines in quarantine.
        users: users with an event.
        leavers: users who reached a churn page.
        cutoffs: training, test and `as_of` cut-offs as dates.
        scores: models beside trivial rules, by task.
        bands: users at risk by band.
        top: the users most at risk, rows of `risk.csv`.
        test: the test of the forecast: rows, leavers, base rate.
        warnings: what a reader of the numbers must know.
        files: where to look, name and what it is.
        next_steps: what to do now.
    """

    lines: int
    events: int
    refused: int
    users: int
    leavers: int
    cutoffs: Mapping[str, Any]
    scores: Sequence[Score]
    bands: Mapping[str, int]
    top: Sequence[Mapping[str, str]]
    test: Mapping[str, Any]
    warnings: Sequence[str]
    files: Mapping[str, str]
    next_steps: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        """As in `run.json`."""
        return asdict(self)


def summarise(out: Path, settings: Settings, cutoffs: Cutoffs) -> Summary:
    """Read the results of a run from its folder."""
    account = Account.from_json((out / "ingest.json").read_text(encoding="utf-8"))
    tasks = json.loads((out / "metrics" / "tasks.json").read_text(encoding="utf-8"))
    risk = _rows(out / "risk.csv")
    history = (tasks["history"]["train"], tasks["history"]["test"])
    test = tasks["forecast"]["test"]
    scores = [
        *_scores(_rows(out / "metrics" / "models.csv"), trivial=False),
        *_scores(_rows(out / "metrics" / "baselines.csv"), trivial=True),
    ]
    return Summary(
        lines=account.lines,
        events=account.count("kept"),
        refused=account.refused,
        users=sum(part["users"] for part in history),
        leavers=sum(part["leavers"] for part in history),
        cutoffs={
            "train": [str(day) for day in cutoffs.train],
            "test": str(cutoffs.test),
            "as_of": str(cutoffs.as_of),
        },
        scores=scores,
        bands={band: sum(row["band"] == band for row in risk) for band in ("high", "medium", "low")},
        top=risk[:TOP],
        test={name: test[name] for name in ("users", "leavers", "base_rate")},
        warnings=_warnings(tasks["forecast"], account, scores),
        files={
            settings.place("report.html"): "all of this as a page, with plots; works offline",
            settings.place("risk.csv"): "every user at risk, ranked, with reasons",
            settings.place("metrics/models.csv"): "every score with its 95 % interval",
            settings.place("bundle/card.md"): "what the model is, and its limits",
            settings.place("run.json"): "settings, versions, seconds and memory of every step",
        },
        next_steps=_next_steps(settings, account),
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _scores(rows: list[dict[str, str]], *, trivial: bool) -> list[Score]:
    names = (*SHOWN, *(f"{name}{end}" for name in SHOWN for end in ("_low", "_high")))
    return [
        Score(
            task=row["task"],
            model=row["model"],
            trivial=trivial,
            selected=row.get("selected") == "1",
            metrics={name: float(row[name]) if row[name] else None for name in names},
        )
        for row in rows
    ]


def _warnings(forecast: Mapping[str, Any], account: Account, scores: Sequence[Score]) -> list[str]:
    found = []
    low = next((s.metrics["roc_auc_low"] for s in scores if s.task == "forecast" and s.selected), None)
    if low is None or low <= 0.5:
        found.append("on this test the forecast may be no better than chance: roc_auc may be 0.5 or less")
    leavers = forecast["train"]["leavers"]
    if leavers < LEAVERS_NEEDED:
        found.append(
            f"forced: too few leavers to learn from, {leavers} where {LEAVERS_NEEDED} are needed; "
            "do not rely on these scores"
        )
    if forecast["test"]["leavers"] < LEAVERS_NEEDED:
        found.append(
            f"few users left in the test ({forecast['test']['leavers']}), so scores are rough: look at the intervals"
        )
    if account.refused:
        found.append(f"{account.refused:,} lines were refused; they are in quarantine/ with the reason for each")
    if account.coerced:
        found.append(f"values of a wrong type were left out: {dict(account.coerced)}")
    return found


def _next_steps(settings: Settings, account: Account) -> list[str]:
    steps = [f"open {settings.place('risk.csv')} and contact the users in band high first"]
    if account.refused:
        steps.append(f"look at {settings.place('quarantine')}")
    return [*steps, "leave some of them out at random, so that you learn whether contacting helps"]
