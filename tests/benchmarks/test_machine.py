from __future__ import annotations

from dataclasses import asdict
from importlib import metadata
from pathlib import Path

import pytest

from benchmarks import contestants, machine
from benchmarks.machine import Machine, java_version, program


def test_this_machine_is_described_and_stays_the_same() -> None:
    here = Machine.this()
    assert here == Machine.this() == Machine(**asdict(here))
    assert here.cores >= 1
    assert here.memory_gib >= 1
    assert here.libraries["duckdb"] == metadata.version("duckdb")
    assert f"{here.cores} cores" in here.words()


def test_the_program_is_known_by_its_source() -> None:
    assert program() == program()
    assert len(program()) == 12


@pytest.mark.parametrize(
    ("said", "version", "missing"),
    [
        ('openjdk version "17.0.15" 2025-04-15', "17.0.15", ""),
        ('java version "1.8.0_412"', "1.8.0_412", "only Java 1.8.0_412 on this machine; it needs Java 17 or later"),
        ("nothing of use", "", "no Java on this machine; it needs Java 17 or later"),
    ],
)
def test_spark_is_left_out_without_a_java_that_runs_it(
    said: str, version: str, missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setattr(contestants, "version_of", lambda name: "4.3.0")
    java_version.cache_clear()
    try:
        assert java_version() == version
        assert contestants.pyspark_missing() == missing
    finally:
        java_version.cache_clear()


def test_what_is_not_installed_is_left_out_with_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contestants, "version_of", lambda name: "")
    taking_part, left_out = contestants.present()
    assert [c.who for c in taking_part] == ["churn", "DuckDB by hand"]
    assert left_out == [
        "Polars by hand: not installed; `make bench` installs it.",
        "churn on Spark: not installed; `make bench` installs it.",
        "PySpark by hand: not installed; `make bench` installs it.",
    ]


def test_a_library_that_is_not_there_has_no_version() -> None:
    assert machine.version_of("no-such-library-of-ours") == ""
