"""The closing summary: read from the files of a run, so that it cannot disagree with them."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from churn.account import Account
from churn.pipeline import run
from churn.problem import Cutoffs
from churn.settings import Settings
from churn.summary import TOP, Summary, summarise
from tests.conftest import Row
from tests.e2e.small import finished_run, learnable_rows

METRICS = ("roc_auc", "average_precision", "f1_churn")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A finished run on a small log; only to be read."""
    return finished_run(tmp_path_factory.getbasetemp())[0]


@pytest.fixture(scope="module")
def summary(finished: Settings) -> Summary:
    """Its summary."""
    account = Account.from_json((finished.out / "ingest.json").read_text(encoding="utf-8"))
    return summarise(finished.out, finished, Cutoffs.of_log(finished.problem, account.first_ts, account.last_ts))


def csv_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_it_stands_in_run_json_word_for_word(finished: Settings, summary: Summary) -> None:
    found = json.loads((finished.out / "run.json").read_text(encoding="utf-8"))
    assert found["summary"] == json.loads(json.dumps(summary.as_json(), allow_nan=False))


def test_lines_events_users_and_leavers_are_those_of_the_log(summary: Summary) -> None:
    rows: list[Row] = learnable_rows()
    left = {row["userId"] for row in rows if row["page"] == "Cancellation Confirmation"}
    assert (summary.lines, summary.events, summary.refused) == (len(rows), len(rows), 0)
    assert (summary.users, summary.leavers) == (len({row["userId"] for row in rows}), len(left))


def test_the_cutoffs_are_named(summary: Summary) -> None:
    assert summary.cutoffs["as_of"] == "2018-12-03"
    assert summary.cutoffs["test"] == "2018-11-19"
    assert summary.cutoffs["train"] == ["2018-10-08", "2018-10-15", "2018-10-22", "2018-10-29", "2018-11-05"]


def test_every_task_shows_its_models_beside_trivial_rules(summary: Summary) -> None:
    for task in ("forecast", "history", "history_no_clock"):
        shown = {score.model: score for score in summary.scores if score.task == task}
        assert {name: score.trivial for name, score in shown.items()} == {
            "logistic_regression": False,
            "nobody churns": True,
            "least recently active": True,
        }
        assert [name for name, score in shown.items() if score.selected] == ["logistic_regression"]


def test_the_scores_are_those_of_the_tables(finished: Settings, summary: Summary) -> None:
    rows = csv_rows(finished.out / "metrics" / "models.csv") + csv_rows(finished.out / "metrics" / "baselines.csv")
    by_key = {(row["task"], row["model"]): row for row in rows}
    assert {(score.task, score.model) for score in summary.scores} == set(by_key)
    for score in summary.scores:
        assert set(score.metrics) == {name + end for name in METRICS for end in ("", "_low", "_high")}
        for name, value in score.metrics.items():
            cell = by_key[score.task, score.model][name]
            assert value == (float(cell) if cell else None)


def test_the_users_most_at_risk_are_the_first_of_the_risk_list(finished: Settings, summary: Summary) -> None:
    rows = csv_rows(finished.out / "risk.csv")
    assert list(summary.top) == rows[:TOP]
    assert sum(summary.bands.values()) == len(rows)
    assert list(summary.bands) == ["high", "medium", "low"]
    assert summary.bands["high"] == sum(row["band"] == "high" for row in rows)


def test_files_named_are_there(summary: Summary) -> None:
    assert {Path(path).name for path in summary.files} >= {"risk.csv", "models.csv", "card.md", "run.json"}
    assert all(Path(path).is_file() and words for path, words in summary.files.items())


def test_the_next_steps_name_the_risk_list_and_nothing_that_is_not_there(finished: Settings, summary: Summary) -> None:
    assert str(finished.out / "risk.csv") in summary.next_steps[0]
    assert not any("quarantine" in step for step in summary.next_steps)


def test_a_small_test_is_a_warning_and_enough_leavers_to_learn_from_are_none(summary: Summary) -> None:
    (warning,) = summary.warnings
    assert 0 < summary.test["leavers"] < 20
    assert "few" in warning and str(summary.test["leavers"]) in warning and "intervals" in warning


@pytest.mark.slow
def test_forcing_refused_lines_and_wrong_types_are_warnings(finished: Settings, tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    lines = Path(finished.logs[0]).read_text().splitlines()
    few = [line for line in lines if int(json.loads(line)["userId"]) > 25]  # 20 leavers stay, not all in training
    few[5] = json.dumps(json.loads(few[5]) | {"status": "odd"})
    log.write_text("\n".join([*few, "no json"]))
    summary = run(replace(finished, logs=(str(log),), out=tmp_path / "run", force=True))
    text = "\n".join(summary.warnings)
    assert re.search(r"forced: .*\b20\b", text)
    assert re.search(r"refused.*quarantine", text)
    assert "'status': 1" in text
    assert any(str(tmp_path / "run" / "quarantine") in step for step in summary.next_steps)
    stored = json.loads((tmp_path / "run" / "run.json").read_text())
    assert stored["summary"]["warnings"] == list(summary.warnings)
    assert stored["settings"]["force"] is True
