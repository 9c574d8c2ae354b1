"""The progress bar."""

from __future__ import annotations

from typing import Any, cast

import pytest
from rich.console import Console
from rich.progress import Progress

from churn.cli.console import Bars
from churn.engines import Engine
from churn.engines import Progress as Now
from churn.steps import Step


class Queries:
    """What an engine says of a step of two queries, the second of which begins anew; then the step is over."""

    def __init__(self, bars: Bars) -> None:
        self.bars, self.shares = bars, [0.2, 0.9, None, 0.1, 0.5]

    def progress(self) -> Now | None:
        share = self.shares.pop(0)
        if not self.shares:
            self.bars.leave()
        return None if share is None else Now(share, f"{share} of 1 tasks")


def test_the_bar_never_falls_back_within_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("churn.cli.console._TICK", 0.001)
    for _ in range(2):  # and begins anew with the next one
        progress = Progress(console=Console(quiet=True))
        bars, shown = Bars(progress), []
        told: list[str] = []
        bars.engines.append(cast(Engine, Queries(bars)))
        update = progress.update

        def noted(
            task: Any, update: Any = update, shown: list[float] = shown, told: list[str] = told, **values: Any
        ) -> None:
            shown.append(values["completed"])
            told.append(values["words"])
            update(task, **values)

        monkeypatch.setattr(progress, "update", noted)
        bars.started(Step("rollups", "counting", (), {}, lambda folder: None))
        bars.follow()
        assert shown == [0.2, 0.9, 0.9, 0.9]
        assert told == [f"{share} of 1 tasks" for share in (0.2, 0.9, 0.1, 0.5)]
