"""Uploaded logs to risk lists: one child process a job, one job at a time."""

from __future__ import annotations

import csv
import logging
import secrets
import shutil
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from importlib import util
from pathlib import Path
from typing import Any, Final, Literal

from churn.app_data import RISK, create_risk
from churn.errors import RequestError
from churn.web.child import Child, ChildFailed, Limits
from churn.web.settings import WebSettings
from churn.web.store import RiskList
from churn.web.uploads import PrivateFolder

logger = logging.getLogger("churn.web")

Status = Literal["queued", "running", "done", "failed", "cancelled"]

ENGINE: Final = ("duckdb", "ibis", "pyarrow")
"""What `churn score` needs beside this process; only looked for here, never imported."""

OVER: Final = ("done", "failed", "cancelled")


@dataclass
class Job:
    """One uploaded log.

    Attributes:
        id: of 128 random bits, so that nobody guesses somebody else's.
        folder: its own, below the private one.
        as_of: date of the risk list; the last midnight of the log if None.
        status: how far it is.
        step: what is being done, in words.
        share: how much of all is done, from 0 to 1.
        error: why it failed, in words.
        warnings: what `churn score` had to say, drift above all.
        created, seconds: when it came (s since 1970), and how long the work took.
        child: what works on it.
        risks: the result.
    """

    id: str
    folder: Path
    as_of: date | None
    status: Status = "queued"
    step: str = "waiting"
    share: float = 0.0
    error: str = ""
    warnings: Sequence[str] = ()
    created: float = field(default_factory=time.time)
    seconds: float | None = None
    child: Child | None = None
    risks: RiskList | None = None

    @property
    def log(self) -> Path:
        """The uploaded log."""
        return self.folder / "log"

    @property
    def risk_csv(self) -> Path:
        """The risk list, once it is done."""
        return self.folder / "risk.csv"

    @property
    def drift_csv(self) -> Path:
        """How far every feature has moved, once it is done."""
        return self.folder / "risk.drift.csv"

    @property
    def result(self) -> RiskList:
        """The risk list, to filter and to page.

        Raises:
            RequestError: see `check_done`.
        """
        self.check_done()
        assert self.risks is not None
        return self.risks

    def check_done(self) -> None:
        """Ask for a result.

        Raises:
            RequestError: 409 while there is none.
        """
        if self.status != "done":
            remedy = "send the log again" if self.status in OVER else "ask again when it is done"
            raise RequestError(f"the job is {self.status}", remedy, status=409)

    def as_json(self) -> dict[str, Any]:
        """As the API says it."""
        return {
            "job": self.id,
            "status": self.status,
            "step": self.step,
            "progress": round(self.share, 3),
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "seconds": None if self.seconds is None else round(self.seconds, 2),
            "error": self.error or None,
            "warnings": list(self.warnings),
            "result": f"/api/v1/jobs/{self.id}/risk.csv" if self.status == "done" else None,
            "drift": f"/api/v1/jobs/{self.id}/drift.csv" if self.status == "done" else None,
        }


class Jobs:
    """The jobs of a server, and the thread that works them off."""

    def __init__(self, settings: WebSettings, bundle: Path) -> None:
        self.folder = PrivateFolder(settings.uploads)
        self._settings, self._bundle = settings, self.folder.path / "bundle"
        shutil.copytree(bundle, self._bundle)  # ours, whatever is written to its place while we serve
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._change = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    @staticmethod
    def missing() -> list[str]:
        """What scoring a log needs and is not installed here."""
        return [name for name in ENGINE if util.find_spec(name) is None]

    def check(self) -> None:
        """Refuse a job that could not be done.

        Raises:
            RequestError: 503 where the embedded engine is absent, too many jobs wait, or the server is stopping.
        """
        missing = self.missing()
        if missing:
            what = f"this server cannot read logs: {', '.join(missing)} is not installed"
            raise RequestError(what, "install it on the server: pip install sparkify-churn", status=503)
        with self._change:
            if self._closed or len(self._waiting) >= self._settings.most_waiting:
                raise RequestError("too many logs are waiting to be scored", "try again later", status=503)

    def add(self, upload: Path, as_of: date | None) -> Job:
        """Take over an uploaded file and put it in the queue.

        Raises:
            RequestError: see `check`.
        """
        self.check()
        job_id = secrets.token_hex(16)
        folder = self.folder.path / f"job-{job_id}"
        folder.mkdir(mode=0o700)
        job = Job(job_id, folder, as_of)
        upload.rename(job.log)
        with self._change:
            self._jobs[job_id] = job
            self._waiting.append(job)
            self._forget_old()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
                self._thread.start()
            self._change.notify()
        return job

    def get(self, job_id: str) -> Job:
        """A job by its id.

        Raises:
            RequestError: 404 if there is none.
        """
        with self._change:
            job = self._jobs.get(job_id)
        if job is None:
            raise RequestError("there is no such job", "jobs are forgotten when the server stops", status=404)
        return job

    def list(self) -> Sequence[Job]:
        """All jobs that are remembered, the latest first."""
        with self._change:
            return sorted(self._jobs.values(), key=lambda job: -job.created)

    def cancel(self, job_id: str) -> Job:
        """End a job, or take it out of the queue; one that is over stays as it is."""
        job = self.get(job_id)
        with self._change:
            if job.status == "queued":
                self._waiting.remove(job)
                self._over(job, "cancelled", "")
            elif job.status == "running":
                job.status = "cancelled"
                if job.child is not None:
                    job.child.end()
        return job

    def close(self) -> None:
        """End the job that is running, forget the others, and remove the private folder."""
        with self._change:
            self._closed = True
            running = [job for job in self._jobs.values() if job.status == "running"]
            for job in running:
                job.status = "cancelled"
                if job.child is not None:
                    job.child.end()
            self._change.notify()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=15)
        self.folder.close()

    def _work(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._closed or self._waiting)
                if self._closed:
                    return
                job = self._waiting.popleft()
                job.status, job.step = "running", "starting"
            self._do(job)

    def _do(self, job: Job) -> None:
        started = time.monotonic()
        status: Status = "failed"
        error = ""
        try:
            self._score(job)
            status = "done"
        except ChildFailed as failure:
            error = str(failure)
        except Exception:
            logger.exception("job failed", extra={"fields": {"job": job.id}})
            error = "this server failed in a way nobody foresaw; look into its log"
        with self._change:
            job.seconds = time.monotonic() - started
            self._over(job, "cancelled" if job.status == "cancelled" else status, error)
        fields = {"job": job.id, "status": job.status, "seconds": round(job.seconds, 2)}
        logger.info("job over", extra={"fields": fields})

    def _score(self, job: Job) -> None:
        settings = self._settings
        limits = Limits(settings.job_seconds, settings.job_space, settings.job_memory)
        child = Child(self._bundle, job.log, job.as_of, job.risk_csv, limits)
        with self._change:
            if job.status == "cancelled":
                return
            job.child = child
            child.start()
        job.warnings = child.follow(_progress_of(job))
        job.step = "reading the result"
        _take_in(job)

    def _over(self, job: Job, status: Status, error: str) -> None:
        """Note how a job ended; of its files only a result stays."""
        job.status, job.error, job.child = status, error if status == "failed" else "", None
        if status == "done":
            job.share, job.step = 1.0, "done"
            job.log.unlink(missing_ok=True)
        else:
            job.step = status
            shutil.rmtree(job.folder, ignore_errors=True)

    def _forget_old(self) -> None:
        # Those without a result are counted by themselves: they shall not push out the lists of others.
        for statuses in (("done",), ("failed", "cancelled")):
            over = [job for job in self._jobs.values() if job.status in statuses]
            for job in sorted(over, key=lambda job: job.created)[: max(0, len(over) - self._settings.kept_jobs)]:
                shutil.rmtree(job.folder, ignore_errors=True)
                del self._jobs[job.id]


def _progress_of(job: Job) -> Callable[[str, float], None]:
    def told(step: str, share: float) -> None:
        job.step, job.share = step, max(job.share, share)

    return told


def _take_in(job: Job) -> None:
    """The finished list into a file that can be filtered and paged."""
    with (
        job.risk_csv.open(encoding="utf-8", newline="") as file,
        closing(sqlite3.connect(job.folder / "risk.sqlite", isolation_level=None)) as db,
    ):
        db.execute("BEGIN")
        create_risk(db, ([row[name] for name in RISK] for row in csv.DictReader(file)))
        db.execute("COMMIT")
        first = db.execute("SELECT as_of FROM risk LIMIT 1").fetchone()
    job.risks = RiskList(job.folder / "risk.sqlite")
    if job.as_of is None and first:
        job.as_of = date.fromisoformat(first[0])
