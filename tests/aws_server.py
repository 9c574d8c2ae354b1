"""AWS on loopback: moto's server, from an environment of its own (`make moto`), since its needs differ from ours.

Use the fixture `aws` of `tests/conftest.py`: the server's address; the server is emptied before each test, and the
environment is that of an AWS user. `CHURN_MOTO` may name another `moto_server` to start.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DEADLINE = 120
"""Seconds for the server to say that it is up; machines under load take long to import it."""

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""An AWS user whom the server believes, and nothing of whoever runs the tests."""

FOREIGN = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE")
"""Variables of whoever runs the tests that would change what is tested."""


def moto_server() -> Path:
    """The program to start; skips the test where it is absent."""
    found = Path(os.environ.get("CHURN_MOTO", ROOT / ".venv-moto" / "bin" / "moto_server"))
    if not found.exists():
        pytest.skip(f"{found} is absent: AWS is NOT tested; `make moto` installs it")
    return found


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """A server of our own on a free port; its address, until the block ends."""
    log = folder / "moto.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [moto_server(), "-H", "127.0.0.1", "-p", "0"],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**os.environ, **ENVIRONMENT},
        )
    try:
        yield _address(log, process)
    finally:
        process.kill()
        process.wait(timeout=DEADLINE)


def _address(log: Path, process: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until and process.poll() is None:
        found = re.search(r"Running on (http://127\.0\.0\.1:\d+)", log.read_text(errors="replace"))
        if found:
            return found[1]
        time.sleep(0.1)
    raise AssertionError(f"moto's server did not start within {DEADLINE} s:\n{log.read_text(errors='replace')[-2000:]}")


def empty(address: str) -> None:
    """Forget all buckets and clusters."""
    request = urllib.request.Request(f"{address}/moto-api/reset", method="POST")
    with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
        assert answer.status == 200


@contextmanager
def as_user(address: str, patch: pytest.MonkeyPatch) -> Iterator[str]:
    """The environment of an AWS user whose AWS is the server at this address."""
    for name in FOREIGN:
        patch.delenv(name, raising=False)
    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": address}.items():
        patch.setenv(name, value)
    yield address
