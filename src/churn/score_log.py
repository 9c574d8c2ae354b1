"""A bundle and a new log to a risk list, with a warning where the users have become others. `churn score`."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from churn.bundle import Bundle, load
from churn.drift import Drift, drifts
from churn.engines import Engine
from churn.errors import BundleError, NotEnoughData, OutputError, writing
from churn.ingest import OWN_NAMES
from churn.pipeline import read_log, snapshot_at
from churn.problem import Problem, utc_day
from churn.results import to_csv
from churn.risk import risk_rows
from churn.scoring import Scorer
from churn.settings import DEFAULT_MEMORY, Settings
from churn.steps import Watcher, replace_text


@dataclass(frozen=True)
class ScoreSettings:
    """What `churn score` takes.

    Attributes:
        bundle: folder of a bundle whose task is `forecast`.
        logs: files, folders or globs.
        as_of: a UTC midnight; only events before it are used. The last one of the log if None.
        out: file to write, CSV; `*.drift.csv` is written beside it.
        engine: what reads and counts.
        memory: bytes that all may use.
        max_refused: largest share of lines that may be refused.
        columns: for each of our column names the one that the log uses.
    """

    bundle: Path
    logs: tuple[str, ...]
    as_of: date | None
    out: Path
    engine: str = "duckdb"
    memory: int = DEFAULT_MEMORY
    max_refused: float = 0.05
    columns: Mapping[str, str] = field(default_factory=lambda: dict(OWN_NAMES))

    @property
    def drift(self) -> Path:
        """Where the drift of every feature is written."""
        return self.out.with_suffix(".drift.csv")


@dataclass(frozen=True)
class Scored:
    """How scoring went: the date, users by band, and every feature's drift, the worst first."""

    as_of: date
    bands: Mapping[str, int]
    drifts: Sequence[Drift]


def score(
    settings: ScoreSettings, watcher: Watcher | None = None, *, progress: list[Engine] | None = None
) -> Scored:
    """Write the risk list of every user eligible at a date.

    Raises:
        BundleError: if the bundle is damaged, of a newer format, not for logs, or asks for features that there
            are none of; nothing is written then.
        UserError: for all else that the caller can mend.
    """
    bundle = load(settings.bundle)
    scorer, problem = Scorer(bundle), _problem(bundle)
    if settings.out.is_dir():
        raise OutputError(f"{settings.out} is a folder", "name a file with --out")
    with writing(settings.out.parent):
        settings.out.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".churn-score-", dir=settings.out.parent))
    try:
        asked = Settings(
            settings.logs,
            work / "run",
            problem,
            engine=settings.engine,
            memory=settings.memory,
            max_refused=settings.max_refused,
            columns=settings.columns,
        )
        as_of = settings.as_of or utc_day(read_log(asked, watcher, progress=progress).last_ts)
        table, attributes = snapshot_at(asked, as_of, watcher, progress=progress)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if not len(table):
        raise NotEnoughData(f"no user is there to judge at {as_of}", "give a later date or an earlier log")
    names = [entry.name for entry in bundle.manifest.features]
    x = table.x[:, scorer.columns(table.names)]
    moved = drifts(bundle.reference, int(bundle.manifest.parity["rows"]), names, x)
    rows = risk_rows(table, scorer, attributes, as_of)
    with writing(settings.out.parent):
        replace_text(settings.drift, to_csv([drift.as_row() for drift in moved]))
        replace_text(settings.out, to_csv(rows))
    return Scored(as_of, Counter(str(row["band"]) for row in rows), moved)


def _problem(bundle: Bundle) -> Problem:
    """What the bundle was trained to answer."""
    manifest = bundle.manifest
    if manifest.task != "forecast":
        raise BundleError(f"the bundle answers the task {manifest.task}, not a forecast", "use the bundle of a run")
    asked = dict(manifest.problem)
    return Problem(
        churn_pages=tuple(asked["churn_pages"]),
        horizon=asked["horizon"],
        gap=asked["gap"],
        windows=tuple(asked["windows"]),
        every=asked["every"],
    )
