"""The main job with Spark's learners: the same files as ever, and a bundle that scores on a machine without Java."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

from churn.engines.java import missing_java
from tests.e2e.small import churn, command, complaint, environment, learnable_log, short_run

pytestmark = [pytest.mark.spark, pytest.mark.slow]

DEADLINE = 1200
FAMILIES = ("random_forest",)
QUICK = ("--horizon", "7", "--top-features", "20")
"""What makes trees small: each of their levels is a job."""


SERVED = """
import sys
from pathlib import Path
from churn.web import create_app
from churn.web.app import close_app

app = create_app(Path(sys.argv[1]))
client = app.test_client()
features = client.get(f"/api/v1/users/{sys.argv[2]}").get_json()["features"]
(told,) = client.post("/api/v1/predict", json={"rows": [features]}).get_json()["predictions"]
close_app(app)
print(told["probability"])
"""
"""What the page's application says of a user whom it is asked to judge."""


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_run_trained_by_spark_ends_in_a_bundle_that_needs_no_java(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if util.find_spec("pyspark") is None or missing_java():
        pytest.skip(f"Spark is NOT tested: {missing_java() or 'pyspark is not installed'}")
    log, out = learnable_log(tmp_path / "log.json", days=24), tmp_path / "run"
    spark = ("--engine", "spark", "--master", "local[2]", "--memory", "3GB", "--learner", "spark")
    words = command("run", log, "--out", out, *spark, "--families", ",".join(FAMILIES), *QUICK)
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = rows(out / "metrics" / "models.csv")
    tasks = ("forecast", "history", "history_no_clock")
    assert [(row["task"], row["model"]) for row in found] == [(task, name) for task in tasks for name in FAMILIES]
    assert all(0 < float(row["roc_auc"]) <= 1 for row in found)
    assert all(len(json.loads(row["paramGrid"])) >= 4 for row in found if row["task"] == "forecast")
    assert json.loads((out / "run.json").read_text())["settings"]["learner"] == "spark"
    manifest = json.loads((out / "bundle" / "manifest.json").read_text())
    assert manifest["model"] in FAMILIES
    assert 0 < manifest["parity"]["max_abs_difference"] <= 1e-5

    _, local = short_run(tmp_path_factory.getbasetemp())
    for made in ("metrics", "bundle", "figures"):
        assert files(out / made) == files(local / made)
    for path in (local / "metrics").glob("*.csv"):
        assert list(rows(out / "metrics" / path.name)[0]) == list(rows(path)[0]), path.name

    listed = rows(out / "risk.csv")
    line = command("score", out / "bundle", log, "--as-of", listed[0]["as_of"], "--out", tmp_path / "risk.csv")
    bare = {name: text for name, text in environment().items() if name not in ("JAVA_HOME", "SPARK_HOME")}
    scored = subprocess.run(
        line, env={**bare, "PATH": os.devnull}, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert scored.returncode == 0, scored.stderr
    again = {row["userId"]: float(row["probability"]) for row in rows(tmp_path / "risk.csv")}
    assert again == pytest.approx({row["userId"]: float(row["probability"]) for row in listed}, abs=1e-5)
    told = subprocess.run(
        [sys.executable, "-c", SERVED, str(out), listed[0]["userId"]],
        env={**bare, "PATH": os.devnull}, capture_output=True, text=True, timeout=DEADLINE, check=True,
    )  # fmt: skip
    assert float(told.stdout) == pytest.approx(float(listed[0]["probability"]), abs=1e-5)


def test_an_engine_that_is_not_spark_has_no_spark_learner(tmp_path: Path) -> None:
    done = churn("run", tmp_path, "--out", tmp_path / "run", "--learner", "spark")
    assert done.returncode == 2
    assert complaint(done.stderr) == "--learner spark trains where the engine spark works; add --engine spark"
