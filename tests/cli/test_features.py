"""`churn features` and `churn doctor`."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from churn.cli import invoke
from churn.cli.doctor import NEEDS, Need
from churn.engines.java import HOW
from churn.features import feature_list
from churn.problem import Problem


def test_every_feature_is_listed_with_family_and_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    assert invoke(["features"]) == 0
    lines = capsys.readouterr().out.splitlines()
    features, _ = feature_list(Problem())
    for feature, line in zip(features, lines[1:], strict=False):
        assert line.split()[:2] == [feature.name, feature.family]
        assert line.rstrip().endswith(feature.sentence)
    assert lines[-1] == f"{len(features)} features"


def test_as_csv_it_is_a_table_with_one_row_a_feature(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["features", "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    features, _ = feature_list(Problem())
    assert list(rows[0]) == ["name", "family", "group", "clock", "sentence"]
    assert [row["name"] for row in rows] == [feature.name for feature in features]
    assert all(row["sentence"] and row["family"] and row["group"] for row in rows)
    assert {row["name"]: row["clock"] for row in rows} == {f.name: str(int(f.clock)) for f in features}
    clock = {row["name"] for row in rows if row["clock"] == "1"}
    assert "recency_hours" in clock and len(clock) < len(rows)


def test_windows_of_ones_own_change_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["features", "--csv", "--windows", "5"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["name"] for row in rows] == [feature.name for feature in feature_list(Problem(windows=(5,)))[0]]
    assert any("5 days" in row["sentence"] for row in rows)
    assert not any("30 days" in row["sentence"] for row in rows)


def test_windows_that_make_no_sense_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["features", "--windows", "0"]) == 2
    assert "a look-back window is 0 days" in capsys.readouterr().err


def test_the_doctor_names_every_part_and_a_remedy_for_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["doctor"]) == 0  # the core is there, or no test would run
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("sparkify-churn ")
    for need in NEEDS:
        (line,) = [line for line in lines if f"  {need.part}: " in line]
        assert line.startswith("ok") or f": {need.remedy}" in line
        assert line.startswith("ok") or not need.core
    assert any("duckdb 2" in line or "duckdb 1" in line for line in lines)
    assert any("Java" in line for line in lines)


def test_the_doctor_fails_where_the_core_is_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Need("something at the core", ("no_such_module",), "install it", core=True)
    monkeypatch.setattr("churn.cli.doctor.NEEDS", (*NEEDS, missing))
    assert invoke(["doctor"]) == 1


@pytest.mark.parametrize(
    ("says", "wrong"), [(None, "no Java in JAVA_HOME"), ('openjdk version "11.0.2" 2019-01-15', "Java 11")]
)
def test_the_doctor_says_how_to_get_the_java_that_spark_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, says: str | None, wrong: str
) -> None:
    if says:
        java = tmp_path / "bin" / "java"
        java.parent.mkdir()
        java.write_text(f"#!/bin/sh\necho '{says}' >&2\n", encoding="utf-8")
        java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert invoke(["doctor"]) == 0  # only Spark needs it
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "  Java: " in line]
    assert line.startswith("--")
    assert wrong in line
    assert line.endswith(HOW)


def test_the_doctor_names_pandas_with_spark_and_a_spark_that_is_too_old(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pyspark")
    pytest.importorskip("pandas")
    invoke(["doctor"])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "  Spark: " in line]
    assert line.startswith("ok") and "pyspark" in line and "pandas" in line
    monkeypatch.setattr("churn.engines.java.OLDEST_SPARK", (99, 0))
    invoke(["doctor"])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "  Spark: " in line]
    assert line.startswith("--") and "is too old: pip install 'sparkify-churn[spark]'" in line
