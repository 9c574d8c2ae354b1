"""Snapshots to `metrics/` and `bundle/`: every task is there, and the bundle is the model that was measured."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest

from churn.bundle import load
from churn.bundling import QUANTILES
from churn.errors import EngineError
from churn.evaluation import Floats, measure
from churn.learners import Features
from churn.learners.families import FAMILIES, choose
from churn.learners.xgboost import XGBoostModel
from churn.modelling import MS_PER_HOUR, Modelling
from churn.problem import Cutoffs
from churn.scoring import Scorer
from churn.settings import Settings
from churn.tables import UNKNOWN, Table, split_forecast

NAMES = ("songs_7d", "songs_all", "thumbs_down_7d", "recency_hours", "paid_now", "night_share")
CLOCK = {"songs_all", "recency_hours"}
TASKS = ["forecast", "history", "history_no_clock"]
CSV_FILES = ("models", "baselines", "importance", "thresholds", "lift", "calibration", "curves")

CUTOFFS = Cutoffs(date(2018, 10, 1), date(2018, 12, 1), date(2018, 11, 17), (date(2018, 10, 27), date(2018, 11, 3)))
END = 1_543_622_400_000
USERS = 200


FEW_TREES = {
    "xgboost": {"num_boost_round": 20, "nthread": 1},
    "random_forest": {"trees": 10},
    "gradient_boosted_trees": {"rounds": 10},
}


def snapshots(days: tuple[date, ...], seed: int) -> Table:
    """Every user at every cut-off; those who played little and long ago leave."""
    generator = np.random.default_rng(seed)
    n = USERS * len(days)
    songs, hours = generator.poisson(30, n), generator.exponential(60, n)
    unknown = np.where(generator.random(n) < 0.1, np.nan, generator.random(n))
    paid = generator.random(n) < 0.6
    x = np.column_stack([songs, songs * 7, generator.poisson(1, n), hours, paid, unknown])
    leaves = 0.02 * hours - 0.1 * songs + generator.normal(0, 1, n) > -0.8
    whose = np.tile(np.arange(USERS), len(days))
    return Table(
        names=NAMES,
        x=x.astype(np.float32),
        y=leaves.astype(np.int64),
        users=np.array([str(number) for number in whose], dtype=object),
        cutoffs=np.repeat(np.array(days, dtype="datetime64[D]"), USERS),
        folds=whose % 5,
    )


def forecast() -> Table:
    made = snapshots(CUTOFFS.all, seed=0)
    return replace(made, y=np.where(made.cutoffs == np.datetime64(CUTOFFS.as_of), UNKNOWN, made.y))


def history() -> Table:
    return snapshots((CUTOFFS.as_of,), seed=1)


def last_seen() -> dict[str, int]:
    """By user; the one who was there last is user 7."""
    return {str(number): END - (number - 7) % USERS * MS_PER_HOUR for number in range(USERS)}


class Ran(NamedTuple):
    """A folder, and what was run into it."""

    folder: Path
    modelling: Modelling

    def rows(self, name: str) -> list[dict[str, str]]:
        text = (self.folder / "metrics" / f"{name}.csv").read_text(encoding="utf-8")
        return list(csv.DictReader(io.StringIO(text)))


def run_into(folder: Path, **changes: object) -> Ran:
    folder.mkdir()
    settings = Settings(logs=("log.json",), out=folder, **changes)
    with pytest.MonkeyPatch.context() as patch:  # fewer trees, on one core: tests run beside each other
        for name, few in FEW_TREES.items():
            family = FAMILIES[name]
            grid = tuple({key: value for key, value in point.items() if key not in few} for point in family.grid)
            patch.setitem(FAMILIES, name, replace(family, params=family.params | few, grid=grid, richer=(), tuning={}))
        versions = {"python": "3.11", "sparkify-churn": "0.1.0"}
        modelling = Modelling(settings, CUTOFFS, "f00d", versions, choose(settings.families))
        modelling.run(forecast(), history(), last_seen(), folder)
    return Ran(folder, modelling)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """All tasks, with the family that is trained in no time."""
    return run_into(tmp_path_factory.mktemp("modelling") / "run", families=("logistic_regression",))


@pytest.fixture(scope="module")
def ran_in_full(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """All tasks, all families."""
    return run_into(tmp_path_factory.mktemp("modelling") / "run")


def test_every_promised_file_is_written_and_nothing_else(ran: Ran) -> None:
    found = {path.relative_to(ran.folder).as_posix() for path in ran.folder.rglob("*") if path.is_file()}
    metrics = {f"metrics/{name}.csv" for name in CSV_FILES} | {"metrics/tasks.json"}
    bundle = {f"bundle/{name}" for name in ("model.onnx", "manifest.json", "reference.parquet", "card.md")}
    assert found == metrics | bundle


def test_every_table_begins_with_task_and_model_and_covers_every_task(ran: Ran) -> None:
    for name in CSV_FILES:
        rows = ran.rows(name)
        assert list(rows[0])[:2] == ["task", "model"]
        assert list(dict.fromkeys(row["task"] for row in rows)) == TASKS


def test_one_model_is_selected_in_each_task_and_tasks_json_names_it(ran_in_full: Ran) -> None:
    ran = ran_in_full
    assert [row["model"] for row in ran.rows("models")] == list(FAMILIES) * len(TASKS)
    described = json.loads((ran.folder / "metrics" / "tasks.json").read_text(encoding="utf-8"))
    assert list(described) == TASKS
    for task in TASKS:
        (selected,) = [row["model"] for row in ran.rows("models") if row["task"] == task and row["selected"] == "1"]
        assert described[task]["selected"] == selected
    assert load(ran.folder / "bundle").manifest.model == described["forecast"]["selected"]


def test_a_history_without_clock_knows_no_feature_that_tells_the_time(ran: Ran) -> None:
    used = {task: {row["feature"] for row in ran.rows("importance") if row["task"] == task} for task in TASKS}
    assert used["forecast"] == used["history"] == set(NAMES)
    assert used["history_no_clock"] == set(NAMES) - CLOCK
    assert {row["num_best_features"] for row in ran.rows("models") if row["task"] == "history_no_clock"} == {"4"}


def test_the_test_of_a_forecast_is_one_cutoff_and_of_a_history_one_fold(ran: Ran) -> None:
    described = json.loads((ran.folder / "metrics" / "tasks.json").read_text(encoding="utf-8"))
    assert described["forecast"]["test"]["cutoffs"] == ["2018-11-17"]
    assert described["forecast"]["train"]["cutoffs"] == ["2018-10-27", "2018-11-03"]
    assert (described["forecast"]["test"]["rows"], described["forecast"]["train"]["rows"]) == (USERS, 2 * USERS)
    assert described["history"]["test"]["users"] == USERS // 5
    assert described["history"]["train"]["users"] == USERS * 4 // 5


def test_the_bundle_gives_the_probabilities_that_were_measured(ran: Ran) -> None:
    split, scorer = split_forecast(forecast(), np.datetime64(CUTOFFS.test)), Scorer.of(ran.folder / "bundle")
    p = scorer.probabilities(split.test.x[:, scorer.columns(NAMES)])
    found = measure(split.test.y, p, scorer.manifest.threshold)
    (row,) = [row for row in ran.rows("models") if row["task"] == "forecast" and row["selected"] == "1"]
    for name in ("roc_auc", "average_precision", "log_loss", "brier", "f1_churn"):
        assert found[name] == pytest.approx(float(row[name]), abs=1e-5)
        assert scorer.manifest.metrics[name] == float(row[name])
    assert found["roc_auc"] > 0.75


def test_the_manifest_says_what_the_model_was_trained_on(ran: Ran) -> None:
    found, train = load(ran.folder / "bundle").manifest, split_forecast(forecast(), np.datetime64(CUTOFFS.test)).train
    assert (found.task, found.fingerprint) == ("forecast", "f00d")
    assert found.base_rate == pytest.approx(train.y.mean())
    assert (found.training["rows"], found.training["users"], found.training["leavers"]) == (
        2 * USERS, USERS, train.leavers,
    )  # fmt: skip
    assert found.training["seed"] == 0
    assert "2018-11-17" in found.training["test"]
    assert found.problem["horizon"] == 14
    assert found.parity["rows"] == USERS
    assert 0 <= found.parity["max_abs_difference"] <= 1e-5


def test_usual_values_are_medians_and_spreads_deciles_at_the_latest_labelled_cutoff(ran: Ran) -> None:
    found, latest = load(ran.folder / "bundle").manifest, split_forecast(forecast(), np.datetime64(CUTOFFS.test)).test
    assert tuple(entry.name for entry in found.features) == NAMES
    for i, entry in enumerate(found.features):
        assert entry.usual == pytest.approx(np.nanmedian(latest.x[:, i]))
        low, high = np.nanquantile(latest.x[:, i].astype(np.float64), (0.1, 0.9))
        assert entry.spread == pytest.approx(high - low)
        assert entry.flag == (entry.name == "paid_now")
        assert entry.sentence


def test_the_reference_holds_the_distribution_of_every_feature(ran: Ran) -> None:
    table = pq.read_table(ran.folder / "bundle" / "reference.parquet")
    assert table.column_names == ["feature", "quantile", "value", "at_most", "unknown"]
    assert table["feature"].to_pylist() == [name for name in NAMES for _ in QUANTILES]
    assert table["quantile"].to_pylist() == list(QUANTILES) * len(NAMES)
    songs = np.array(table["value"].to_pylist())[: len(QUANTILES)]
    latest = split_forecast(forecast(), np.datetime64(CUTOFFS.test)).test
    np.testing.assert_allclose(songs, np.quantile(latest.x[:, 0], QUANTILES), rtol=1e-6)
    at_most, unknown = (np.array(table[name].to_pylist()).reshape(len(NAMES), -1) for name in ("at_most", "unknown"))
    np.testing.assert_allclose(at_most[0], [(latest.x[:, 0] <= value).mean() for value in songs])
    np.testing.assert_allclose(unknown[:, 0], np.isnan(latest.x).mean(axis=0))
    assert unknown[-1, 0] > 0


def test_idle_hours_end_at_the_cutoff_in_a_forecast_and_with_the_log_in_a_history(ran: Ran) -> None:
    # Ranked by the very same hours, a baseline has the very same area under its curve.
    split = split_forecast(forecast(), np.datetime64(CUTOFFS.test))
    hours = {"forecast": (split.test.y, split.test.x[:, NAMES.index("recency_hours")])}
    held_out = history().rows(history().folds == 0)
    idle = np.array([END - last_seen()[user] for user in held_out.users], dtype=np.float64)
    hours |= {task: (held_out.y, idle) for task in ("history", "history_no_clock")}
    for task, (y, values) in hours.items():
        (row,) = [r for r in ran.rows("baselines") if (r["task"], r["model"]) == (task, "least recently active")]
        assert float(row["roc_auc"]) == pytest.approx(measure(y, values / values.max(), 0.5)["roc_auc"], abs=1e-9)


def test_the_same_snapshots_give_the_same_bytes_apart_from_dates_and_seconds(ran_in_full: Ran, tmp_path: Path) -> None:
    ran, again = ran_in_full, run_into(tmp_path / "again")
    for name in ("model.onnx", "reference.parquet"):
        assert (ran.folder / "bundle" / name).read_bytes() == (again.folder / "bundle" / name).read_bytes()
    texts = [json.loads((r.folder / "bundle" / "manifest.json").read_text(encoding="utf-8")) for r in (ran, again)]
    for text in texts:
        del text["created"], text["files"]["card.md"], text["digest"]  # all three follow the date
    assert texts[0] == texts[1]
    for name in CSV_FILES:
        first, second = ran.rows(name), again.rows(name)
        for row in (*first, *second):
            row.pop("training_time", None)
        assert first == second


def test_families_and_seed_are_those_of_the_settings(tmp_path: Path) -> None:
    ran = run_into(tmp_path / "run", families=("logistic_regression",), seed=5)
    assert {row["model"] for row in ran.rows("models")} == {"logistic_regression"}
    assert {row["seed"] for row in ran.rows("models")} == {"5"}
    assert load(ran.folder / "bundle").manifest.training["seed"] == 5


def test_a_model_whose_onnx_form_scores_otherwise_makes_no_bundle(tmp_path: Path) -> None:
    true_logit = XGBoostModel.logit

    def off_by_a_hair(model: XGBoostModel, x: Features) -> Floats:
        return true_logit(model, x) + 1e-3

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(XGBoostModel, "logit", off_by_a_hair)
        with pytest.raises(EngineError, match=r"the model's ONNX form differs from it by \d\.\de-0[45]"):
            run_into(tmp_path / "run", families=("xgboost",))
    assert not (tmp_path / "run" / "bundle").exists()
