"""What a report is made of: the files of a run folder, and nothing else."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from churn.errors import SourceError
from churn.report.blocks import between
from churn.sources import RUN_MARK

Cells: TypeAlias = Mapping[str, str]

STATISTICS: Final = (
    "lines", "quirks", "columns", "pages", "values", "activity_by_date", "activity_by_weekday", "activity_by_hour",
    "favourites", "users", "sessions", "page_rates", "churn_by_segment", "churn_by_decile", "survival",
    "time_to_churn", "churn_after",
)  # fmt: skip
METRICS: Final = ("models", "baselines", "thresholds", "lift", "calibration", "curves", "importance")
STUDIES: Final = ("balance", "feature_count")
"""Tables under `metrics/` that are there only if they were asked for."""

csv.field_size_limit(2**31 - 1)  # a name in a log may be of any length


@dataclass(frozen=True)
class Inputs:
    """The contents of a run folder; what a run did not make is empty.

    Attributes:
        folder: the run folder.
        tables: rows of CSV files by path below the folder, without `.csv`; cells are text as in the file.
        facts: `statistics/overview.json`.
        tasks: `metrics/tasks.json`.
        run: what `run.json` says of settings, versions, steps and summary.
    """

    folder: Path
    tables: Mapping[str, Sequence[Cells]]
    facts: Mapping[str, Any]
    tasks: Mapping[str, Any]
    run: Mapping[str, Any]

    def rows(self, name: str, **wanted: str) -> list[Cells]:
        """Rows of a table whose cells are as wanted, in the order of the file."""
        return [row for row in self.tables[name] if all(row.get(column) == value for column, value in wanted.items())]

    @property
    def has_models(self) -> bool:
        """Whether a model was trained and measured."""
        return bool(self.tables["metrics/models"])


def read_inputs(folder: Path, run: Mapping[str, Any] | None = None) -> Inputs:
    """Read a run folder.

    Args:
        folder: made by `churn run` or `churn profile`.
        run: in place of `run.json`, which is written last of all.

    Raises:
        SourceError: if this is no run folder, holds nothing to report on, or a file of it is damaged.
    """
    if not (folder / RUN_MARK).is_dir():
        raise SourceError(f"{folder} is no folder of a run", "name the --out of churn run or churn profile")
    names = [
        *(f"statistics/{name}" for name in STATISTICS),
        *(f"metrics/{name}" for name in (*METRICS, *STUDIES)),
        "risk",
    ]
    found = Inputs(
        folder,
        {name: _rows(folder / f"{name}.csv") for name in names},
        _json(folder / "statistics" / "overview.json"),
        _json(folder / "metrics" / "tasks.json"),
        _json(folder / "run.json") if run is None else run,
    )
    if not found.facts and not found.has_models:
        remedy = "finish the run first: churn run or churn profile"
        raise SourceError(f"{folder} holds neither statistics nor metrics", remedy)
    return found


def number(row: Cells, name: str) -> float:
    """A cell as a number; nan where it is empty or absent."""
    text = row.get(name, "")
    return float(text) if text else math.nan


def measured(row: Cells, metric: str, digits: int = 3) -> str:
    """A metric with its interval, from the columns `<metric>`, `_low` and `_high`."""
    return between(number(row, metric), number(row, f"{metric}_low"), number(row, f"{metric}_high"), digits)


def _rows(path: Path) -> list[Cells]:
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path} is damaged ({error})", "run again to make it anew") from error


def _json(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SourceError(f"{path} is damaged ({error})", "run again to make it anew") from error
    return found if isinstance(found, dict) else {}
