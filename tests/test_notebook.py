"""The guided notebook, from top to bottom, by the command that `make notebook` runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

from churn.cli import COMMANDS
from churn.engines.java import missing_java
from tests.conftest import ROOT
from tests.e2e.small import learnable_log

NOTEBOOK = ROOT / "notebooks" / "tour.ipynb"

pytestmark = pytest.mark.slow


def executed(tmp_path: Path, log: str, **more: str) -> str:
    """The notebook as HTML after a run of all cells, with more variables of the environment."""
    pytest.importorskip("nbconvert", reason="nbconvert is not installed: make venv")
    environment = os.environ | {"CHURN_LOG": log, "CHURN_OUT": str(tmp_path / "out"), "PYTHONPATH": str(ROOT / "src")}
    environment |= more
    command = [
        sys.executable, "-m", "nbconvert", "--to", "html", "--execute", "--output-dir", str(tmp_path),
        "--HTMLExporter.mathjax_url=", "--HTMLExporter.require_js_url=", str(NOTEBOOK),
    ]  # fmt: skip
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return (tmp_path / "tour.html").read_text(encoding="utf-8")


def test_it_runs_on_any_log_named_by_one_variable(tmp_path: Path) -> None:
    page = executed(tmp_path, str(learnable_log(tmp_path / "log.json")))
    assert "80 users, 45 of whom left" in page
    assert "largest difference to risk.csv" in page
    assert len(re.findall(r"<img[^>]*data:image/svg\+xml", page)) == 11
    assert (tmp_path / "out" / "run" / "report.html").exists()


@pytest.mark.spark
def test_it_runs_on_spark(tmp_path: Path) -> None:
    if util.find_spec("pyspark") is None or missing_java():
        pytest.skip(f"Spark is NOT tested: {missing_java() or 'pyspark is not installed'}")
    log = str(learnable_log(tmp_path / "log.json"))
    page = executed(tmp_path, log, CHURN_ENGINE="spark", CHURN_FAMILIES="logistic_regression")
    assert "80 users, 45 of whom left" in page and "largest difference to risk.csv" in page
    settings = json.loads((tmp_path / "out" / "run" / "run.json").read_text())["settings"]
    assert (settings["engine"], settings["families"]) == ("spark", ["logistic_regression"])


@pytest.mark.parametrize(
    ("named", "place"),
    [("", ""), ("log.json", f"{ROOT}/log.json"), ("a log.json", f"{ROOT}/a log.json"), ("/data/log.json",) * 2,
     ("s3://bucket/log.json",) * 2],
)  # fmt: skip
def test_make_names_the_log_so_that_the_kernel_finds_it(named: str, place: str) -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    line = ["make", "--dry-run", "--no-print-directory", "-C", str(ROOT), "notebook", f"LOG={named}"]
    said = subprocess.run(line, capture_output=True, text=True, timeout=60, check=True).stdout
    assert f'CHURN_LOG="{place}" ' in said


@pytest.mark.skipif("simulate" not in COMMANDS, reason="there is no churn simulate yet")
def test_without_a_log_it_simulates_one(tmp_path: Path) -> None:
    assert "of whom left" in executed(tmp_path, "")


def test_it_is_kept_without_outputs() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) >= 8
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
