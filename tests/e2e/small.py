"""A small log that something can be learned from, a finished run on it, and the command in a process of its own."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import IO, Any

from churn.pipeline import run
from churn.problem import Problem
from churn.settings import Settings
from tests.conftest import JAVA_SAYS, ROOT, Row, event, write_log
from tests.tiny import DAY, HOUR, MINUTE, ms

ONE_FAMILY = ("--families", "logistic_regression")
"""The quickest to train."""

STEPS = {
    "ingest": ("events", "nobody", "quarantine", "ingest.json"),
    "rollups": ("rollups",),
    "profile": ("statistics",),
    "snapshots": ("snapshots",),
    "train": ("metrics", "bundle"),
    "risk": ("risk.csv",),
    "app": ("app.sqlite",),
    "report": ("report.html", "figures"),
}
"""The steps of a run in order, and what each makes."""

DAYS = 64


def learnable_rows(*, users: int = 80, leavers: int = 45, seed: int = 1, days: int = DAYS) -> list[Row]:
    """A log of so many days: leavers are users 1 to `leavers`, who come less often and dislike more before they go."""
    dice = random.Random(seed)
    rows: list[Row] = []
    for user in range(1, users + 1):
        end = dice.randint(9, days - 2) if user <= leavers else days
        for day in range(dice.randint(0, 3), end):
            tired = user <= leavers and end - day <= 12
            if dice.random() < (0.45 if tired else 0.3):
                continue
            pages = ["NextSong"] * dice.randint(1, 3)
            pages += ["Thumbs Down"] if tired and dice.random() < 0.5 else ["Thumbs Up"] if dice.random() < 0.2 else []
            rows += _session(user, day, pages, dice)
        if user <= leavers:
            rows += _session(user, end, ["NextSong", "Cancel", "Cancellation Confirmation"], dice)
    return sorted(rows, key=lambda row: (row["ts"], row["userId"]))


def _session(user: int, day: int, pages: list[str], dice: random.Random) -> list[Row]:
    start = ms("10-01") + day * DAY + dice.randint(0, 20 * HOUR)
    shared = {"sessionId": user * 1000 + day, "level": "paid" if user % 3 else "free"}
    return [
        event(str(user), start + place * 4 * MINUTE, page, itemInSession=place, **shared)
        for place, page in enumerate(pages)
    ]


def learnable_log(path: Path, **options: int) -> Path:
    """`learnable_rows` as a file."""
    return write_log(path, learnable_rows(**options))


@cache
def finished_run(base: Path) -> tuple[Settings, Path]:
    """A whole run on a small log, made once a test process: its settings, and its folder, which is only to be read."""
    folder = base / "finished"
    folder.mkdir()
    settings = Settings((str(learnable_log(folder / "log.json")),), folder / "run", families=("logistic_regression",))
    run(settings)
    return settings, settings.out


SHORT = (*ONE_FAMILY, "--horizon", "7")
"""What `short_run` asks for."""


@cache
def short_run(base: Path) -> tuple[Path, Path]:
    """As `finished_run`, for a log of few days: its file, and the folder. In S3, each day costs many requests."""
    folder = base / "short"
    folder.mkdir()
    log = learnable_log(folder / "log.json", days=24)
    run(Settings((str(log),), folder / "run", problem=Problem(horizon=7), families=("logistic_regression",)))
    return log, folder / "run"


@cache
def mini_run(base: Path, log: Path) -> Path:
    """The folder of a whole run of the embedded engine on the mini log, made once a test process; only to be read."""
    out = base / "mini"
    done = churn("run", log, "--out", out, *ONE_FAMILY)
    assert done.returncode == 0, done.stderr
    return out


def command(*arguments: str | Path) -> list[str]:
    """The command line that starts the command in this environment."""
    return [sys.executable, "-m", "churn", *map(str, arguments)]


def environment() -> dict[str, str]:
    """For a child: our package, a wide screen, and threads that wait without burning the core of somebody else."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "200", "OMP_WAIT_POLICY": "PASSIVE"}


def churn(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        command(*arguments), env=environment(), capture_output=True, text=True, timeout=600, check=False, **options
    )


def start(*arguments: str | Path, stderr: int | IO[str] = subprocess.PIPE) -> subprocess.Popen[str]:
    """Start the command; Ctrl-C reaches it even where the tests run in the background."""
    return subprocess.Popen(
        command(*arguments),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def complaint(stderr: str) -> str:
    """The one line that follows the lines of the progress bars."""
    lines = [line for line in stderr.splitlines() if line.strip() and not line.startswith(JAVA_SAYS)]
    said = [line for line in lines if not re.search(r"\d:\d\d:\d\d\s*$", line)]
    assert said == lines[-1:], stderr
    assert said[0].startswith("churn: ")
    return said[0].removeprefix("churn: ")
