"""What the report says, before any HTML: against the files of the run, and in a line where there is nothing."""

from __future__ import annotations

import csv
import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn.cli import cli
from churn.cli.options import settings_of
from churn.cli.run import command as run_command
from churn.errors import SourceError
from churn.learners.families import FAMILIES
from churn.report import write_report
from churn.report.blocks import Code, Missing, Plot, Section, Table, Tiles, Words
from churn.report.inputs import read_inputs
from churn.report.sections.reproduce import command
from churn.report.summarise import as_json, plots, summarise
from churn.results import to_csv
from churn.studies import balance_rows, feature_rows
from churn.tables import Split
from churn.training import fit
from churn.tuning import Recipe
from tests.test_training import informative

NAMES = ["short", "data", "leavers", "behaviour", "models", "honest", "risk", "reproduce"]


def sections(folder: Path) -> dict[str, Section]:
    return {section.name: section for section in summarise(read_inputs(folder))}


def rows(folder: Path, name: str, **wanted: str) -> list[dict[str, Any]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if all(row[key] == value for key, value in wanted.items())]


def missing(section: Section) -> list[str]:
    return [block.text for block in section.blocks if isinstance(block, Missing)]


def copied(folder: Path, target: Path, *, without: tuple[str, ...]) -> Path:
    """A run folder without some of its parts, and without its large ones."""
    ignore = shutil.ignore_patterns("events", "rollups", "snapshots", "nobody", *without)
    return shutil.copytree(folder, target, ignore=ignore)


def test_a_whole_run_has_every_section_and_nothing_missing(finished: Path) -> None:
    found = sections(finished)
    assert list(found) == NAMES
    assert [text for section in found.values() for text in missing(section)] == []


def test_every_plot_and_table_has_its_numbers_in_a_file_beside_it(finished: Path) -> None:
    found = summarise(read_inputs(finished))
    drawn = plots(found)
    assert len({plot.name for plot in drawn}) == len(drawn)
    for plot in drawn:
        assert all((finished / path).is_file() for path in plot.csv.split(", ")), plot.name
        assert plot.alt, plot.name
        assert plot.x.title and plot.y.title, plot.name
        assert (finished / "figures" / f"{plot.name}.svg").is_file()
        json.dumps(as_json(plot), allow_nan=False)
    for section in found:
        for block in section.blocks:
            if isinstance(block, Table):
                assert all(len(row) == len(block.columns) == len(block.numeric) for row in block.rows), block.caption
                assert not block.csv or all((finished / path).is_file() for path in block.csv.split(", "))


def test_the_honest_table_has_each_model_and_each_rule_of_each_task(finished: Path) -> None:
    [table] = [block for block in sections(finished)["honest"].blocks if isinstance(block, Table)]
    wanted = rows(finished, "metrics/models") + rows(finished, "metrics/baselines")
    assert len(table.rows) == len(wanted)
    first = next(row for row in wanted if row["task"] == "forecast" and row.get("selected") == "1")
    value, low, high = (float(first[f"roc_auc{end}"]) for end in ("", "_low", "_high"))
    assert table.rows[0][2] == f"{value:.3f} ({low:.3f}–{high:.3f})"
    assert table.csv == "metrics/models.csv, metrics/baselines.csv"
    page = (finished / "report.html").read_text(encoding="utf-8")
    assert '<a href="metrics/models.csv">metrics/models.csv</a>, <a href="metrics/baselines.csv">' in page


def test_the_table_of_models_says_what_the_metrics_say(finished: Path) -> None:
    tables = [block for block in sections(finished)["models"].blocks if isinstance(block, Table)]
    first = next(row for row in rows(finished, "metrics/models", task="forecast") if row["selected"] == "1")
    for name in ("f1_weighted", "brier", "brier_skill", "ece"):
        table = next(table for table in tables if name in table.columns)
        assert table.rows[0][table.columns.index(name)].startswith(f"{float(first[name]):,.3f} ("), name


def test_the_bars_of_the_risk_list_stand_in_a_file_and_hold_every_user(finished: Path) -> None:
    bars = [{name: float(value) for name, value in row.items()} for row in rows(finished, "figures/risk")]
    said = [float(row["probability"]) for row in rows(finished, "risk")]
    assert sum(bar["users"] for bar in bars) == len(said)
    for bar in bars:
        assert bar["users"] == sum(bar["from"] - 1e-9 <= p < bar["to"] - 1e-9 for p in said)
    [plot] = [block for block in sections(finished)["risk"].blocks if isinstance(block, Plot)]
    assert list(plot.first[0].y) == [bar["users"] for bar in bars]


def test_sessions_are_shown_by_who_stayed_and_who_left(finished: Path) -> None:
    [plot] = [block for block in sections(finished)["behaviour"].blocks if getattr(block, "name", "") == "sessions"]
    assert isinstance(plot, Plot) and [len(series) for series in plot.choices.values()] == [2, 2, 2]
    for table, quantity in (("sessions", "songs"), ("users", "break between sessions (hours)")):
        words = {"songs": "songs of a session"}.get(quantity, "a user's mean break between sessions (hours)")
        for series in plot.choices[words]:
            [row] = rows(finished, f"statistics/{table}", quantity=quantity, group=series.name)
            assert [float(row[f"p{share * 100:.0f}"]) for share in series.x] == list(series.y)


def test_studies_are_shown_where_they_were_made(finished: Path, tmp_path: Path) -> None:
    names = {"balance", "feature_count"}
    shown = {getattr(block, "name", "") for block in sections(finished)["models"].blocks}
    assert not names & shown
    folder = copied(finished, tmp_path / "run", without=())
    train = informative(300).train
    split, recipe = Split("forecast", train, train, "out of fold"), Recipe()
    fits = [fit(split, FAMILIES["logistic_regression"], recipe)]
    made = {"balance": balance_rows(split, fits, recipe), "feature_count": feature_rows(split, fits[0], recipe)}
    for name, lines in made.items():
        (folder / "metrics" / f"{name}.csv").write_text(to_csv(lines))
    write_report(folder)
    found = {block.name: block for block in sections(folder)["models"].blocks if isinstance(block, Plot)}
    assert names < set(found)
    balances = found["balance"].choices["average_precision"][0]
    ways = ("none", "weights", "undersample", "oversample", "smote")
    assert list(balances.x) == [f"logistic regression · {way}" for way in ways]
    assert list(balances.y) == [row["average_precision"] for row in made["balance"]]
    assert list(balances.low) == [row["average_precision_low"] for row in made["balance"]]
    [counts] = found["feature_count"].choices["roc_auc"]
    assert list(counts.x) == [row["features"] for row in made["feature_count"]]
    assert list(counts.y) == [row["roc_auc"] for row in made["feature_count"]]
    cited = {block.csv for block in sections(folder)["models"].blocks if isinstance(block, Table)}
    assert {"metrics/balance.csv", "metrics/feature_count.csv"} < cited
    for name in names:
        assert (folder / "figures" / f"{name}.svg").is_file()


def test_the_confusion_table_is_that_of_the_metrics(finished: Path) -> None:
    [table] = [b for b in sections(finished)["models"].blocks if isinstance(b, Table) and b.caption.startswith("Right")]
    by_key = {(row["task"], row["model"].replace("_", " ")): row for row in rows(finished, "metrics/models")}
    row = by_key["forecast", table.rows[0][1]]
    assert list(table.rows[0][3:7]) == [f"{float(row[name]):,.0f}" for name in ("tp", "fn", "fp", "tn")]


def test_the_top_of_the_risk_list_is_the_risk_list(finished: Path) -> None:
    [table] = [block for block in sections(finished)["risk"].blocks if isinstance(block, Table)]
    wanted = rows(finished, "risk")[: len(table.rows)]
    assert [row[1] for row in table.rows] == [row["userId"] for row in wanted]
    assert [row[2] for row in table.rows] == [f"{float(row['probability']):.1%}" for row in wanted]


def test_the_command_makes_the_same_run(finished: Path) -> None:
    settings = json.loads((finished / "run.json").read_text())["settings"]
    [code] = [block for block in sections(finished)["reproduce"].blocks if isinstance(block, Code)]
    assert code.text == command(settings)
    for part in ("churn run", "--horizon 14", "--seed 0", "--families logistic_regression", settings["logs"][0]):
        assert part in code.text


PAGES = ("Cancellation Confirmation", "Submit Downgrade", "a 'quoted' page")
POLICIES = ({}, {"capacity": 40}, {"cost_contact": 2.0, "value_saved": 60.0, "success_rate": 0.2})
MORE = ([], ["--force"], ["--study", "balance,features", "--balance", "smote", "--top-features", "9"])


@given(
    horizon=st.integers(1, 60),
    seed=st.integers(0, 9),
    every=st.integers(1, 30),
    windows=st.sets(st.integers(1, 90), min_size=1),
    pages=st.lists(st.sampled_from(PAGES), min_size=1, unique=True),
    policy=st.sampled_from(POLICIES),
    more=st.sampled_from(MORE),
)
def test_the_command_of_any_settings_gives_these_settings_again(
    horizon: int, seed: int, every: int, windows: set[int], pages: list[str], policy: dict[str, float], more: list[str]
) -> None:
    days = ",".join(map(str, sorted(windows)))
    words = ["a log.json", "--out", "run", "--horizon", str(horizon), "--seed", str(seed), "--every", str(every)]
    words += ["--windows", days, "--families", "xgboost", *more]
    words += [word for page in pages for word in ("--churn-page", page)]
    words += [word for name, value in policy.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    wanted = as_settings(words)
    assert as_settings(shlex.split(command(wanted))[2:]) == wanted


def as_settings(words: list[str]) -> dict[str, Any]:
    """What `churn run` makes of a command line."""
    with run_command.make_context("run", list(words), **cli.context_settings) as context:
        options = {name: value for name, value in context.params.items() if name != "as_json"}
        return json.loads(json.dumps(settings_of(options).as_json()))


def test_bad_names_in_a_command_are_quoted() -> None:
    settings = {"logs": ["a log.json", "$(reboot)"], "out": "x", "windows": [7], "churn_pages": ["Submit Downgrade"],
                "families": [], "force": True}  # fmt: skip
    assert command(settings) == (
        "churn run 'a log.json' '$(reboot)' --out x --windows 7 --churn-page 'Submit Downgrade' --force"
    )


def test_a_log_without_leavers_songs_and_models_says_so_in_lines(bare: Path) -> None:
    found = sections(bare)
    assert missing(found["leavers"]) == ["Nobody left: no user reached Cancellation Confirmation."]
    assert "No songs were played." in " ".join(missing(found["behaviour"]))
    for name in ("models", "honest", "risk"):
        assert len(missing(found[name])) == 1, name
    assert missing(found["reproduce"])[0].startswith("Settings and versions")
    assert "the log names none" in " ".join(missing(found["data"]))


@pytest.mark.parametrize(
    ("part", "empty"),
    [
        ("statistics", {"data", "leavers", "behaviour"}),
        ("metrics", {"models", "honest"}),
        ("risk.csv", {"risk"}),
    ],
)
def test_what_a_folder_lacks_is_said_and_the_rest_is_there(
    finished: Path, tmp_path: Path, part: str, empty: set[str]
) -> None:
    found = sections(copied(finished, tmp_path / "run", without=(part,)))
    assert list(found) == NAMES
    for name, section in found.items():
        assert (len(section.blocks) == 1 and bool(missing(section))) == (name in empty), name


def test_any_number_of_models_fits(finished: Path, tmp_path: Path) -> None:
    folder = copied(finished, tmp_path / "run", without=())
    for name in ("models", "curves", "calibration", "lift", "thresholds", "importance"):
        path = folder / "metrics" / f"{name}.csv"
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        own = [line for line in lines if ",logistic_regression," in line]
        more = [line.replace(",logistic_regression,1,", f",m{i},0,").replace(",logistic_regression,", f",m{i},")
                for i in range(9) for line in own]  # fmt: skip
        path.write_text("".join(lines + more), encoding="utf-8")
    found = sections(folder)
    tables = [block for block in found["models"].blocks if isinstance(block, Table)]
    assert len([row for row in tables[0].rows if not row[0].startswith("rule")]) == 10
    assert tables[0].rows[0][0] == "logistic regression ★"
    [roc] = [block for block in found["models"].blocks if isinstance(block, Plot) and block.name == "roc"]
    assert 2 < len(roc.first) < 10  # a plot of ten lines could not be read


def test_short_numbers_are_those_of_the_run(finished: Path) -> None:
    short = sections(finished)["short"].blocks
    tiles = dict(next(block for block in short if isinstance(block, Tiles)).entries)
    assert (tiles["users"], tiles["of whom left"]) == ("80", "45")
    assert any("chosen model" in block.text for block in short if isinstance(block, Words))


def test_no_folder_of_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is no folder of a run"):
        read_inputs(tmp_path)
    (tmp_path / ".churn").mkdir()
    with pytest.raises(SourceError, match="neither statistics nor metrics"):
        read_inputs(tmp_path)


def test_damaged_files_are_named(finished: Path, tmp_path: Path) -> None:
    folder = copied(finished, tmp_path / "run", without=())
    (folder / "statistics" / "pages.csv").write_bytes(b"page,events\n\xff\xfe,1\n")
    with pytest.raises(SourceError, match=r"pages\.csv is damaged"):
        read_inputs(folder)
    (folder / "statistics" / "pages.csv").unlink()
    (folder / "run.json").write_text("{")
    with pytest.raises(SourceError, match=r"run\.json is damaged"):
        read_inputs(folder)
