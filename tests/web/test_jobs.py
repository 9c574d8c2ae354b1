"""An uploaded log becomes a risk list; hostile ones become a clear word, and none leaves anything behind."""

from __future__ import annotations

import bz2
import gzip
import os
import signal
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from churn.web.child import Child, Limits, environment, memory_of, size_of
from churn.web.jobs import Jobs
from tests.web.conftest import MakeApp, csrf_of, rows_of

pytestmark = pytest.mark.slow


def send(client: FlaskClient, path: str, content: bytes, name: str = "log.json", **fields: str) -> Any:
    """A form with a file in the field `file`, or in the one that `part` names, as a browser sends it."""
    part = fields.pop("part", "file")
    texts = "".join(f'--x\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items())
    head = f'--x\r\nContent-Disposition: form-data; name="{part}"; filename="{name}"\r\n\r\n'
    body = texts.encode() + head.encode() + content + b"\r\n--x--\r\n"
    return client.post(path, data=body, content_type="multipart/form-data; boundary=x")


def upload(client: FlaskClient, content: bytes, name: str = "log.json", **fields: str) -> Any:
    return send(client, "/api/v1/score", content, name, **fields)


def waited(client: FlaskClient, job: str, seconds: float = 120) -> dict[str, Any]:
    """A job when it is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found: dict[str, Any] = client.get(f"/api/v1/jobs/{job}").get_json()
        if found["status"] not in ("queued", "running"):
            return found
        time.sleep(0.05)
    raise AssertionError(found)


def private(app: Flask) -> Path:
    path: Path = app.extensions["churn"].jobs.folder.path
    return path


def left(app: Flask) -> list[str]:
    """Names in the private folder, but for its lock and the model."""
    return sorted(path.name for path in private(app).iterdir() if path.name not in ("lock", "bundle"))


@pytest.mark.parametrize("packed", [False, True])
def test_the_list_is_that_of_the_run(app: Flask, log: Path, finished: Path, packed: bool) -> None:
    client = app.test_client()
    content = gzip.compress(log.read_bytes()) if packed else log.read_bytes()
    response = upload(client, content, "log.json.gz" if packed else "log.json")
    assert response.status_code == 202
    job = response.get_json()["job"]
    assert response.headers["Location"] == f"/api/v1/jobs/{job}"
    assert client.get(f"/api/v1/jobs/{job}/risk").status_code == 409
    found = waited(client, job)
    assert (found["status"], found["progress"], found["error"]) == ("done", 1.0, None)
    assert client.get(found["result"]).data == (finished / "risk.csv").read_bytes()
    assert client.get(found["drift"]).data.startswith(b"feature,psi,chance,verdict\n")
    rows = rows_of(finished / "risk.csv")
    assert found["as_of"] == rows[0]["as_of"]
    page = client.get(f"/api/v1/jobs/{job}/risk?band=high&size=5").get_json()
    assert [row["userId"] for row in page["rows"]] == [row["userId"] for row in rows if row["band"] == "high"][:5]
    assert client.get(f"/jobs/{job}/risk.csv").data == (finished / "risk.csv").read_bytes()
    assert rows[0]["userId"] in client.get(f"/jobs/{job}").get_data(as_text=True)
    assert left(app) == [f"job-{job}"]
    assert not (private(app) / f"job-{job}" / "log").exists()


def test_by_form_and_for_a_date(app: Flask, log: Path) -> None:
    client = app.test_client()
    response = send(client, "/score", log.read_bytes(), csrf=csrf_of(client), as_of="2018-11-20")
    assert response.status_code == 303
    job = response.headers["Location"].rsplit("/", 1)[1]
    assert waited(client, job)["status"] == "done"
    rows = client.get(f"/api/v1/jobs/{job}/risk").get_json()["rows"]
    assert {row["as_of"] for row in rows} == {"2018-11-20"}


@pytest.mark.parametrize("name", ["../../evil.json", "/etc/passwd", "a\0b", "x" * 5000, "", "; rm -rf /", "lock"])
def test_the_name_of_a_file_is_never_used(app: Flask, name: str) -> None:
    client = app.test_client()
    response = upload(client, b"no log", name or "log")
    assert response.status_code == 202
    job = response.get_json()["job"]
    found = waited(client, job)
    assert found["status"] == "failed"
    assert left(app) == []
    assert sorted(path.name for path in private(app).parent.iterdir()) == sorted(
        ["churn-serve-lock", private(app).name]
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the log is empty"),
        (b"\x00\x01\x02", "is a binary file"),
        (b"PK\x03\x04", "is a ZIP archive"),
        (b"\x1f\x8b\x08\x00broken", "the log"),
        (b'{"a": 1}\n' * 100, "the log"),
        (b"no json\n" * 100, ""),
    ],
)
def test_what_is_no_log_is_told_in_words_without_our_folders(app: Flask, content: bytes, words: str) -> None:
    client = app.test_client()
    found = waited(client, upload(client, content).get_json()["job"])
    assert found["status"] == "failed"
    assert found["error"]
    assert words in found["error"]
    assert str(private(app)) not in found["error"]
    assert found["result"] is None
    assert left(app) == []
    assert client.get(f"/api/v1/jobs/{found['job']}/risk.csv").status_code == 409


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress], ids=["gz", "bz2"])
def test_a_bomb_is_ended_at_the_limit_of_the_disk(make_app: MakeApp, pack: Any) -> None:
    app = make_app(job_space=20_000_000)
    client = app.test_client()
    bomb = pack((b"0" * 9_999 + b"\n") * 30_000, 9)
    assert len(bomb) < 1_000_000
    found = waited(client, upload(client, bomb, "log.json.gz").get_json()["job"])
    assert found["status"] == "failed"
    assert "it needed more than 20 MB of disk, so it was ended" in found["error"]
    assert left(app) == []
    assert found["seconds"] < 60


def test_a_job_that_takes_too_long_is_ended(make_app: MakeApp, log: Path) -> None:
    app = make_app(job_seconds=0.3)
    client = app.test_client()
    found = waited(client, upload(client, log.read_bytes()).get_json()["job"])
    assert (found["status"], found["error"]) == ("failed", "it took longer than 0 seconds, so it was ended")
    assert left(app) == []


def test_two_uploads_at_once_are_done_one_after_the_other(app: Flask, log: Path, finished: Path) -> None:
    client = app.test_client()
    first = upload(client, log.read_bytes()).get_json()["job"]
    second = upload(client, log.read_bytes()).get_json()["job"]
    assert first != second
    assert client.get(f"/api/v1/jobs/{second}").get_json()["status"] == "queued"
    for job in (first, second):
        found = waited(client, job)
        assert client.get(found["result"]).data == (finished / "risk.csv").read_bytes()


def test_cancelling(app: Flask, log: Path) -> None:
    client = app.test_client()
    running = upload(client, log.read_bytes()).get_json()["job"]
    waiting = upload(client, log.read_bytes()).get_json()["job"]
    assert client.delete(f"/api/v1/jobs/{waiting}").get_json()["status"] == "cancelled"
    child = wait_for_child(app, running)
    response = client.post(f"/jobs/{running}/cancel", data={"csrf": csrf_of(client)})
    assert response.status_code == 303
    end = time.monotonic() + 20
    while left(app) and time.monotonic() < end:
        time.sleep(0.05)
    assert left(app) == []
    assert not is_alive(child)
    assert client.get(f"/api/v1/jobs/{running}").get_json()["status"] == "cancelled"
    assert client.delete(f"/api/v1/jobs/{running}").get_json()["status"] == "cancelled"


def wait_for_child(app: Flask, job: str) -> int:
    """The process id of what works on a job."""
    jobs: Jobs = app.extensions["churn"].jobs
    end = time.monotonic() + 20
    while time.monotonic() < end:
        child = jobs.get(job).child
        if child is not None and child._process is not None:
            return child._process.pid
        time.sleep(0.02)
    raise AssertionError("no child was started")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_closing_ends_what_runs_and_removes_all(make_app: MakeApp, log: Path) -> None:
    app = make_app()
    client = app.test_client()
    job = upload(client, log.read_bytes()).get_json()["job"]
    upload(client, log.read_bytes())
    child = wait_for_child(app, job)
    app.extensions["churn"].jobs.close()
    assert not is_alive(child)
    assert not private(app).exists()
    assert upload(client, b"{}").status_code == 503


def test_too_many_waiting_jobs_are_refused(make_app: MakeApp, log: Path) -> None:
    app = make_app(most_waiting=1)
    client = app.test_client()
    child = wait_for_child(app, upload(client, log.read_bytes()).get_json()["job"])
    os.kill(child, signal.SIGSTOP)  # so that it is not done before the others are here
    try:
        assert [upload(client, log.read_bytes()).status_code for _ in range(3)] == [202, 503, 503]
    finally:
        os.kill(child, signal.SIGCONT)


def test_a_file_that_is_too_large_or_not_expected_is_refused_and_gone(make_app: MakeApp) -> None:
    app = make_app(largest_upload=1000)
    client = app.test_client()
    assert upload(client, b"x" * 1_100_000).status_code == 413
    client.get("/login")
    assert send(client, "/login", b"x").status_code == 413
    assert send(client, "/score", b"x", csrf="wrong").status_code == 403
    assert upload(client, b"x", part="other").status_code == 422
    assert upload(client, b"x", as_of="yesterday").get_json()["errors"][0]["field"] == "as_of"
    assert left(app) == []


def _form(parts: int, *, files: bool) -> bytes:
    name = '; filename="x"' if files else ""
    return (
        b"".join(
            f'--x\r\nContent-Disposition: form-data; name="f{i}"{name}\r\n\r\nx\r\n'.encode() for i in range(parts)
        )
        + b"--x--\r\n"
    )


@pytest.mark.parametrize(("parts", "files", "words"), [(2, True, "only one file"), (11, False, "")])
def test_a_form_has_one_file_and_few_parts(
    app: Flask, monkeypatch: pytest.MonkeyPatch, parts: int, files: bool, words: str
) -> None:
    made = []
    folder = app.extensions["churn"].jobs.folder
    new = folder.new_file
    monkeypatch.setattr(folder, "new_file", lambda: made.append(1) or new())
    kind = "multipart/form-data; boundary=x"
    response = app.test_client().post("/api/v1/score", data=_form(parts, files=files), content_type=kind)
    assert response.status_code == 413
    assert words in response.get_json()["detail"]
    assert len(made) <= 1
    assert left(app) == []


def test_a_child_does_not_know_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHURN_TOKEN", "a-secret-token")
    found = environment(tmp_path)
    assert "CHURN_TOKEN" not in found
    assert found["PATH"] == os.environ["PATH"]
    assert found["TMPDIR"] == str(tmp_path)


def test_without_the_engine_the_page_says_so(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("churn.web.jobs.ENGINE", ("duckdb", "no_such_engine"))
    client = app.test_client()
    assert "no_such_engine is not installed" in client.get("/score").get_data(as_text=True)
    response = upload(client, b"{}")
    assert response.status_code == 503
    assert "no_such_engine is not installed" in response.get_json()["detail"]
    assert left(app) == []


def test_results_are_kept_for_the_latest_jobs_only(make_app: MakeApp) -> None:
    app = make_app(kept_jobs=2)
    client = app.test_client()
    jobs = [upload(client, b"").get_json()["job"] for _ in range(1)]
    for _ in range(3):
        waited(client, jobs[-1])
        jobs.append(upload(client, b"").get_json()["job"])
    assert [client.get(f"/api/v1/jobs/{job}").status_code for job in jobs] == [404, 200, 200, 200]


def test_jobs_that_failed_push_out_no_list(make_app: MakeApp, log: Path) -> None:
    app = make_app(kept_jobs=1)
    client = app.test_client()
    good = upload(client, log.read_bytes()).get_json()["job"]
    assert waited(client, good)["status"] == "done"
    for _ in range(4):
        waited(client, upload(client, b"").get_json()["job"])
    assert client.get(f"/api/v1/jobs/{good}/risk").status_code == 200
    assert len(app.extensions["churn"].jobs.list()) == 3


def test_a_child_that_takes_too_much_memory_is_ended(make_app: MakeApp, log: Path) -> None:
    app = make_app(job_memory=30_000_000)
    client = app.test_client()
    found = waited(client, upload(client, log.read_bytes()).get_json()["job"])
    assert (found["status"], found["error"]) == ("failed", "it needed more than 30 MB of memory, so it was ended")
    assert left(app) == []


def test_the_memory_of_a_process() -> None:
    assert 10_000_000 < memory_of(os.getpid()) < 10**10
    assert memory_of(2**22 + 1) == 0


def test_drift_is_told_in_one_box(app: Flask, log: Path) -> None:
    client = app.test_client()
    job = upload(client, log.read_bytes()).get_json()["job"]
    assert waited(client, job)["status"] == "done"
    app.extensions["churn"].jobs.get(job).warnings = ["first <b>", "second"]
    page = client.get(f"/jobs/{job}").get_data(as_text=True)
    assert page.count("note warn") == 1
    assert "<li>First &lt;b&gt;</li><li>Second</li>" in page


def test_a_child_ends_when_its_parent_is_gone(finished: Path, log: Path, tmp_path: Path) -> None:
    limits = Limits(60, 10**9, 10**9)
    child = Child(finished / "bundle", log, date(2018, 11, 20), tmp_path / "risk.csv", limits)
    child.start()
    process = child._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()  # as the system does when the parent is killed
    assert process.wait(timeout=30) != 0
    assert not (tmp_path / "risk.csv").exists()
    assert process.stderr is not None
    process.stderr.close()


def test_the_size_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"x" * 100_000)
    assert 100_000 <= size_of(tmp_path) < 200_000
