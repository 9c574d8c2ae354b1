"""A finished run, applications on it, and a real server in a process of its own."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from churn.web import WebSettings, create_app
from churn.web.app import close_app
from tests.e2e.small import finished_run, start

MakeApp = Callable[..., Flask]
"""Makes an application on the finished run; settings by name, `source` for another folder."""

TOKEN = "a-token-for-tests"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run; only to be read."""
    return finished_run(tmp_path_factory.getbasetemp())[1]


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log that the finished run was made of."""
    return Path(finished_run(tmp_path_factory.getbasetemp())[0].logs[0])


@pytest.fixture
def make_app(finished: Path, tmp_path: Path) -> Iterator[MakeApp]:
    """Makes applications, and closes them."""
    made: list[Flask] = []

    def make(source: Path | None = None, **settings: Any) -> Flask:
        app = create_app(source or finished, WebSettings(uploads=tmp_path / "uploads", **settings))
        app.testing = False  # errors are answered as they are to everybody
        made.append(app)
        return app

    yield make
    for app in made:
        close_app(app)


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def csrf_of(client: FlaskClient, path: str = "/score") -> str:
    """The signature in the form of a page, whose cookie the client has from now on."""
    found = re.search(r'name="csrf"\s+value="([0-9a-f]+)"', client.get(path).get_data(as_text=True))
    assert found, path
    return found[1]


_logs: dict[int, IO[str]] = {}
"""What running servers write to standard error, by process."""


@contextmanager
def serving(*arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`churn serve` on a free port, and that port; ended by force if the test did not end it."""
    # A pipe that nobody empties would be full after some hundred requests, and the server would wait for ever.
    with TemporaryFile("w+", encoding="utf-8") as log:
        process = start("serve", *arguments, "--port", "0", stderr=log)
        _logs[process.pid] = log
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            found = re.search(r"http://\S+:(\d+)/", said)
            assert found, (said, logged(process))
            yield process, int(found[1])
        finally:
            process.kill()
            process.communicate()
            del _logs[process.pid]


def ended(process: subprocess.Popen[str]) -> tuple[int, list[dict[str, Any]]]:
    """Ask a server to end; its exit status, and the lines it logged."""
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    return process.returncode, [json.loads(line) for line in logged(process).splitlines()]


def logged(process: subprocess.Popen[str]) -> str:
    """What a server has written to standard error."""
    log = _logs[process.pid]
    log.seek(0)
    return log.read()
