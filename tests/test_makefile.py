"""What `make java` says of the Java that is there."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("1.8.0_392", "is Java 8, and Spark needs 17"),
        ("11.0.2", "is Java 11, and Spark needs 17"),
        ("17.0.15", ""),
        ("21", ""),
        (None, "no Java starts in JAVA_HOME"),
    ],
)
def test_a_java_that_is_too_old_is_told_before_its_tests_are_skipped(
    version: str | None, said: str, tmp_path: Path
) -> None:
    if shutil.which("make") is None:
        pytest.skip("make is absent: the Makefile is NOT tested")
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    if version:
        java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
        java.chmod(0o755)
    done = subprocess.run(
        ["make", "--no-print-directory", "java"], cwd=ROOT, env={**os.environ, "JAVA_HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == ""
    assert said in done.stderr if said else done.stderr == ""
