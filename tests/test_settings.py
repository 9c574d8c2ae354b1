"""Settings of a run: what is refused, with which words, and what run.json says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from churn.errors import SettingsError
from churn.ingest import OWN_NAMES
from churn.problem import Problem
from churn.settings import Settings, parse_memory

OUT = Path("out")


def test_the_defaults_are_those_of_the_contract() -> None:
    settings = Settings(("log.json",), OUT)
    problem = settings.problem
    assert (problem.horizon, problem.gap, problem.windows, problem.every) == (14, 0, (7, 14, 30), 7)
    assert problem.churn_pages == ("Cancellation Confirmation",)
    assert (settings.engine, settings.trainer, settings.seed, settings.families) == ("duckdb", "local", 0, ())
    assert settings.memory == 6_000_000_000


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"logs": ()}, "no log is given; name a file"),
        ({"engine": "mars"}, "no engine is called mars; choose from: duckdb"),
        ({"learner": "mars"}, "no learner is called mars; choose from: local"),
        ({"families": ("logistic_regression", "tarot")}, "no model family is called tarot; choose from:"),
        ({"memory": 499_999_999}, "--memory is 499,999,999 bytes; give at least 500MB"),
        ({"max_refused": 1.01}, "--max-refused is 1.01; give a share from 0 to 1"),
        ({"max_refused": -0.1}, "--max-refused is -0.1; give a share"),
        ({"max_refused": float("nan")}, "--max-refused is nan; give a share"),
        ({"balance": "luck"}, "--balance is luck; choose from: none, weights"),
        ({"best": 0}, "--top-features is 0; give at least 1"),
        ({"studies": ("moon",)}, "--study is moon; choose from: balance, features"),
        ({"seed": -1}, "--seed is -1; give a number from 0 to"),
        ({"seed": 2**31}, "--seed is 2147483648; give a number from 0 to"),
        ({"columns": {**OWN_NAMES, "shoe": "size"}}, r"\[columns\] names shoe, which no log"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_with_a_remedy(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Settings(**({"logs": ("log.json",), "out": OUT} | wrong))


@pytest.mark.parametrize("edge", [{"memory": 500_000_000}, {"max_refused": 0}, {"max_refused": 1}, {"seed": 2**31 - 1}])
def test_the_last_value_that_makes_sense_is_taken(edge: dict[str, Any]) -> None:
    settings = Settings(("log.json",), OUT, **edge)
    assert {name: getattr(settings, name) for name in edge} == edge


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("6GB", 6_000_000_000),
        ("6G", 6_000_000_000),
        ("6gb", 6_000_000_000),
        (" 500 MB ", 500_000_000),
        ("1.5GB", 1_500_000_000),
        ("2GiB", 2_000_000_000),
        ("1T", 10**12),
        ("700000000", 700_000_000),
    ],
)
def test_memory_is_read_as_people_write_it(text: str, count: int) -> None:
    assert parse_memory(text) == count


@pytest.mark.parametrize("text", ["", "lots", "6XB", "-1GB", "6 GB more", "1e9", "GB"])
def test_what_is_no_amount_of_memory_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="is no amount of memory; write it like 6GB or 500MB"):
        parse_memory(text)


def test_the_engine_gets_a_part_of_the_memory_and_leaves_room_for_models() -> None:
    settings = Settings(("log.json",), OUT, memory=1_000_000_000)
    assert 300_000_000 < settings.engine_memory < 700_000_000


def test_run_json_gets_every_setting_and_only_the_columns_that_are_renamed() -> None:
    columns = {**OWN_NAMES, "userId": "user"}
    settings = Settings(("a", "b"), OUT, Problem(windows=(3, 7), gap=2), families=("xgboost",), columns=columns)
    found = json.loads(json.dumps(settings.as_json(), allow_nan=False))
    assert found["columns"] == {"userId": "user"}
    assert found["logs"] == ["a", "b"]
    assert (found["windows"], found["gap"], found["families"]) == ([3, 7], 2, ["xgboost"])
    fields = (set(Settings.__dataclass_fields__) - {"problem"}) | set(Problem.__dataclass_fields__)
    fields = (fields - {"best", "policy"}) | {"top_features", "threshold"}  # as the options and manifests say
    assert set(found) == fields


def test_what_is_secret_among_the_settings_of_spark_stays_so() -> None:
    conf = {"spark.executor.memory": "4g", "spark.hadoop.fs.s3a.secret.key": "hush", "spark.ssl.keyPassword": "hush"}
    found = json.dumps(Settings(("a",), OUT, engine="spark", master="yarn", conf=conf).as_json()["conf"])
    assert "4g" in found
    assert "hush" not in found


def test_the_learner_is_the_engines_own_unless_told_otherwise() -> None:
    assert Settings(("a",), OUT, engine="spark").trainer == "spark"
    assert Settings(("a",), OUT, engine="spark", learner="local").as_json()["learner"] == "local"
    with pytest.raises(SettingsError, match="trains where the engine spark works; add --engine spark"):
        Settings(("a",), OUT, learner="spark")
