"""What `churn run` and its sisters call: the main job and parts of it, resumable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import ibis.expr.types as ir

from churn import snapshots
from churn.account import Account
from churn.engines import Engine
from churn.job import Job, open_job, run_facts
from churn.learners.opening import families_of
from churn.problem import check_cutoff
from churn.profile import FACTS
from churn.settings import Settings
from churn.steps import PRIVATE, Done, Silence, Step, Watcher, do_steps, replace_text
from churn.summary import Summary, summarise
from churn.tables import Table


def run(settings: Settings, watcher: Watcher | None = None, *, progress: list[Engine] | None = None) -> Summary:
    """The main job.

    Args:
        settings: what is asked for.
        watcher: is told which step begins and ends.
        progress: gets the engine appended as soon as there is one, for those who draw a progress bar.

    Returns:
        What a person wants to know; the same as in `run.json`.

    Raises:
        UserError: for all that the caller can mend.
    """
    with open_job(settings, progress) as job:
        families_of(settings, job.engine)  # what cannot train is told before the log is read
        done = do_steps(settings.out, job.steps(), watcher or Silence(), files=job.files)
        summary = summarise(settings.out, settings, job.cutoffs)
        _write_run_json(settings, summary, done)
        job.files.keep(settings.out / "run.json")
    return summary


def read_log(settings: Settings, watcher: Watcher | None = None, *, progress: list[Engine] | None = None) -> Account:
    """Only the first step; a later `run` into the same folder goes on from there. See `run`."""
    with open_job(settings, progress) as job:
        do_steps(settings.out, job.steps(), watcher or Silence(), until="ingest", files=job.files)
        return job.account


def snapshot(
    settings: Settings, as_of: date, watcher: Watcher | None = None, *, progress: list[Engine] | None = None
) -> int:
    """Features of every user eligible at a date, label null, into `snapshots/forecast`; returns how many users.

    Raises:
        SettingsError: if the date lies outside the log.
        UserError: see `run`.
    """
    with open_job(settings, progress) as job:
        step = _features_step(job, as_of)
        # It takes the place of the run's own step, so a later run makes its snapshots anew.
        steps = [step if old.name == step.name else old for old in job.steps()]
        do_steps(settings.out, steps, watcher or Silence(), until=step.name, files=job.files)
        made = job.engine.read(settings.out / "snapshots" / "forecast")
        return int(job.engine.fetch(made.aggregate(users=made.count()))["users"][0].as_py())


def snapshot_at(
    settings: Settings, as_of: date, watcher: Watcher | None = None, *, progress: list[Engine] | None = None
) -> tuple[Table, dict[str, dict[str, Any]]]:
    """As `snapshot`, in a folder for nothing else; returns the features, and level, region, last event by user id."""
    with open_job(settings, progress) as job:
        _make_features_alone(job, as_of, watcher or Silence())
        return job.table("forecast"), job.attributes(as_of)


@contextmanager
def users_at(
    settings: Settings, as_of: date, watcher: Watcher | None = None, *, progress: list[Engine] | None = None
) -> Iterator[tuple[Engine, ir.Table]]:
    """As `snapshot_at`, but left with the engine: it, and one row a user, as long as the block lasts."""
    with open_job(settings, progress) as job:
        _make_features_alone(job, as_of, watcher or Silence())
        features = job.engine.read(settings.out / "snapshots" / "forecast")
        yield job.engine, features.join(snapshots.attributes_at(job.rollup("user_days"), as_of), "userId")


def _make_features_alone(job: Job, as_of: date, watcher: Watcher) -> None:
    before = [step for step in job.steps() if step.name in ("ingest", "rollups")]
    do_steps(job.settings.out, [*before, _features_step(job, as_of)], watcher, files=job.files)


def _features_step(job: Job, as_of: date) -> Step:
    settings = job.settings

    def make(folder: Path) -> None:
        check_cutoff(as_of, job.account.first_ts, job.account.last_ts)
        days, leavers = job.rollup("user_days"), job.rollup("leavers")
        table = snapshots.forecast(days, leavers, settings.problem, (as_of,), as_of, settings.seed)
        job.engine.write(table, folder / "snapshots" / "forecast")

    depends = {"problem": asdict(settings.problem), "seed": settings.seed, "as_of": as_of.isoformat()}
    return Step("snapshots", "making features", ("snapshots",), depends, make)


def profile_log(
    settings: Settings, watcher: Watcher | None = None, *, progress: list[Engine] | None = None
) -> dict[str, Any]:
    """Everything up to `statistics/`, for a log of any kind, also one that nothing can be learned from.

    Returns:
        The log in a few numbers, as in `statistics/overview.json`. See `run`.
    """
    with open_job(settings, progress) as job:
        do_steps(settings.out, job.steps(), watcher or Silence(), until="profile", files=job.files)
        facts: dict[str, Any] = json.loads((settings.out / "statistics" / FACTS).read_text(encoding="utf-8"))
        return facts


def _write_run_json(settings: Settings, summary: Summary, done: list[Done]) -> None:
    out = settings.out
    files = sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file() and _is_output(p, out))
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    content = {"finished": finished, **run_facts(settings, summary, done), "files": files}
    replace_text(out / "run.json", json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _is_output(path: Path, out: Path) -> bool:
    return path.relative_to(out).parts[0] not in (PRIVATE, "run.json", "run.json.new")
