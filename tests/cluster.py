"""A real standalone cluster from the installed package: a master and workers, each a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DEADLINE = 120
"""Seconds for a process to say that it is up; machines under load take long to start a JVM."""


@dataclass
class Cluster:
    """A running cluster: its folder, its address and its processes."""

    folder: Path
    master: str
    processes: dict[str, subprocess.Popen[bytes]]

    def add(self, *names: str) -> None:
        """Workers with one core each."""
        for name in names:
            size = ("--host", "127.0.0.1", "--cores", "1", "--memory", "1g", "--work-dir", str(self._work(name)))
            worker = "org.apache.spark.deploy.worker.Worker"
            self.processes[name] = _start(self.folder / name, worker, *size, self.master)
        for name in names:
            _said(self.folder / name, r"(Successfully registered with master)")

    def kill(self, name: str) -> None:
        """End a worker with what it runs, as a power failure would."""
        _end(self.processes[name])

    def hold(self, name: str) -> None:
        """Stop a worker and what it runs where they are."""
        os.killpg(self.processes[name].pid, signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        """See `hold`."""
        os.killpg(self.processes[name].pid, signal.SIGCONT)

    def worker_of(self, application: str, executor: str) -> str:
        """The name of the worker that runs an executor of an application."""
        return next(name for name in self.processes if (self._work(name) / application / executor).exists())

    def _work(self, name: str) -> Path:
        return self.folder / f"{name}-work"


def environment() -> dict[str, str]:
    """For Spark's own scripts: the installed package, and this interpreter for its workers."""
    import pyspark

    home = str(Path(pyspark.__file__).parent)
    ours = {"SPARK_HOME": home, "PYSPARK_PYTHON": sys.executable, "SPARK_NO_DAEMONIZE": "1"}
    return {**os.environ, **ours, "SPARK_DAEMON_MEMORY": "256m"}


def hadoop_of(pyspark: Path) -> str:
    """The version of Hadoop that comes with an installed PySpark."""
    (jar,) = (pyspark / "jars").glob("hadoop-client-api-*.jar")
    return jar.stem.removeprefix("hadoop-client-api-")


@contextmanager
def cluster(folder: Path, workers: Sequence[str] = ("one", "two")) -> Iterator[Cluster]:
    """A master and workers with one core each, ended with the block."""
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        master = "org.apache.spark.deploy.master.Master"
        running["master"] = _start(folder / "master", master, "--host", "127.0.0.1", "--port", "0")
        made = Cluster(folder, _said(folder / "master", r"Starting Spark master at (spark://\S+)"), running)
        made.add(*workers)
        yield made
    finally:
        for process in reversed(running.values()):
            _end(process)


def _start(log: Path, kind: str, *arguments: str) -> subprocess.Popen[bytes]:
    environ = environment()
    command = [f"{environ['SPARK_HOME']}/bin/spark-class", kind, "--webui-port", "0", *arguments]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as said:
        # A group of its own, so that a worker ends together with its executors, and nothing else does.
        return subprocess.Popen(command, env=environ, stdout=said, stderr=subprocess.STDOUT, start_new_session=True)


def _said(log: Path, pattern: str) -> str:
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        found = re.search(pattern, log.read_text(errors="replace"))
        if found:
            return found[1]
        time.sleep(0.1)
    raise AssertionError(f"{pattern} is not in {log} after {DEADLINE} s:\n{log.read_text(errors='replace')[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=DEADLINE)
