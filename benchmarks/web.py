"""What the web page and the API cost, beside a client on the same machine: prints a table, writes JSON.

python -m benchmarks.web RUN [--log LOG] [--seconds 60] [--rate 200] [--json FILE]

Each target stands beside what was measured; FILE (docs/benchmarks/web.json) keeps both, with the machine's load.

Starts `churn serve RUN` on a free port and asks it as programs do, over connections that stay open:

* one row of features at a fixed rate; a latency counts from the moment at which the request was due, so a request that
  waits behind a slow one is counted as late;
* one row as fast as the answers come;
* 1,000 rows in one call; pages; with --log an upload until its risk list is there.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import churn

CLIENTS: Final = 2
"""Processes of the client: one could not see what it waits for while it works."""

CONNECTIONS: Final = 4
"""Of each of them."""

USERS: Final = 20_000
LOG_MB: Final = 125.0
"""From how many users, and from what size of a log, the targets are measured: those of the published data."""

JSON: Final = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Cost:
    """One line of the table: seconds of each request, how many a second, how many failed."""

    what: str
    requests: int
    errors: int
    p50_ms: float
    p99_ms: float
    worst_ms: float
    per_second: float


@dataclass(frozen=True)
class Target:
    """What has to be reached, and what was measured; `measured` is None where nothing could be."""

    what: str
    bound: float
    measured: float | None
    at_least: bool = False

    @property
    def reached(self) -> bool | None:
        """Whether it was."""
        if self.measured is None:
            return None
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound


def cost(what: str, seconds: list[float], errors: int, wall: float) -> Cost:
    """Latencies of good answers in a few figures.

    Raises:
        SystemExit: if there was no good answer.
    """
    if not seconds:
        raise SystemExit(f"{what}: none of {errors} requests was answered")
    ordered = sorted(seconds)

    def at(share: float) -> float:
        return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)

    return Cost(what, len(seconds) + errors, errors, at(0.5), at(0.99), at(1.0), round(len(seconds) / wall, 1))


class Server:
    """`churn serve` in a process of its own."""

    def __init__(self, run: Path, scratch: Path) -> None:
        source = str(Path(churn.__file__).parent.parent)
        started = time.perf_counter()
        self._log = (scratch / "server.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "churn", "serve", str(run), "--port", "0", "--uploads", str(scratch)],
            env={**os.environ, "PYTHONPATH": source},
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self.process.stdout is not None
        found = re.search(r":(\d+)/", self.process.stdout.readline())
        if found is None:
            raise SystemExit(f"the server did not start: {(scratch / 'server.log').read_text()}")
        self.port = int(found[1])
        assert self.ask("GET", "/readyz")[0] == 200
        self.start_seconds = time.perf_counter() - started

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def memory(self) -> dict[str, int]:
        """MB that the process holds now, and has held at most."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        kb = {name: int(size) for name, size in re.findall(r"(VmRSS|VmHWM):\s+(\d+) kB", status)}
        return {"memory_mb": kb["VmRSS"] * 1024 // 10**6, "peak_memory_mb": kb["VmHWM"] * 1024 // 10**6}

    def end(self) -> int:
        """Ask it to end; its exit status."""
        self.process.terminate()
        status = self.process.wait(60)
        self._log.close()
        return status


@contextmanager
def served(run: Path) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="churn-bench-") as scratch:
        server = Server(run, Path(scratch))
        try:
            yield server
        finally:
            server.process.kill()
            server.process.wait()


def ask_often(
    port: int, body: bytes, until: float, rate: float, first: float, told: Callable[[float, bool], None]
) -> None:
    """Ask over one connection until a time; `rate` a second from `first` on, or as fast as answers come if 0."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    due = first
    while due < until:
        if rate:
            time.sleep(max(0.0, due - time.perf_counter()))
        else:
            due = time.perf_counter()
        told(*asked_once(connection, body, due))
        if rate:
            due += 1 / rate
        elif time.perf_counter() >= until:
            break
    connection.close()


def asked_once(connection: http.client.HTTPConnection, body: bytes, due: float) -> tuple[float, bool]:
    """Seconds from when a request was due, and whether it was answered well; a broken connection is made anew."""
    try:
        connection.request("POST", "/api/v1/predict", body, JSON)
        response = connection.getresponse()
        response.read()
        return time.perf_counter() - due, response.status == 200
    except (OSError, http.client.HTTPException):
        connection.close()
        return time.perf_counter() - due, False


def client(port: int, body: bytes, seconds: float, rate: float, place: int, results: Any) -> None:
    """One process of the client; its share of the rate on each of its connections."""
    began = time.perf_counter() + 0.2
    found: queue.SimpleQueue[tuple[float, bool]] = queue.SimpleQueue()
    threads = []
    for i in range(CONNECTIONS):
        first = began + (i * CLIENTS + place) / rate if rate else began
        share = rate / CLIENTS / CONNECTIONS
        arguments = (port, body, began + seconds, share, first, lambda s, ok: found.put((s, ok)))
        threads.append(threading.Thread(target=ask_often, args=arguments))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    listed = [found.get() for _ in range(found.qsize())]
    wall = time.perf_counter() - began
    results.put(([s for s, ok in listed if ok], sum(not ok for _, ok in listed), wall))


def load(what: str, server: Server, body: bytes, seconds: float, rate: float) -> Cost:
    """The cost of one call, asked for by all clients together."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [
        context.Process(target=client, args=(server.port, body, seconds, rate, place, results))
        for place in range(CLIENTS)
    ]
    for process in processes:
        process.start()
    latencies: list[float] = []
    errors, wall = 0, 0.0
    for _ in processes:
        part, failed, lasted = results.get(timeout=seconds + 120)
        latencies += part
        errors += failed
        wall = max(wall, lasted)
    for process in processes:
        process.join()
    return cost(what, latencies, errors, wall)


def repeated(what: str, times: int, work: Callable[[], tuple[int, bytes]]) -> Cost:
    """The cost of a call, one after the other."""
    seconds: list[float] = []
    errors, began = 0, time.perf_counter()
    for _ in range(times):
        started = time.perf_counter()
        try:
            good = work()[0] == 200
        except (OSError, http.client.HTTPException):
            good = False
        if good:
            seconds.append(time.perf_counter() - started)
        errors += not good
    return cost(what, seconds, errors, time.perf_counter() - began)


def uploaded(server: Server, log: Path) -> dict[str, float]:
    """Seconds until a log is on the server, and until its risk list is there."""
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{log.name}"\r\n\r\n'.encode()
    tail = b"\r\n--x--\r\n"

    def parts() -> Iterator[bytes]:
        yield head
        with log.open("rb") as file:
            while part := file.read(1 << 20):
                yield part
        yield tail

    length = str(len(head) + log.stat().st_size + len(tail))
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": length}
    started = time.perf_counter()
    status, body = server.ask("POST", "/api/v1/score", parts(), headers)
    sent = time.perf_counter() - started
    assert status == 202, body
    path = "/api/v1/jobs/" + json.loads(body)["job"]
    while (job := json.loads(server.ask("GET", path)[1]))["status"] in ("queued", "running"):
        time.sleep(0.05)
    assert job["status"] == "done", job
    return {"upload_s": round(sent, 2), "upload_and_score_s": round(time.perf_counter() - started, 2)}


def measure(run: Path, log: Path | None, seconds: float, rate: float) -> dict[str, Any]:
    """Everything that the table shows."""
    with served(run) as server:
        found: dict[str, Any] = {"start_to_ready_s": round(server.start_seconds, 2), **server.memory()}
        names = [feature["name"] for feature in json.loads(server.ask("GET", "/api/v1/model")[1])["features"]]
        top = json.loads(server.ask("GET", "/api/v1/risk?size=1000")[1])
        users = [row["userId"] for row in top["rows"]]
        found["users"] = top["total"]
        own = json.loads(server.ask("GET", f"/api/v1/users/{users[0]}")[1])["features"]
        one = json.dumps({"rows": [own]}).encode()
        many = json.dumps({"rows": [{name: own[name] for name in names}] * 1000}).encode()
        lines = [
            load(f"predict, 1 row, {rate:g} a second", server, one, seconds, rate),
            load("predict, 1 row, as fast as it goes", server, one, seconds, 0),
            repeated("predict, 1,000 rows", 30, lambda: server.ask("POST", "/api/v1/predict", many, JSON)),
            repeated(f"page At risk, {top['total']:,} users", 30, lambda: server.ask("GET", "/risk")),
            repeated("page At risk, searched and sorted", 30, lambda: server.ask("GET", "/risk?q=1&sort=-last_seen")),
            repeated("list as CSV", 5, lambda: server.ask("GET", "/risk.csv")),
            repeated("page One user", 30, lambda: server.ask("GET", f"/user?id={users[0]}")),
            repeated("page Overview", 10, lambda: server.ask("GET", "/")),
        ]
        found |= {"after_load": server.memory()}
        if log:
            found |= {"log_mb": round(log.stat().st_size / 1e6, 1), **uploaded(server, log)}
            found |= {"after_upload": server.memory()}
        found["targets"] = [{**asdict(one), "reached": one.reached} for one in targets(found, lines)]
        return {**found, "calls": [asdict(line) for line in lines], "exit_status": server.end()}


def targets(found: dict[str, Any], lines: list[Cost]) -> list[Target]:
    """What the server has to reach, beside what it did; a smaller list or log than that of a target says nothing."""
    steady, full, many, page, *_ = lines
    scored = found["upload_and_score_s"] if found.get("log_mb", 0) >= LOG_MB else None
    peaks = [found[name]["peak_memory_mb"] for name in ("after_load", "after_upload") if name in found]
    return [
        Target("1 row at the fixed rate, p50 in ms", 4.0, steady.p50_ms),
        Target("1 row at the fixed rate, p99 in ms", 20.0, steady.p99_ms),
        Target("errors at the fixed rate", 0, steady.errors),
        Target("1 row as fast as it goes, answers a second", 500.0, full.per_second, at_least=True),
        Target("errors as fast as it goes", 0, full.errors),
        Target("1,000 rows in one call, p50 in ms", 60.0, many.p50_ms),
        Target("start to ready in s", 2.0, found["start_to_ready_s"]),
        Target("peak memory in MB", 350.0, max(peaks)),
        Target(f"page At risk, {USERS:,} users, p50 in ms", 150.0, page.p50_ms if found["users"] >= USERS else None),
        Target(f"log of {LOG_MB:g} MB uploaded and scored in s", 15.0, scored),
    ]


def show(found: dict[str, Any]) -> None:
    for name, value in found.items():
        if name not in ("calls", "targets"):
            print(f"{name:<24} {value}")
    print(f"\n{'call':<40} {'n':>7} {'errors':>7} {'p50 ms':>9} {'p99 ms':>9} {'worst':>9} {'a second':>9}")
    for line in found["calls"]:
        print(
            f"{line['what']:<40} {line['requests']:>7,} {line['errors']:>7} {line['p50_ms']:>9} {line['p99_ms']:>9} "
            f"{line['worst_ms']:>9} {line['per_second']:>9}"
        )
    print(f"\n{'target':<45} {'bound':>9} {'measured':>9}")
    for one in found["targets"]:
        sign, measured = (">=" if one["at_least"] else "<="), one["measured"]
        said = {True: "reached", False: "MISSED", None: "not measured"}[one["reached"]]
        print(f"{one['what']:<45} {sign} {one['bound']:>6g} {'-' if measured is None else measured:>9} {said}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    load_before = os.getloadavg()[0]
    found = {"load_before": round(load_before, 2), **measure(chosen.run, chosen.log, chosen.seconds, chosen.rate)}
    show(found)
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
