"""`churn train`: pooled out of fold, nothing seen twice; the real tables; the same bundle as a run makes."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from churn.bundle import load
from churn.cli import invoke
from churn.decision import NOBODY
from churn.errors import NotEnoughData, SettingsError
from churn.learners.families import FAMILIES
from churn.readymade import read_table
from churn.scoring import Scorer
from churn.table_training import TableSettings, train_table
from churn.training import cross_fit, pooled
from churn.tuning import Recipe
from tests.e2e.small import complaint

FAST = ("logistic_regression",)


def users_csv(folder: Path, n: int = 400, seed: int = 0, *, shuffled: bool = False) -> Path:
    """Users who leave the more, the fewer songs they play, and more from the free level."""
    generator = np.random.default_rng(seed)
    songs, level = generator.poisson(20, n), generator.choice(["free", "paid"], n)
    odds = 2 - 0.15 * songs + (level == "free")
    y = (generator.random(n) < 1 / (1 + np.exp(-odds))).astype(int)
    if shuffled:
        y = generator.permutation(y)
    lines = [f"u{i},{y[i]},{songs[i]},{level[i]}" for i in range(n)]
    path = folder / "users.csv"
    path.write_text("userId,churn,songs,level\n" + "\n".join(lines) + "\n")
    return path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all families have been trained."""
    folder = tmp_path_factory.mktemp("table")
    train_table(TableSettings(users_csv(folder), folder / "out"))
    return folder


def test_metrics_and_bundle_are_those_of_a_run(trained: Path) -> None:
    found = rows(trained / "out" / "metrics" / "models.csv")
    assert [(row["task"], row["model"]) for row in found] == [("table", name) for name in FAMILIES]
    assert sum(row["selected"] == "1" for row in found) == 1
    assert {row["CrossValidation"] for row in found} == {"5"}
    assert all(int(row["num_params"]) >= 4 for row in found)
    for row in found:
        assert json.loads(row["best_params"]) in json.loads(row["paramGrid"])
        assert sum(int(row[name]) for name in ("tn", "fp", "fn", "tp")) == 400
        assert float(row["roc_auc_low"]) < float(row["roc_auc"]) < float(row["roc_auc_high"])
        assert float(row["roc_auc"]) > 0.6
    manifest = load(trained / "out" / "bundle").manifest
    assert manifest.task == "table" and manifest.problem["label"] == "churn"
    assert [entry.name for entry in manifest.features] == ["songs", "level=free", "level=paid"]
    assert manifest.training["cutoffs"] == []
    card = (trained / "out" / "bundle" / "card.md").read_text()
    assert "have not seen them (but settings and the winning family were chosen on the same users' folds" in card
    assert "flatters the winner a little):\n" in card
    assert "features of whole histories are not" in card and "column churn of a ready-made table" in card


def test_the_bundle_scores_rows_of_the_table(trained: Path) -> None:
    scorer = Scorer.of(trained / "out" / "bundle")
    table = read_table(trained / "users.csv", "userId", "churn").table
    p = scorer.probabilities(table.x[:, scorer.columns(table.names)])
    assert p[table.x[:, 0] < 12].mean() > p[table.x[:, 0] > 28].mean() + 0.2
    reasons = scorer.reasons(table.x[np.argsort(p)[-3:]])
    assert all(found and found[0].group in ("songs", "level") for found in reasons)


def test_every_score_is_of_a_model_a_calibration_and_a_threshold_that_have_not_seen_the_user(tmp_path: Path) -> None:
    table = read_table(users_csv(tmp_path), "userId", "churn").table
    family, recipe = FAMILIES["logistic_regression"], Recipe()
    logit = cross_fit(table, family, family.params, recipe)
    p, flagged = pooled(table, logit, family.prior, recipe.policy)
    for fold in range(5):
        # Turn the labels of one fold round: nothing about its own scores may change.
        inside = table.folds == fold
        other = replace(table, y=np.where(inside, 1 - table.y, table.y))
        again = cross_fit(other, family, family.params, recipe)
        np.testing.assert_array_equal(again[inside], logit[inside])
        q, decided = pooled(other, np.where(inside, logit, logit), family.prior, recipe.policy)
        np.testing.assert_array_equal(q[inside], p[inside])
        np.testing.assert_array_equal(decided[inside], flagged[inside])


def test_shuffled_labels_give_chance(tmp_path: Path) -> None:
    found = train_table(TableSettings(users_csv(tmp_path, 600, shuffled=True), tmp_path / "out", families=FAST))
    assert float(found[0]["roc_auc"]) == pytest.approx(0.5, abs=0.1)
    assert float(found[0]["auc (train)"]) < 0.65


def test_too_few_of_a_kind_are_refused_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_text("userId,churn,n\n" + "".join(f"u{i},{int(i < 9)},{i}\n" for i in range(80)))
    with pytest.raises(NotEnoughData, match="has 9 leavers and 71 others, and at least 20 of both are needed"):
        train_table(TableSettings(path, tmp_path / "out", families=FAST))
    assert not (tmp_path / "out" / "metrics").exists()
    assert train_table(TableSettings(path, tmp_path / "out", families=FAST, force=True))
    assert load(tmp_path / "out" / "bundle").manifest.training["enough"] is False


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"folds": 1}, "--folds is 1"),
        ({"label": "userId"}, "--id and --label are both userId"),
        ({"studies": ("moon",)}, "--study is moon; choose from: balance, features"),
        ({"families": ("tarot",)}, "no model family is called tarot"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        TableSettings(Path("users.csv"), Path("out"), **wrong)


def test_the_command_with_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    line = ["train", str(users_csv(tmp_path)), "--out", str(out), "--families", "logistic_regression", "--json"]
    line += ["--balance", "undersample", "--top-features", "2", "--study", "balance,features", "--folds", "4"]
    line += ["--cost-contact", "500", "--value-saved", "100", "--success-rate", "0.5"]
    assert invoke(line) == 0
    (said,) = json.loads(capsys.readouterr().out)
    assert (said["model"], said["selected"]) == ("logistic_regression", True)
    (row,) = rows(out / "metrics" / "models.csv")
    assert (row["num_best_features"], row["CrossValidation"]) == ("2", "4")
    # No contact can ever gain: nobody is flagged, in no fold and not by the bundle.
    assert (row["fp"], row["tp"], float(row["threshold"])) == ("0", "0", NOBODY)
    manifest = load(out / "bundle").manifest
    assert len(manifest.features) == 2
    assert manifest.training["threshold"]["rule"] == "profit" and manifest.training["balance"] == "undersample"
    assert [r["balance"] for r in rows(out / "metrics" / "balance.csv")] == [
        "none", "weights", "undersample", "oversample", "smote",
    ]  # fmt: skip
    counts = rows(out / "metrics" / "feature_count.csv")
    assert [r["features"] for r in counts] == ["3"]
    assert all(float(r["roc_auc"]) > 0.6 for r in counts)
    assert all("profit" in r for r in rows(out / "metrics" / "thresholds.csv"))


def test_the_winner_of_a_run_in_s3_is_refused_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["train", str(users_csv(tmp_path)), "--out", str(tmp_path / "out")]
    assert invoke([*line, "--families", "winner-of:s3://bucket/run"]) == 2
    said = complaint(capsys.readouterr().err)
    assert said.startswith("--families winner-of:s3://bucket/run: the run must lie on this machine; copy its bundle")
    assert not (tmp_path / "out").exists()


def test_the_command_says_what_it_did_and_what_was_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["train", str(users_csv(tmp_path)), "--out", str(tmp_path / "out"), "--families", "logistic_regression"]
    assert invoke(line) == 0
    said = capsys.readouterr().out
    assert "Pooled out of fold" in said and "logistic regression *" in " ".join(said.split())
    assert invoke([*line, "--label", "gone"]) == 2
    assert "has no column gone" in complaint(capsys.readouterr().err)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "users"), [("mini", 225), ("medium", 448), ("full", 22_277)])
def test_the_real_tables(data: Callable[[str], Path], tmp_path: Path, size: str, users: int) -> None:
    out = tmp_path / "out"
    line = ["train", str(data(f"real/user_table_{size}.csv.gz")), "--id", "userId", "--label", "churn"]
    assert invoke([*line, "--out", str(out)]) == 0
    found = rows(out / "metrics" / "models.csv")
    assert [row["model"] for row in found] == list(FAMILIES)
    assert sum(int(found[0][name]) for name in ("tn", "fp", "fn", "tp")) == users
    assert load(out / "bundle").manifest.parity["max_abs_difference"] <= 1e-5
    (chosen,) = [row for row in found if row["selected"] == "1"]
    least = {"roc_auc": 0.7}
    if size == "full":  # better than any model that was published for these users
        least = {"roc_auc": 0.921, "average_precision": 0.84, "f1_weighted": 0.893, "f1_churn": 0.76}
    assert {name: float(chosen[name]) for name, floor in least.items() if float(chosen[name]) < floor} == {}
