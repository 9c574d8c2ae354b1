"""`churn profile` and `churn report` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from churn.cli import invoke
from tests.conftest import write_log
from tests.e2e.small import complaint, learnable_log
from tests.report.logs import nobody_leaves

pytestmark = pytest.mark.slow  # whole runs


def test_profile_then_report_then_run_do_no_step_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, out = str(learnable_log(tmp_path / "log.json")), tmp_path / "out"
    assert invoke(["profile", log, "--out", str(out)]) == 0
    assert "80 users, 45 of whom left (56.2%)" in capsys.readouterr().out
    assert not (out / "metrics").exists()
    assert invoke(["report", str(out)]) == 0
    assert str(out / "report.html") in capsys.readouterr().out
    first = (out / "report.html").read_text(encoding="utf-8")
    assert "No model was trained" in first
    assert invoke(["run", log, "--out", str(out), "--families", "logistic_regression"]) == 0
    steps = {step["name"]: step["resumed"] for step in json.loads((out / "run.json").read_text())["steps"]}
    assert [name for name, resumed in steps.items() if resumed] == ["ingest", "rollups", "profile"]
    whole = (out / "report.html").read_text(encoding="utf-8")
    assert "No model was trained" not in whole
    assert {"report.html", "statistics/stats_num.csv", "statistics/stats_cat.csv", "figures/survival.svg"} <= set(
        json.loads((out / "run.json").read_text())["files"]
    )
    assert invoke(["report", str(out)]) == 0
    assert 'id="honest"' in (out / "report.html").read_text(encoding="utf-8")


def test_a_log_that_nothing_can_be_learned_from_has_a_profile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, out = write_log(tmp_path / "log.json", nobody_leaves()), tmp_path / "out"
    assert invoke(["run", str(log), "--out", str(out)]) == 2
    capsys.readouterr()
    assert (out / "statistics" / "users.csv").exists()
    assert invoke(["report", str(out)]) == 0


def test_two_runs_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write_log(tmp_path / "log.json", nobody_leaves())
    for name in "ab":
        assert invoke(["profile", str(log), "--out", str(tmp_path / name)]) == 0
    page = tmp_path / "new" / "both.html"
    assert invoke(["report", "--compare", str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(page)]) == 0
    assert "Two runs compared" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{}/absent"], "is no folder of a run"),
        ([], "takes one DIR, or --compare"),
        (["{}", "--compare", "{}", "{}"], "takes one DIR, or --compare"),
        (["--compare", "{}", "{}/absent"], "is no folder of a run"),
    ],
)
def test_a_mistake_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert invoke(["report", *(word.format(tmp_path) for word in arguments)]) == 2
    assert said in complaint(capsys.readouterr().err)
