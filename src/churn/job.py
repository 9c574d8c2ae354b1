"""The steps of a run and what they share: the log to snapshots, models, risk list, web page and report."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from churn import app_data, rollups, snapshots
from churn.account import Account
from churn.app_data import AppContent, write_app
from churn.bundle import load
from churn.engines import Engine
from churn.engines.opening import engine_of, files_of
from churn.errors import NotEnoughData, QuarantineError, SourceError
from churn.files import Files
from churn.ingest import Ingest
from churn.learnable import check_divided, check_learnable, check_somebody_left
from churn.learners.opening import families_of
from churn.modelling import Modelling
from churn.problem import Cutoffs
from churn.profile import profile_of
from churn.reference import read_reference
from churn.report import write_report
from churn.results import to_csv
from churn.risk import risk_rows
from churn.scoring import Scorer
from churn.settings import Settings
from churn.sources import STAGED, Source, find_sources
from churn.steps import HERE, PRIVATE, Done, Step, run_folder, steps_done
from churn.summary import Summary, summarise
from churn.tables import Table, split_history
from churn.versions import code, versions


@dataclass(frozen=True)
class Job:
    """The steps of one run and what they share.

    Attributes:
        settings: what was asked for.
        sources: the files of the log.
        engine: reads and counts.
        files: keeps what the steps make.
    """

    settings: Settings
    sources: tuple[Source, ...]
    engine: Engine
    files: Files = HERE

    @cached_property
    def account(self) -> Account:
        """What ingest found; known once that step is done."""
        return Account.from_json((self.settings.out / "ingest.json").read_text(encoding="utf-8"))

    @cached_property
    def cutoffs(self) -> Cutoffs:
        """The cut-offs of this log.

        Raises:
            NotEnoughData: if the log is too short.
        """
        return Cutoffs.of_log(self.settings.problem, self.account.first_ts, self.account.last_ts)

    def steps(self) -> list[Step]:
        """All steps, in order."""
        s, problem = self.settings, self.settings.problem
        files = [
            (source.url or str(source.path.absolute()), source.size, source.etag or source.modified)
            for source in self.sources
        ]
        return [
            Step(
                "ingest",
                "reading the log",
                ("events", "nobody", "quarantine", "ingest.json"),
                {
                    "files": files,
                    "columns": dict(s.columns),
                    "max_refused": s.max_refused,
                    "engine": s.engine,
                    "versions": versions(),
                    "code": code(),
                },
                self.ingest,
            ),
            Step(
                "rollups",
                "counting days and sessions",
                ("rollups",),
                {"pages": [problem.churn_pages, problem.hidden_pages]},
                self.roll_up,
            ),
            Step(
                "profile",
                "looking into the data",
                ("statistics",),
                {"reach": problem.reach.days},
                self.profile,
            ),
            Step(
                "snapshots",
                "making features and labels",
                ("snapshots",),
                {"problem": asdict(problem), "seed": s.seed},
                self.snapshot,
            ),
            Step(
                "train",
                "training and measuring models",
                ("metrics", "bundle"),
                {
                    "families": s.families,
                    "learner": s.trainer,
                    "force": s.force,
                    "balance": s.balance,
                    "threshold": s.policy.as_json(),
                    "best": s.best,
                    "studies": s.studies,
                },
                self.train,
            ),
            Step("risk", "ranking users by risk", ("risk.csv",), {}, self.rank),
            Step("app", "filling the web page", (app_data.NAME,), {}, self.fill_app),
            Step("report", "writing the report", ("report.html", "figures"), {}, self.report),
        ]

    def ingest(self, folder: Path) -> None:
        """Log files to `events/`; the lines of nobody are kept apart in `nobody/`, refused ones in `quarantine/`."""
        s, staged = self.settings, self.settings.out / STAGED
        sources = self.within_reach(staged)
        job = Ingest(self.engine, sources, folder, s.columns, s.max_refused, self.files)
        try:
            job.run()
        except (QuarantineError, SourceError):
            # Refused lines are shown even where they stop the run; the folder is whole by then.
            if (folder / "quarantine").exists():
                (folder / "quarantine").rename(s.out / "quarantine")
                self.files.keep(s.out / "quarantine")
            raise
        (folder / "nobody").mkdir(exist_ok=True)
        shutil.rmtree(staged, ignore_errors=True)

    def within_reach(self, folder: Path) -> list[Source]:
        """The files of the log; those that the engine does not read where they lie are copied into a folder."""
        far = [source for source in self.sources if not self.engine.reaches(source)]
        if not far:
            return list(self.sources)
        from churn.s3.stage import stage  # only there is boto3 needed

        copies = dict(zip((source.url for source in far), stage(far, folder), strict=True))
        return [copies.get(source.url, source) for source in self.sources]

    def roll_up(self, folder: Path) -> None:
        """Events to `rollups/sessions`, `rollups/user_days`, `rollups/leavers`."""
        problem, target = self.settings.problem, folder / "rollups"
        events = self.engine.read(self.settings.out / "events")
        walked = rollups.walk(events, problem.hidden_pages)
        self.engine.write(rollups.sessions(walked), target / "sessions")
        days = rollups.user_days(self.engine.read(target / "sessions"), events, problem.hidden_pages)
        self.engine.write(days, target / "user_days")
        self.engine.write(rollups.leavers(events, problem.churn_pages), target / "leavers")

    def profile(self, folder: Path) -> None:
        """Events and rollups to `statistics/`."""
        scratch = folder / "counts"
        found = profile_of(self.engine, self.settings.out, self.account, self.settings.problem, scratch)
        found.write(folder / "statistics")

    def snapshot(self, folder: Path) -> None:
        """Rollups to `snapshots/forecast`, `snapshots/history`."""
        s, target = self.settings, folder / "snapshots"
        check_somebody_left(self.engine, s.out, s.problem, self.account)
        days, leavers = self.rollup("user_days"), self.rollup("leavers")
        cutoffs = self.cutoffs
        self.engine.write(
            snapshots.forecast(days, leavers, s.problem, cutoffs.all, cutoffs.as_of, s.seed), target / "forecast"
        )
        self.engine.write(snapshots.history(days, leavers, s.problem, cutoffs.as_of, s.seed), target / "history")

    def train(self, folder: Path) -> None:
        """Snapshots to `metrics/` and `bundle/`."""
        forecast, history = self.table("forecast"), self.table("history")
        last_seen = self.attributes(self.cutoffs.as_of + timedelta(days=1))
        families = families_of(self.settings, self.engine)
        modelling = Modelling(self.settings, self.cutoffs, self.account.fingerprint, versions(), families)
        splits = (modelling.forecast_split(forecast), split_history(history, "history"))
        if not self.settings.force:
            check_learnable(splits[0], self.settings.problem)
        check_divided(splits)
        modelling.run(forecast, history, {user: row["last_ts"] for user, row in last_seen.items()}, folder)

    def rank(self, folder: Path) -> None:
        """Snapshots at `as_of` and the bundle to `risk.csv`."""
        as_of, now = self.cutoffs.as_of, self.now()
        if not len(now):
            raise NotEnoughData(f"no user is left to judge at {as_of}", "give a log in which some users have stayed")
        rows = risk_rows(now, Scorer.of(self.settings.out / "bundle"), self.attributes(as_of), as_of)
        (folder / "risk.csv").write_text(to_csv(rows), encoding="utf-8")

    def fill_app(self, folder: Path) -> None:
        """All of the above to `app.sqlite`."""
        out, as_of, now = self.settings.out, self.cutoffs.as_of, self.now()
        daily = snapshots.activity_before(self.rollup("user_days"), as_of, app_data.COUNTS)
        content = AppContent(
            facts={"as_of": as_of.isoformat(), **self.facts()},
            risk=_csv_rows(out / "risk.csv"),
            names=now.names,
            features=((str(user), *row.tolist()) for user, row in zip(now.users, now.x, strict=True)),
            activity=_cells(self.engine.batches(daily)),
            reference=read_reference(load(out / "bundle").reference),
        )
        write_app(folder / app_data.NAME, content, out)

    def report(self, folder: Path) -> None:
        """All of the above to `report.html` and `figures/`."""
        write_report(self.settings.out, folder, self.facts())

    def facts(self) -> dict[str, Any]:
        """What `run.json` will say of this run, as far as it is known by now."""
        summary = summarise(self.settings.out, self.settings, self.cutoffs)
        return run_facts(self.settings, summary, steps_done(self.settings.out, self.steps()))

    def now(self) -> Table:
        """The snapshots at `as_of`, in memory."""
        table = self.table("forecast")
        return table.rows(table.cutoffs == np.datetime64(self.cutoffs.as_of))

    def rollup(self, name: str) -> ir.Table:
        """One of the rollups."""
        return self.engine.read(self.settings.out / "rollups" / name)

    def table(self, task: str) -> Table:
        """The snapshots of a task, in memory."""
        return Table.of(self.engine.fetch(self.engine.read(self.settings.out / "snapshots" / task)))

    def attributes(self, at: date) -> dict[str, dict[str, Any]]:
        """Level, region and time of the last event before a date, by user id."""
        rows = self.engine.fetch(snapshots.attributes_at(self.rollup("user_days"), at)).to_pylist()
        return {row["userId"]: row for row in rows}


@contextmanager
def open_job(settings: Settings, progress: list[Engine] | None = None) -> Iterator[Job]:
    """A run folder of one's own, an engine, and the steps."""
    sources = find_sources(settings.logs)
    with run_folder(settings.out), files_of(settings) as files, open_engine(settings, files) as engine:
        if progress is not None:
            progress.append(engine)
        files.remove(settings.out / "run.json")
        yield Job(settings, sources, engine, files)


@contextmanager
def open_engine(settings: Settings, files: Files | None = None) -> Iterator[Engine]:
    """The engine of the settings, closed and its temporary files removed at the end."""
    scratch = settings.out / PRIVATE / "scratch"
    engine = engine_of(settings, scratch, files)
    try:
        yield engine
    finally:
        engine.close()
        shutil.rmtree(scratch, ignore_errors=True)


def run_facts(settings: Settings, summary: Summary, done: list[Done]) -> dict[str, Any]:
    """What `run.json` says of a run, but for its end and its files."""
    return {
        "settings": settings.as_json(),
        "versions": versions(),
        "steps": [asdict(step) for step in done],
        "summary": summary.as_json(),
    }


def _csv_rows(path: Path) -> Iterator[list[str]]:
    """The rows of a CSV file but for its header."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        yield from reader


def _cells(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[Any, ...]]:
    """The rows of batches, of which one at a time is Python's objects."""
    for batch in batches:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
