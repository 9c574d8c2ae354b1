"""`churn serve` as people start and stop it, in a process of its own."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from churn.cli import invoke
from churn.web.security import HEADERS
from tests.e2e.small import environment
from tests.test_imports import ASK
from tests.web.conftest import TOKEN, ended, logged, serving

pytestmark = pytest.mark.slow


def ask(port: int, path: str, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_it_serves_a_run_and_ends_in_order(finished: Path, tmp_path: Path) -> None:
    with serving(finished, "--uploads", tmp_path) as (process, port):
        assert ask(port, "/healthz") == (200, b"ok\n")
        assert ask(port, "/risk")[0] == 200
        assert len(list(tmp_path.glob("churn-serve-*/"))) == 1
        status, lines = ended(process)
    assert status == 0
    assert [line["event"] for line in lines] == ["request", "request", "stopping", "stopped"]
    assert list(tmp_path.glob("churn-serve-*/")) == []


def test_a_slow_request_is_answered_before_the_end(finished: Path, tmp_path: Path) -> None:
    names = [entry["name"] for entry in json.loads((finished / "bundle" / "manifest.json").read_text())["features"]]
    body = json.dumps({"rows": [dict.fromkeys(names, 1)] * 3000, "reasons": True})
    answers: list[tuple[int, bytes]] = []
    with serving(finished, "--uploads", tmp_path) as (process, port):
        sent = [
            threading.Thread(
                target=lambda: answers.append(
                    ask(port, "/api/v1/predict", "POST", body, **{"Content-Type": "application/json"})
                )
            )
            for _ in range(3)
        ]
        for thread in sent:
            thread.start()
        time.sleep(0.3)
        assert not answers  # so the request is under way when the end comes
        status, _ = ended(process)
        for thread in sent:
            thread.join()
    assert status == 0
    assert [code for code, _ in answers] == [200] * 3
    assert all(len(json.loads(content)["predictions"]) == 3000 for _, content in answers)


def test_an_idle_connection_does_not_hold_up_the_end(finished: Path, tmp_path: Path) -> None:
    with serving(finished, "--uploads", tmp_path) as (process, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        started = time.monotonic()
        assert ended(process)[0] == 0
        assert time.monotonic() - started < 10
        connection.close()


def children_of(pid: int) -> list[int]:
    """Process ids of what a process started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def wait_until_gone(pids: list[int], seconds: float = 30) -> None:
    """Wait until none of these processes runs; one that has ended but is not waited for runs no more."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        stats = [path.read_text() for pid in pids if (path := Path(f"/proc/{pid}/stat")).exists()]
        if all(text.rpartition(") ")[2].startswith("Z") for text in stats):
            return
        time.sleep(0.1)
    raise AssertionError(f"still there: {pids}")


def test_two_uploads_at_the_same_time_do_not_mix(finished: Path, log: Path, tmp_path: Path) -> None:
    content = log.read_bytes()
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + content + b"\r\n--x--\r\n"
    head = "POST /api/v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    with serving(finished, "--uploads", tmp_path) as (process, port), ExitStack() as stack:
        both = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60)) for _ in range(2)]
        for raw in both:
            raw.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode())
        for start in range(0, len(body), 100_000):  # in turns, so that both are under way until the end
            for raw in both:
                raw.sendall(body[start : start + 100_000])
        jobs = []
        for raw in both:
            answer = http.client.HTTPResponse(raw)
            answer.begin()
            assert answer.status == 202
            jobs.append(json.loads(answer.read())["job"])
        assert len(set(jobs)) == 2
        for job in jobs:
            while (told := json.loads(ask(port, f"/api/v1/jobs/{job}")[1]))["status"] in ("queued", "running"):
                time.sleep(0.2)
            assert told["status"] == "done", told
            assert ask(port, told["result"])[1] == (finished / "risk.csv").read_bytes()
        assert ended(process)[0] == 0


def test_killed_in_the_middle_of_an_upload_it_starts_clean(finished: Path, log: Path, tmp_path: Path) -> None:
    with serving(finished, "--uploads", tmp_path) as (process, port):
        # One log being scored, one on its way.
        head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="log.json"\r\n\r\n'
        body = head + log.read_bytes() + b"\r\n--x--\r\n"
        kind = "multipart/form-data; boundary=x"
        assert ask(port, "/api/v1/score", "POST", body, **{"Content-Type": kind})[0] == 202
        with socket.create_connection(("127.0.0.1", port)) as half:
            start = f"POST /api/v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
            half.sendall(start.encode() + f"Content-Length: {10**9}\r\n\r\n".encode() + body + body)
            time.sleep(0.5)
            (left,) = tmp_path.glob("churn-serve-*/")
            children = children_of(process.pid)
            process.kill()
            process.wait()
    assert left.is_dir()
    assert children
    wait_until_gone(children)
    with serving(finished, "--uploads", tmp_path) as (process, port):
        assert not left.exists()
        assert ask(port, "/readyz")[0] == 200
        assert ask(port, "/api/v1/jobs/none")[0] == 404
        assert ended(process)[0] == 0
    assert list(tmp_path.glob("churn-serve-*/")) == []


def said_to(port: int, request: bytes) -> bytes:
    """The first words of the answer to raw bytes, of which the rest never comes."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
        with suppress(ConnectionError):  # refused before all of it was sent
            raw.sendall(request)
        return raw.recv(100)


def whole_answer(port: int, request: bytes) -> bytes:
    """All that is answered to raw bytes, until the server closes.

    A server that closes before it has read all that was sent resets the connection: after its answer.
    """
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
        with suppress(ConnectionError):
            raw.sendall(request)
        with suppress(ConnectionResetError):
            while part := raw.recv(10_000):
                answer += part
    return answer


def test_long_bodies_are_refused_before_they_are_sent(finished: Path, tmp_path: Path) -> None:
    with serving(finished, "--uploads", tmp_path, "--token", TOKEN, "--max-upload", "50MB") as (process, port):

        def long(path: str, size: int, headers: str = "") -> bytes:
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n{headers}\r\n"
            return said_to(port, head.encode())

        known = f"Authorization: Bearer {TOKEN}\r\n"
        assert b" 413 " in long("/api/v1/score", 60_000_000, known)
        assert b" 413 " in long("/api/v1/score", 2_000_000)  # from somebody without the token
        assert b" 413 " in long("/api/v1/predict", 100_000_000, known)
        assert b" 413 " in long("/login", 2_000_000, known)
        chunked = f"POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n{known}\r\n".encode()
        assert b" 413 " in said_to(port, chunked + b"200000\r\n" + b"x" * 0x200000 + b"\r\n")
        assert ask(port, "/healthz")[0] == 200
        assert ended(process)[0] == 0


def test_what_is_no_http_does_no_harm(finished: Path, tmp_path: Path) -> None:
    with serving(finished, "--uploads", tmp_path) as (process, port):
        assert b" 400 " in said_to(port, b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        assert b" 431 " in said_to(port, b"GET / HTTP/1.1\r\nX: " + b"x" * 300_000)
        assert b" 400 " in said_to(port, b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n")
        assert ask(port, "/healthz")[0] == 200
        assert ended(process)[0] == 0


def problem_of(answer: bytes) -> tuple[dict[str, str], dict[str, Any]]:
    """Headers and problem of an answer from a socket."""
    head, _, body = answer.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    return headers, json.loads(body)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        (b"GET /api/v1/users/somebody HTTP/1.1\r\nX: " + b"x" * 300_000, 431),
        (b"GET /somebody HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n", 413),
        (b"POST /somebody HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: somebody\r\n\r\n", 501),
    ],
)
def test_what_waitress_refuses_is_a_problem_with_our_headers_and_counted(
    network: tuple[int, Path], request_: bytes, status: int
) -> None:
    port, _ = network
    answer = whole_answer(port, request_)
    assert answer.split(b" ")[1] == str(status).encode()
    headers, problem = problem_of(answer)
    assert headers["Content-Type"] == "application/problem+json"
    assert {**HEADERS, **headers} == headers
    assert headers["Cache-Control"] == "no-store"
    assert problem["status"] == status
    assert "somebody" not in answer.decode()
    counts = ask(port, "/metrics")[1].decode()
    assert f'churn_requests_total{{method="(other)",route="(refused)",status="{status}"}}' in counts


STALLING = """
import sys
from pathlib import Path
from churn.web.server import run_server
from churn.web.settings import WebSettings
run_server(Path(sys.argv[1]), WebSettings(uploads=Path(sys.argv[2]), stalled=3.0), 0, lambda at: print(at, flush=True))
"""


@pytest.fixture(scope="module")
def network(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """A server that closes connections early whose client takes nothing, and its private folder's parent."""
    uploads = tmp_path_factory.mktemp("uploads")
    command = [sys.executable, "-c", STALLING, str(finished), str(uploads)]
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline().rsplit(":", 1)[1].strip("/\n")), uploads
    finally:
        process.kill()
        process.communicate()


def test_clients_that_take_no_answer_do_not_stop_the_server(network: tuple[int, Path]) -> None:
    port, _ = network
    body = json.dumps({"rows": [{}] * 10_000, "fill": "reference"}).encode()
    head = f"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    with ExitStack() as stack:
        for _ in range(4):  # as many as there are threads
            raw = stack.enter_context(socket.socket())
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.settimeout(60)
            raw.connect(("127.0.0.1", port))
            raw.sendall(f"{head}Content-Type: application/json\r\n\r\n".encode() + body)
            assert raw.recv(12) == b"HTTP/1.1 200"
        assert ask(port, "/healthz") == (200, b"ok\n")
        assert ask(port, "/risk")[0] == 200


def test_what_cannot_be_served_is_told_in_a_line(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run" / ".churn").mkdir(parents=True)
    (tmp_path / "run" / "bundle").symlink_to(finished / "bundle")
    for arguments, words in [
        ([str(tmp_path / "none")], "is neither the folder of a run nor a bundle"),
        ([str(tmp_path)], "is neither the folder of a run nor a bundle"),
        ([str(tmp_path / "run")], "or serve its model alone: churn serve"),
        ([str(finished), "--token", "short"], "the token cannot be used"),
        ([str(finished), "--host", "192.0.2.1", "--token", TOKEN], "192.0.2.1"),
        ([str(finished), "--host", "no.such.host.invalid", "--token", TOKEN], "no.such.host.invalid"),
    ]:
        assert invoke(["serve", *arguments, "--uploads", str(tmp_path / "uploads"), "--port", "0"]) == 2
        said = capsys.readouterr().err
        assert words in said
        assert said.startswith("churn: ")
        assert len(said.splitlines()) == 1
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert invoke(["serve", str(finished), "--uploads", str(tmp_path / "uploads"), "--port", port]) == 2
    assert f"127.0.0.1:{port} is taken; choose another --port" in capsys.readouterr().err
    assert list((tmp_path / "uploads").glob("churn-serve-*/")) == []


def test_without_the_extra_it_says_how_to_get_it(
    finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("churn.cli.serve.NEEDED", ("no_such_module",))
    assert invoke(["serve", str(finished)]) == 2
    assert "no_such_module, which is not installed; pip install 'sparkify-churn[web]'" in capsys.readouterr().err


def test_a_server_for_the_network_without_a_token_warns(finished: Path, tmp_path: Path) -> None:
    with serving(finished, "--uploads", tmp_path, "--host", "0.0.0.0") as (process, _):
        process.terminate()
        process.wait(timeout=60)
        errors = logged(process)
    assert errors.startswith("Mind: 0.0.0.0 is open to the network")


def test_serving_loads_no_engine_and_no_learner(finished: Path, tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from churn.web import WebSettings, create_app
from churn.web.app import close_app
app = create_app(Path({str(finished)!r}), WebSettings(uploads=Path({str(tmp_path)!r})))
client = app.test_client()
for path in ("/", "/risk", "/user?id=1", "/ask", "/go", "/score", "/model", "/api", "/api/v1/model", "/readyz"):
    client.get(path)
close_app(app)
"""
    done = subprocess.run(
        [sys.executable, "-c", code + ASK], env=environment(), capture_output=True, text=True, timeout=120, check=True
    )
    found = json.loads(done.stdout)
    heavy = {"duckdb", "ibis", "pyarrow", "pyspark", "sklearn", "xgboost", "onnxmltools", "skl2onnx", "scipy", "pandas"}
    assert not heavy & set(found["modules"])
    unwanted = ("churn.learners", "churn.engines", "churn.job", "churn.pipeline")
    assert not [name for name in found["own"] if name.startswith(unwanted)]
