"""The command in a process of its own, many times and at once: one process has loaded it and forks for each call.

What forks has one thread and does nothing else, so a child is what a process is that has just begun with its work.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any, cast

from tests.aws_server import ROOT

DEADLINE = 300
"""Seconds for one call."""


@dataclass
class Child:
    """A call under way."""

    said: Path
    answers: IO[str]

    def wait(self) -> int:
        """Its exit status, or the signal that has ended it as a negative number."""
        return int(self.answers.readline())


@dataclass
class Forks:
    """The process that forks."""

    process: subprocess.Popen[str]
    folder: Path
    pid: int = 0

    def last(self) -> int:
        """The number of the call that was begun last."""
        return self.pid

    def start(self, *arguments: str) -> Child:
        """Begin a call in the environment of this moment."""
        orders, answers = cast(Any, self.process.stdin), cast(Any, self.process.stdout)
        said = self.folder / "said.txt"
        orders.write(json.dumps({"words": arguments, "environment": dict(os.environ), "said": str(said)}) + "\n")
        orders.flush()
        self.pid = int(answers.readline())
        return Child(said, answers)


@contextmanager
def forks(folder: Path) -> Iterator[Forks]:
    """A process that forks, until the block ends; what its children say is in a file of the folder."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.aws.forks"],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield Forks(process, folder)
        cast(Any, process.stdin).close()


def _serve() -> None:
    for module in ("churn.aws.submit", "churn.cli.emr"):
        import_module(module)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            os._exit(_call(**json.loads(line)))
        _answer(pid)
        _answer(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _call(words: list[str], environment: dict[str, str], said: str) -> int:
    from churn.cli import invoke

    signal.alarm(DEADLINE)
    os.environ.clear()
    os.environ.update(environment)
    with Path(said).open("w") as file:
        sys.stdout = sys.stderr = file
        return invoke(words)


if __name__ == "__main__":
    _serve()
