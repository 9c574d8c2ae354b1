"""`churn score`: a bundle and a new log to a risk list; what does not fit is refused and nothing is written."""

from __future__ import annotations

import csv
import json
import shutil
from datetime import date
from importlib import util
from pathlib import Path

import numpy as np
import pytest

from churn.cli import invoke
from churn.score_log import ScoreSettings, score, work_in_s3
from tests.conftest import MakeSpark
from tests.e2e.small import complaint, finished_run
from tests.test_table_training import users_csv

pytestmark = pytest.mark.slow  # a whole run first

AS_OF = "2018-12-03"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A log, and the run that was made of it."""
    settings, out = finished_run(tmp_path_factory.getbasetemp())
    return Path(settings.logs[0]), out


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_risk_list_is_that_of_the_run_that_made_the_bundle(
    finished: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, run = finished
    as_of = rows(run / "risk.csv")[0]["as_of"]
    out = tmp_path / "deep" / "risk.csv"
    assert invoke(["score", str(run / "bundle"), str(log), "--as-of", as_of, "--out", str(out)]) == 0
    assert out.read_bytes() == (run / "risk.csv").read_bytes()
    assert f"users at {as_of}" in capsys.readouterr().out
    assert sorted(path.name for path in out.parent.iterdir()) == ["risk.csv", "risk.drift.csv"]
    moved = [float(row["psi"]) for row in rows(out.parent / "risk.drift.csv")]
    assert len(moved) == len(json.loads((run / "bundle" / "manifest.json").read_text())["features"])
    assert moved == sorted(moved, reverse=True)


def test_without_a_date_it_is_the_last_midnight_of_the_log(
    finished: tuple[Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from churn.web.child import PARTS  # needs the extra `web`

    log, run = finished
    out = tmp_path / "risk.csv"
    assert invoke(["score", str(run / "bundle"), str(log), "--out", str(out), "--progress", "json"]) == 0
    assert out.read_bytes() == (run / "risk.csv").read_bytes()
    told = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    steps = list(dict.fromkeys(line["step"] for line in told))
    assert steps == ["ingest", "rollups", "snapshots"] == list(PARTS)  # nothing that a list does not need
    assert all(0 <= line["share"] <= 1 for line in told)
    assert told[-1] == {"step": "snapshots", "title": "making features", "share": 1.0}


def test_drifted_features_are_warned_of_with_the_worst_first(
    finished: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, run = finished
    # Two days into the log, hardly anything is as it was at the end.
    line = ["score", str(run / "bundle"), str(log), "--as-of", "2018-10-03", "--out", str(tmp_path / "risk.csv")]
    assert invoke(line) == 0
    said = capsys.readouterr().err
    worst = [row for row in rows(tmp_path / "risk.drift.csv") if row["verdict"] != "stable"]
    assert f"Mind: {len(worst)} features have drifted" in said
    places = [said.index(f"  {row['feature']}: PSI") for row in worst[:10]]
    assert places == sorted(places)
    assert worst[0]["verdict"] == "large"


@pytest.mark.parametrize("damage", ["model.onnx", "reference.parquet", "manifest.json", "format", "feature", "table"])
def test_what_does_not_fit_scores_nothing(
    finished: tuple[Path, Path], tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log, run = finished
    bundle = tmp_path / "bundle"
    shutil.copytree(run / "bundle", bundle)
    manifest = json.loads((bundle / "manifest.json").read_text())
    del manifest["digest"]  # as of a bundle made before there were any: what else is wrong is still seen
    expected = "is not the file that the bundle was made with"
    if damage == "format":
        manifest["format"], expected = 99, "update sparkify-churn"
    elif damage == "feature":
        manifest["features"][3]["name"], expected = "height", "lacks features of the bundle: height"
    elif damage == "table":
        manifest["task"], expected = "table", "answers the task table, not a forecast"
    elif damage == "manifest.json":
        expected = "is no manifest of a bundle"
    else:
        (bundle / damage).write_bytes((bundle / damage).read_bytes()[:-7])
    text = json.dumps(manifest)
    (bundle / "manifest.json").write_text(text[:-9] if damage == "manifest.json" else text)
    line = ["score", str(bundle), str(log), "--as-of", AS_OF, "--out", str(tmp_path / "risk.csv")]
    assert invoke(line) == 2
    assert expected in complaint(capsys.readouterr().err)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


@pytest.mark.parametrize(
    ("as_of", "words"), [("2017-01-01", "lies outside the log"), ("2020-01-01", "lies outside the log")]
)
def test_a_date_outside_the_log_is_refused(
    finished: tuple[Path, Path], tmp_path: Path, as_of: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log, run = finished
    line = ["score", str(run / "bundle"), str(log), "--as-of", as_of, "--out", str(tmp_path / "risk.csv")]
    assert invoke(line) == 2
    assert words in complaint(capsys.readouterr().err)
    assert not list(tmp_path.iterdir())


def test_only_the_winner_of_another_run_is_trained(
    finished: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, run = finished
    for place in (run, run / "bundle"):
        line = ["train", str(users_csv(tmp_path)), "--out", str(tmp_path / "out"), "--json"]
        assert invoke([*line, "--families", f"winner-of:{place}"]) == 0
        assert [row["model"] for row in json.loads(capsys.readouterr().out)] == ["logistic_regression"]
    assert invoke([*line, "--families", f"winner-of:{tmp_path / 'nowhere'}"]) == 2
    assert "nowhere" in complaint(capsys.readouterr().err)


def with_unknown_values(log: Path, path: Path) -> Path:
    """The log, in which every fifth user is of a kind that nothing was learned from, and some pages are new."""
    unknown = {"gender": "X", "userAgent": "curl/9", "location": "Nowhere, ZZ", "level": "gold", "auth": "Visiting"}
    found = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    for i, row in enumerate(found):
        row.update(unknown if int(row["userId"]) % 5 == 0 else {}, **({"page": "Brand New"} if i % 29 == 0 else {}))
    path.write_text("".join(f"{json.dumps(row)}\n" for row in found), encoding="utf-8")
    return path


@pytest.mark.spark
@pytest.mark.parametrize("unknown", [False, True], ids=["as learned", "with unknown values"])
def test_users_are_judged_on_spark_as_in_this_process(
    unknown: bool,
    finished: tuple[Path, Path],
    tmp_path: Path,
    spark_application: MakeSpark,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if util.find_spec("pandas") is None:
        pytest.skip("pandas is not installed, so scoring on Spark is NOT tested: pip install 'sparkify-churn[spark]'")
    from churn.engines import spark_batches

    monkeypatch.setattr(spark_batches, "USERS_A_TASK", 10)  # or there would be one batch
    log, run = finished
    as_of = rows(run / "risk.csv")[0]["as_of"]
    if unknown:
        log = with_unknown_values(log, tmp_path / "log.json")
    expected = score(ScoreSettings(run / "bundle", (str(log),), date.fromisoformat(as_of), tmp_path / "here.csv"))
    asked = ScoreSettings(
        run / "bundle", (str(log),), date.fromisoformat(as_of), tmp_path / "spark" / "risk.csv", engine="spark"
    )
    kept, risks = [], spark_batches.SparkBatches.risks
    monkeypatch.setattr(
        spark_batches.SparkBatches, "risks", lambda self: kept.append(self.judged.is_cached) or risks(self)
    )
    found = score(asked)
    assert kept == [True]  # or all would be judged twice
    assert found.bands == expected.bands
    assert [drift.feature for drift in found.drifts] == [drift.feature for drift in expected.drifts]
    np.testing.assert_allclose([d.psi for d in found.drifts], [d.psi for d in expected.drifts], atol=1e-9)
    listed, same = rows(asked.out), rows(tmp_path / "here.csv")
    assert len(listed) > 2 * spark_batches.USERS_A_TASK
    for row, other in zip(listed, same, strict=True):
        assert float(row.pop("probability")) == pytest.approx(float(other.pop("probability")), abs=2e-6)
        assert row == other
    assert sorted(path.name for path in asked.out.parent.iterdir()) == ["risk.csv", "risk.drift.csv"]


def test_tables_of_a_cluster_lie_beside_a_result_in_s3() -> None:
    assert work_in_s3("s3a://b/lists/risk.csv", "spark") == "s3://b/lists/risk.csv.work"
    assert work_in_s3("s3://b/lists/risk.csv", "duckdb") is None
    assert work_in_s3("lists/risk.csv", "spark") is None
