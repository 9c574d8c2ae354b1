"""A real YARN on this machine: Hadoop's resource manager and one node manager, each a process, from Maven Central."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.request import ProxyHandler, build_opener

from tests.cluster import DEADLINE

PARTS: Final = (
    "hadoop-common", "hadoop-auth", "hadoop-yarn-api", "hadoop-yarn-common", "hadoop-yarn-client",
    "hadoop-yarn-server-common", "hadoop-yarn-server-resourcemanager", "hadoop-yarn-server-nodemanager",
    "hadoop-yarn-server-timelineservice", "hadoop-yarn-server-web-proxy",
)  # fmt: skip
"""What the two daemons are made of, 91 MB with all that they need."""

FETCH: Final = """
import sys
from pyspark.sql import SparkSession
builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
spark = builder.config("spark.jars.packages", sys.argv[1]).getOrCreate()
print(spark.conf.get("spark.jars"))
spark.stop()
"""
"""Spark's own way to Maven Central; gives the files, with commas in between."""

RM, NM = "yarn.resourcemanager", "yarn.nodemanager"
PORTS: Final = (
    f"{RM}.address", f"{RM}.scheduler.address", f"{RM}.resource-tracker.address", f"{RM}.admin.address",
    f"{RM}.webapp.address", f"{NM}.address", f"{NM}.localizer.address", f"{NM}.webapp.address",
)  # fmt: skip

SETTINGS: Final = {
    f"{RM}.hostname": "127.0.0.1",
    f"{RM}.scheduler.class": "org.apache.hadoop.yarn.server.resourcemanager.scheduler.fifo.FifoScheduler",
    "yarn.scheduler.minimum-allocation-mb": "128",
    f"{NM}.hostname": "127.0.0.1",
    f"{NM}.resource.memory-mb": "4096",
    f"{NM}.resource.cpu-vcores": "4",
    f"{NM}.vmem-check-enabled": "false",  # Java reserves much that it never uses
    f"{NM}.disk-health-checker.max-disk-utilization-per-disk-percentage": "100",
}


@dataclass(frozen=True)
class Yarn:
    """A running YARN.

    Attributes:
        conf: the folder for `HADOOP_CONF_DIR`.
        address: of the resource manager's own pages.
    """

    conf: Path
    address: str

    def applications(self) -> list[dict[str, Any]]:
        """What it has run, once all of it has ended; Spark does not wait until YARN knows of its end."""
        until = time.monotonic() + DEADLINE
        while time.monotonic() < until:
            found: list[dict[str, Any]] = (self._asked("apps")["apps"] or {}).get("app", [])
            if all(one["state"] in ("FINISHED", "FAILED", "KILLED") for one in found):
                return found
            time.sleep(0.2)
        raise AssertionError(f"not ended after {DEADLINE} s: {found}")

    def memory(self) -> int:
        """Megabytes that its nodes have."""
        return int(self._asked("metrics")["clusterMetrics"]["totalMB"])

    def _asked(self, what: str) -> dict[str, Any]:
        with build_opener(ProxyHandler({})).open(f"http://{self.address}/ws/v1/cluster/{what}", timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


def fetched(hadoop: str) -> list[str]:
    """The jars of the daemons; none where Maven Central does not give them."""
    packages = ",".join(f"org.apache.hadoop:{part}:{hadoop}" for part in PARTS)
    command = [sys.executable, "-c", FETCH, packages]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            said, complaint = process.communicate(timeout=600)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # Java, too
            return []
    if "UNRESOLVED DEPENDENCIES" in complaint or "FAILED DOWNLOADS" in complaint:
        return []
    assert process.returncode == 0, complaint[-3000:]
    return [name.removeprefix("file://") for name in said.strip().split(",")]


@contextmanager
def yarn(folder: Path, jars: list[str]) -> Iterator[Yarn]:
    """A resource manager and a node manager, ended with the block."""
    ports = dict(zip(PORTS, _free(len(PORTS)), strict=True))
    places = {f"{NM}.local-dirs": str(folder / "local"), f"{NM}.log-dirs": str(folder / "logs")}
    made = Yarn(folder / "conf", ports[f"{RM}.webapp.address"])
    made.conf.mkdir(parents=True)
    _write(made.conf / "yarn-site.xml", SETTINGS | ports | places)
    _write(made.conf / "core-site.xml", {"fs.defaultFS": "file:///", "hadoop.tmp.dir": str(folder / "tmp")})
    running: list[subprocess.Popen[bytes]] = []
    try:
        for daemon in ("resourcemanager.ResourceManager", "nodemanager.NodeManager"):
            running.append(_start(f"org.apache.hadoop.yarn.server.{daemon}", jars, made.conf, folder / f"{daemon}.log"))
        _wait(made, running, folder)
        yield made
    finally:
        for process in reversed(running):  # the node manager first: it ends what it has started
            _end(process)


def _start(daemon: str, jars: list[str], conf: Path, log: Path) -> subprocess.Popen[bytes]:
    found = shutil.which("java", path=f"{os.environ['JAVA_HOME']}/bin" if "JAVA_HOME" in os.environ else None)
    assert found
    java = Path(found).resolve()
    environ = {**os.environ, "JAVA_HOME": str(java.parent.parent), "HADOOP_CONF_DIR": str(conf)}
    path = os.pathsep.join([str(conf), *jars])
    command = [str(java), "-Xmx256m", "--add-opens=java.base/java.lang=ALL-UNNAMED", "-cp", path, daemon]
    with log.open("wb") as said:
        return subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=DEADLINE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(made: Yarn, running: list[subprocess.Popen[bytes]], folder: Path) -> None:
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until and all(process.poll() is None for process in running):
        try:
            if made.memory():
                return
        except OSError:
            pass  # nobody listens there yet
        time.sleep(0.2)
    raise AssertionError("\n".join(log.read_text(errors="replace")[-2000:] for log in folder.glob("*.log")))


def _write(path: Path, values: Mapping[str, str]) -> None:
    rows = (f"<property><name>{name}</name><value>{value}</value></property>" for name, value in values.items())
    path.write_text(f"<configuration>{''.join(rows)}</configuration>", encoding="utf-8")


def _free(how_many: int) -> list[str]:
    """Addresses on loopback where nobody listens."""
    with ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(how_many)]
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in held]
