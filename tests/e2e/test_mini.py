"""The main job on the mini log, as a user calls it: every file, every column, the summary, and nothing done twice."""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import onnxruntime
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.features import feature_list
from churn.problem import Problem
from tests.e2e.small import STEPS, churn
from tests.web.conftest import serving
from tests.web.test_server import ask

LOG = "eventsim_mini.json.gz"
AS_OF = "2018-12-04"

pytestmark = pytest.mark.slow  # one run of some seconds, shared by all

MODELS = ("logistic_regression", "random_forest", "gradient_boosted_trees", "linear_svm", "xgboost")
RULES = ("nobody churns", "least recently active")
TASKS = ("forecast", "history", "history_no_clock")

KNOWN = [
    "task", "model", "selected", "accuracy", "accuracy (train)", "f1_score", "f1_score (train)", "precision",
    "recall", "auc", "auc (train)", "training_time", "CrossValidation", "paramGrid", "best_params",
    "num_best_features", "seed", "num_params",
]  # fmt: skip
FULL = [
    "roc_auc", "average_precision", "log_loss", "brier", "ece", "f1_churn", "f1_weighted", "precision_churn",
    "recall_churn", "lift_5", "lift_10", "lift_20", "recall_5", "recall_10", "recall_20",
]  # fmt: skip
COUNTS = ["tn", "fp", "fn", "tp"]
FORMS = [f"{name}{form}" for name in FULL for form in ("_train", "_low", "_high")] + [f"{n}_train" for n in COUNTS]
RISK = [
    "rank", "userId", "probability", "band", "reason_1", "reason_2", "reason_3", "level", "region", "last_seen",
    "as_of",
]  # fmt: skip


@dataclass(frozen=True)
class Finished:
    """A run: its folder, what it said, and what a second one said with --json."""

    out: Path
    said: str
    progress: str
    json_said: str
    json_progress: str
    markers: dict[str, int]

    def rows(self, name: str) -> list[dict[str, str]]:
        with (self.out / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def json(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.out / name).read_text(encoding="utf-8"))
        return found


def markers(out: Path) -> dict[str, int]:
    return {path.stem: path.stat().st_mtime_ns for path in (out / ".churn" / "steps").iterdir()}


@pytest.fixture(scope="module")
def mini(data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """One run on the mini log, and the same command again."""
    out = tmp_path_factory.mktemp("mini") / "run"
    first = churn("run", data(LOG), "--out", out)
    assert first.returncode == 0, first.stderr
    marked = markers(out)
    again = churn("run", data(LOG), "--out", out, "--json")
    assert again.returncode == 0, again.stderr
    return Finished(out, first.stdout, first.stderr, again.stdout, again.stderr, marked)


def test_the_account_is_that_of_the_log(mini: Finished) -> None:
    account = mini.json("ingest.json")
    counts = {name: account[name] for name in ("lines", "blank", "kept", "nobody", "duplicate")}
    assert counts == {"lines": 288_019, "blank": 0, "kept": 278_571, "nobody": 9_448, "duplicate": 0}
    assert account["quarantined"] == {"total": 0, "unparseable": 0, "no_ts": 0, "no_page": 0}
    assert account["coerced"] == {}
    (file,) = account["files"]
    assert (Path(file["path"]).name, file["lines"]) == ("eventsim_mini.json.gz", 288_019)


def test_events_are_parquet_by_day_and_hold_every_kept_line(mini: Finished) -> None:
    days = sorted((mini.out / "events").iterdir())
    assert [days[0].name, days[-1].name, len(days)] == ["day=2018-10-01", "day=2018-12-04", 65]
    assert sum(pq.read_metadata(path).num_rows for day in days for path in day.glob("*.parquet")) == 278_571
    assert (mini.out / "quarantine").is_dir()
    assert not any((mini.out / "quarantine").iterdir())
    assert list((mini.out / "rollups").rglob("*.parquet"))


@pytest.mark.parametrize("task", ["forecast", "history"])
def test_snapshots_have_the_columns_of_the_contract(mini: Finished, task: str) -> None:
    table = pq.read_table(mini.out / "snapshots" / task)
    names = [feature.name for feature in feature_list(Problem())[0]]
    assert table.column_names == ["task", "userId", "cutoff", "label", "fold", *names]
    kinds = {name: table.schema.field(name).type for name in table.column_names}
    assert (kinds["userId"], kinds["cutoff"], kinds["label"]) == (pa.string(), pa.date32(), pa.int8())
    assert {kinds[name] for name in names} == {pa.float32()}
    assert set(table["task"].to_pylist()) == {task}


def test_the_label_is_null_exactly_where_the_horizon_is_not_over(mini: Finished) -> None:
    table = pq.read_table(mini.out / "snapshots" / "forecast", columns=["cutoff", "label"])
    pairs = set(zip(table["cutoff"].to_pylist(), table["label"].to_pylist(), strict=True))
    assert {day for day, label in pairs if label is None} == {date(2018, 12, 4)}
    known = {day.isoformat() for day, label in pairs if label is not None}
    assert known == {"2018-10-09", "2018-10-16", "2018-10-23", "2018-10-30", "2018-11-06", "2018-11-20"}


def test_models_csv_has_a_row_for_every_task_and_model_with_every_column(mini: Finished) -> None:
    rows = mini.rows("metrics/models.csv")
    assert [(row["task"], row["model"]) for row in rows] == [(task, model) for task in TASKS for model in MODELS]
    columns = list(rows[0])
    assert columns[: len(KNOWN)] == KNOWN
    assert set(columns) >= {*KNOWN, *FULL, *COUNTS, "threshold", *FORMS}
    assert len(columns) == len(set(columns))
    assert [sum(int(row["selected"]) for row in rows if row["task"] == task) for task in TASKS] == [1, 1, 1]


def test_short_names_mean_what_the_contract_says(mini: Finished) -> None:
    for row in mini.rows("metrics/models.csv"):
        assert (row["auc"], row["auc (train)"]) == (row["roc_auc"], row["roc_auc_train"])
        users = sum(int(row[name]) for name in COUNTS)
        assert users == {"forecast": 205}.get(row["task"], users)
        grid, best = json.loads(row["paramGrid"]), json.loads(row["best_params"])
        assert best in grid and int(row["num_params"]) == len(grid)
        assert len(grid) >= 4 if row["task"] == "forecast" else len(grid) == 1  # histories take over what won
        assert float(row["training_time"]) > 0
        assert row["CrossValidation"] == ("5" if row["task"] == "forecast" else "4")  # a fifth is the test of a history
        assert row["seed"] == "0"


def test_every_interval_holds_its_score_between_its_ends(mini: Finished) -> None:
    for row in mini.rows("metrics/models.csv") + mini.rows("metrics/baselines.csv"):
        for name in ("roc_auc", "average_precision", "f1_weighted", "brier"):
            assert float(row[f"{name}_low"]) <= float(row[name]) <= float(row[f"{name}_high"]), (row["model"], name)


def test_trivial_rules_stand_beside_the_models_with_the_same_metrics(mini: Finished) -> None:
    rows = mini.rows("metrics/baselines.csv")
    assert [(row["task"], row["model"]) for row in rows] == [(task, rule) for task in TASKS for rule in RULES]
    assert set(rows[0]) >= {"task", "model", *FULL, *COUNTS, "threshold", *FORMS}


@pytest.mark.parametrize("name", ["thresholds", "lift", "calibration", "curves", "importance"])
def test_the_other_tables_are_tidy(mini: Finished, name: str) -> None:
    rows = mini.rows(f"metrics/{name}.csv")
    assert list(rows[0])[:2] == ["task", "model"]
    assert len(rows[0]) > 3
    models: Sequence[str] = MODELS if name == "importance" else (*MODELS, *RULES)
    assert {(row["task"], row["model"]) for row in rows} == {(task, model) for task in TASKS for model in models}


def test_clock_features_are_left_out_where_the_name_says_so(mini: Finished) -> None:
    clock = {feature.name for feature in feature_list(Problem())[0] if feature.clock}
    used: dict[str, set[str]] = {task: set() for task in TASKS}
    for row in mini.rows("metrics/importance.csv"):
        used[row["task"]].add(row["feature"])
    assert clock <= used["forecast"] and clock <= used["history"]
    assert used["history_no_clock"] == used["history"] - clock


def test_the_bundle_is_complete_and_its_model_opens(mini: Finished) -> None:
    bundle = mini.out / "bundle"
    assert {path.name for path in bundle.iterdir()} == {"model.onnx", "manifest.json", "reference.parquet", "card.md"}
    manifest = mini.json("bundle/manifest.json")
    forecast = [row for row in mini.rows("metrics/models.csv") if row["task"] == "forecast"]
    assert [row["model"] for row in forecast if row["selected"] == "1"] == [manifest["model"]]
    session = onnxruntime.InferenceSession((bundle / "model.onnx").read_bytes())
    assert session.get_inputs()[0].shape[1] == len(manifest["features"])
    reference = pq.read_table(bundle / "reference.parquet")
    assert set(reference["feature"].to_pylist()) == {feature["name"] for feature in manifest["features"]}
    assert len((bundle / "card.md").read_text(encoding="utf-8")) > 500


def test_the_risk_list_has_every_user_who_has_not_left_ranked_with_ties_by_id(mini: Finished) -> None:
    rows = mini.rows("risk.csv")
    assert list(rows[0]) == RISK
    assert [int(row["rank"]) for row in rows] == list(range(1, len(rows) + 1))
    assert rows == sorted(rows, key=lambda row: (-float(row["probability"]), row["userId"]))
    table = pq.read_table(mini.out / "snapshots" / "forecast", filters=[("cutoff", "=", date(2018, 12, 4))])
    assert sorted(row["userId"] for row in rows) == sorted(table["userId"].to_pylist())
    assert len(rows) == 196  # 251 users, 55 of whom left


def test_bands_follow_from_threshold_and_base_rate(mini: Finished) -> None:
    manifest = mini.json("bundle/manifest.json")
    bands = set()
    for row in mini.rows("risk.csv"):
        p = float(row["probability"])
        band = "high" if p >= manifest["threshold"] else "medium" if p >= manifest["base_rate"] else "low"
        assert row["band"] == band, row
        bands.add(band)
    assert bands == {"high", "medium", "low"}


def test_a_row_of_the_risk_list_says_who_and_why(mini: Finished) -> None:
    for row in mini.rows("risk.csv"):
        assert 0 <= float(row["probability"]) <= 1
        assert row["level"] in ("free", "paid")
        assert row["as_of"] == "2018-12-04"
        assert datetime.fromisoformat(row["last_seen"]).utcoffset() is not None
        assert row["last_seen"] < "2018-12-04"
        reasons = [row[f"reason_{k}"] for k in (1, 2, 3)]
        assert reasons == sorted(reasons, key=lambda text: text == "")  # no gap before a reason
    assert all(row["reason_1"] for row in mini.rows("risk.csv") if row["band"] == "high")


def test_run_json_says_how_long_and_how_much_memory_each_step_took(mini: Finished) -> None:
    found = mini.json("run.json")
    assert [step["name"] for step in found["steps"]] == list(STEPS)
    assert all(step["seconds"] > 0 and step["memory"] > 10_000_000 for step in found["steps"])
    assert found["settings"]["horizon"] == 14 and found["versions"]["python"]
    listed = set(found["files"])
    there = {p.relative_to(mini.out).as_posix() for p in mini.out.rglob("*") if p.is_file()}
    assert listed == {name for name in there if not name.startswith(".churn") and name != "run.json"}


def test_the_summary_says_who_how_many_how_good_where_and_what_next(mini: Finished) -> None:
    said = " ".join(mini.said.split())
    assert "278,571 events of 251 users, 55 of whom left (21.9%)" in said
    assert "288,019 lines read, 0 refused" in said
    names = [model.replace("_", " ") for model in MODELS]
    for name in (*names, "nobody churns (rule)", "least recently active (rule)"):
        assert said.count(name) >= len(TASKS), name
    for column in ("roc_auc", "average_precision", "f1_churn", "95 %"):
        assert column in said
    for row in mini.rows("risk.csv")[:5]:
        assert row["userId"] in said and f"{float(row['probability']):.1%}" in said and row["reason_1"] in said
    for name in ("report.html", "risk.csv", "metrics/models.csv", "bundle/card.md", "run.json"):
        assert str(mini.out / name) in said
    assert "Next: open" in said


def test_progress_names_every_step_and_no_thread_broke(mini: Finished) -> None:
    for progress in (mini.progress, mini.json_progress):
        assert "Exception in thread" not in progress and "Traceback" not in progress
        for title in ("reading the log", "counting days and sessions", "making features", "training", "ranking users"):
            assert title in progress
    assert "done before" not in mini.progress


def test_json_is_strict_json_and_nothing_else_on_standard_output(mini: Finished) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    summary = json.loads(mini.json_said, parse_constant=refuse)
    assert (summary["users"], summary["leavers"], summary["lines"]) == (251, 55, 288_019)
    assert summary == mini.json("run.json")["summary"]
    values = [value for score in summary["scores"] for value in score["metrics"].values() if value is not None]
    assert values and all(math.isfinite(value) for value in values)


def test_the_same_command_again_does_no_step_again(mini: Finished) -> None:
    assert mini.json_progress.count("(done before)") == len(STEPS)
    assert markers(mini.out) == mini.markers
    assert [step["resumed"] for step in mini.json("run.json")["steps"]] == [True] * len(STEPS)


def test_the_bundle_gives_the_same_risk_list_on_the_log_itself(
    mini: Finished, data: Callable[[str], Path], tmp_path: Path
) -> None:
    done = churn("score", mini.out / "bundle", data(LOG), "--as-of", AS_OF, "--out", tmp_path / "risk.csv")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "risk.csv").read_bytes() == (mini.out / "risk.csv").read_bytes()


def test_a_snapshot_has_the_features_of_the_run(mini: Finished, data: Callable[[str], Path], tmp_path: Path) -> None:
    done = churn("snapshot", data(LOG), "--as-of", AS_OF, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    there = pq.read_table(tmp_path / "out" / "snapshots").drop_columns(["task"]).sort_by("userId")
    theirs = pq.read_table(mini.out / "snapshots" / "forecast", filters=[("cutoff", "=", date.fromisoformat(AS_OF))])
    assert there.equals(theirs.select(there.column_names).sort_by("userId"))
    assert there.num_rows == 196


def test_a_profile_counts_what_the_run_counts(mini: Finished, data: Callable[[str], Path], tmp_path: Path) -> None:
    done = churn("profile", data(LOG), "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    tables = sorted(path.name for path in (mini.out / "statistics").iterdir())
    assert len(tables) > 5
    for name in tables:
        assert (tmp_path / "out" / "statistics" / name).read_bytes() == (mini.out / "statistics" / name).read_bytes()


def test_the_report_is_made_again(mini: Finished, tmp_path: Path) -> None:
    shutil.copytree(mini.out, tmp_path / "run")
    (tmp_path / "run" / "report.html").unlink()
    done = churn("report", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    again = (tmp_path / "run" / "report.html").read_text(encoding="utf-8").replace(str(tmp_path / "run"), str(mini.out))
    made, new, _ = again.partition("<tr><td><bdi>report</bdi>")  # how long the first one took is known now
    assert new and len(made) > 250_000
    assert (mini.out / "report.html").read_text(encoding="utf-8").startswith(made)


def test_the_run_is_served(mini: Finished, tmp_path: Path) -> None:
    first = mini.rows("risk.csv")[0]["userId"]
    with serving(mini.out, "--uploads", tmp_path) as (_, port):
        assert ask(port, "/readyz")[0] == 200
        assert first in ask(port, "/risk")[1].decode()
        assert json.loads(ask(port, f"/api/v1/users/{first}")[1])["userId"] == first
