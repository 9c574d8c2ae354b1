"""A bundle and a new log to a risk list, with a warning where the users have become others. `churn score`."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, cast

from churn.bundle import Bundle, load
from churn.drift import Drift, drifts, drifts_of
from churn.engines import Engine
from churn.errors import BundleError, NotEnoughData, OutputError, writing
from churn.evaluation import Row
from churn.ingest import OWN_NAMES
from churn.pipeline import read_log, snapshot_at, users_at
from churn.problem import Problem, utc_day
from churn.results import csv_lines, to_csv
from churn.risk import risk_rows
from churn.s3.around import remove_there
from churn.s3.url import S3Url, is_s3
from churn.score_batches import Judge
from churn.scoring import Scorer
from churn.settings import DEFAULT_MEMORY, Settings
from churn.steps import Watcher, replace_text

if TYPE_CHECKING:
    from churn.engines.spark import SparkEngine


@dataclass(frozen=True)
class ScoreSettings:
    """What `churn score` takes.

    Attributes:
        bundle: folder of a bundle whose task is `forecast`.
        logs: files, folders or globs.
        as_of: a UTC midnight; only events before it are used. The last one of the log if None.
        out: file to write, CSV; `*.drift.csv` is written beside it.
        engine: what reads and counts; on Spark the users are also judged there, batch by batch.
        master: where Spark runs; see `churn.engines.spark.SparkEngine`.
        conf: settings for Spark, by name.
        memory: bytes that all may use.
        max_refused: largest share of lines that may be refused.
        columns: for each of our column names the one that the log uses.
        remote: address in S3 for tables that a cluster makes on the way, see `work_in_s3`; it is removed in the end. A
            folder beside `out` if None, which all machines must see.
    """

    bundle: Path
    logs: tuple[str, ...]
    as_of: date | None
    out: Path
    engine: str = "duckdb"
    master: str | None = None
    conf: Mapping[str, str] = field(default_factory=dict)
    memory: int = DEFAULT_MEMORY
    max_refused: float = 0.05
    columns: Mapping[str, str] = field(default_factory=lambda: dict(OWN_NAMES))
    remote: str | None = None

    @property
    def drift(self) -> Path:
        """Where the drift of every feature is written."""
        return self.out.with_suffix(".drift.csv")


def work_in_s3(out: str, engine: str) -> str | None:
    """Where a cluster keeps its tables while it scores for `out`: beside it in S3, which all its machines see."""
    return f"{S3Url.of(out)}.work" if engine == "spark" and is_s3(out) else None


@dataclass(frozen=True)
class Scored:
    """How scoring went: the date, users by band, and every feature's drift, the worst first."""

    as_of: date
    bands: Mapping[str, int]
    drifts: Sequence[Drift]


def score(settings: ScoreSettings, watcher: Watcher | None = None, *, progress: list[Engine] | None = None) -> Scored:
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
            master=settings.master,
            conf=settings.conf,
            memory=settings.memory,
            max_refused=settings.max_refused,
            columns=settings.columns,
            remote=settings.remote,
        )
        as_of = settings.as_of or utc_day(read_log(asked, watcher, progress=progress).last_ts)
        if asked.engine == "spark":
            return _on_spark(settings, asked, as_of, bundle, watcher, progress)
        table, attributes = snapshot_at(asked, as_of, watcher, progress=progress)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        if settings.remote:
            remove_there(settings.remote)
    _check(as_of, len(table))
    names = [entry.name for entry in bundle.manifest.features]
    x = table.x[:, scorer.columns(table.names)]
    moved = drifts(bundle.reference, int(bundle.manifest.parity["rows"]), names, x)
    return _written(settings, as_of, moved, risk_rows(table, scorer, attributes, as_of))


def _on_spark(
    settings: ScoreSettings,
    asked: Settings,
    as_of: date,
    bundle: Bundle,
    watcher: Watcher | None,
    progress: list[Engine] | None,
) -> Scored:
    """Judge the users where they are: millions of them need not fit into this process."""
    with users_at(asked, as_of, watcher, progress=progress) as (engine, users):
        from churn.engines.spark_batches import spark_batches

        judge = Judge(bundle, as_of)
        Scorer(bundle).columns(users.columns)
        with spark_batches(cast("SparkEngine", engine), users, judge) as batches:
            _check(as_of, batches.users)
            rows = int(bundle.manifest.parity["rows"])
            moved = drifts_of(bundle.reference, rows, judge.names, batches.counts())
            return _written(settings, as_of, moved, batches.risks())


def _check(as_of: date, users: int) -> None:
    if not users:
        raise NotEnoughData(f"no user is there to judge at {as_of}", "give a later date or an earlier log")


def _written(settings: ScoreSettings, as_of: date, moved: Sequence[Drift], rows: Iterable[Row]) -> Scored:
    """Both lists on disk, each whole or not at all."""
    bands: Counter[str] = Counter()
    aside = settings.out.with_name(settings.out.name + ".new")
    try:
        with writing(settings.out.parent), aside.open("w", encoding="utf-8", newline="") as file:
            file.writelines(csv_lines(_counting(rows, bands)))
        with writing(settings.out.parent):
            replace_text(settings.drift, to_csv([drift.as_row() for drift in moved]))
            aside.replace(settings.out)
    finally:
        aside.unlink(missing_ok=True)
    return Scored(as_of, bands, moved)


def _counting(rows: Iterable[Row], bands: Counter[str]) -> Iterator[Row]:
    for row in rows:
        bands[str(row["band"])] += 1
        yield row


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
