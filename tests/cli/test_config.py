"""`--config`: values by the names of the options; the command line wins; mistakes are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from churn.cli import cli, invoke
from churn.cli.options import settings_of
from churn.cli.run import command
from churn.settings import Settings
from tests.conftest import event, write_log
from tests.e2e.small import complaint, finished_run, learnable_rows

OURS_TO_THEIRS = {"userId": "user", "ts": "time", "page": "what", "length": "seconds"}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log that is read in no time."""
    return write_log(tmp_path / "log.json", [event("1"), event("2")])


def settings_from(*arguments: str) -> Settings:
    """The settings that `churn run` makes of its arguments."""
    with command.make_context("run", ["log.json", *arguments], **cli.context_settings) as context:
        return settings_of(dict(context.params))


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "churn.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_every_option_can_stand_in_the_file(tmp_path: Path) -> None:
    config = write(
        tmp_path,
        'out = "there"\nhorizon = 21\ngap = 1\nwindows = [3, 7]\nevery = 5\nseed = 4\nmemory = "2GB"\n'
        'churn-page = ["Farewell", "Goodbye"]\nfamilies = ["xgboost"]\nmax-refused = 0.2\nforce = true\njson = true\n'
        'engine = "duckdb"\nlearner = "local"\n[columns]\nuserId = "user"\n',
    )
    settings = settings_from("--config", config)
    problem = settings.problem
    assert (problem.horizon, problem.gap, problem.windows, problem.every) == (21, 1, (3, 7), 5)
    assert problem.churn_pages == ("Farewell", "Goodbye")
    assert (settings.seed, settings.memory, settings.max_refused, settings.force) == (4, 2_000_000_000, 0.2, True)
    assert (settings.out, settings.families) == (Path("there"), ("xgboost",))
    assert {ours: theirs for ours, theirs in settings.columns.items() if ours != theirs} == {"userId": "user"}


def test_the_command_line_wins(tmp_path: Path) -> None:
    config = write(tmp_path, 'horizon = 21\nseed = 4\nwindows = "3,7"\nchurn-page = "Farewell"\n')
    line = ["--out", "o", "--horizon", "5", "--windows", "9", "--churn-page", "A", "--churn-page", "B"]
    for settings in (settings_from(*line, "--config", config), settings_from("--config", config, *line)):
        assert (settings.problem.horizon, settings.problem.windows, settings.seed) == (5, (9,), 4)
        assert settings.problem.churn_pages == ("A", "B")


def test_a_repeatable_option_may_be_one_text_and_a_name_may_have_underscores(tmp_path: Path) -> None:
    config = write(tmp_path, 'churn_page = "Farewell"\n')
    assert settings_from("--out", "o", "--config", config).problem.churn_pages == ("Farewell",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("horizont = 3\n", ["no option is called horizont", "horizon", "churn-page", "json"]),
        ("logs = 'x'\n", ["no option is called logs"]),
        ("config = 'x'\n", ["no option is called config"]),
        ("horizon = \n", ["mend the file", "line 1"]),
        ("[columns]\nshoe = 'size'\n", ["[columns] names shoe"]),
        ("[columns]\nuserId = 5\n", ["[columns] is no table of names"]),
        ("columns = 'x'\n", ["[columns] is no table of names"]),
        ("horizon = 0\n", ["the horizon is 0 days", "from 1 to 3650"]),
        ("engine = 'mars'\n", ["no engine is called mars", "duckdb"]),
    ],
)
def test_a_mistake_in_the_file_is_one_line_that_names_it(
    tmp_path: Path, log: Path, text: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert invoke(["run", str(log), "--out", str(out), "--config", write(tmp_path, text)]) == 2
    said = complaint(capsys.readouterr().err)
    assert all(word in said for word in words), said
    assert not out.exists()


WRONG_TYPES = ("horizon = 'soon'\n", "windows = ['x']\n", "windows = [[7]]\n", "horizon = 7.5\n", "[horizon]\na = 1\n")


@pytest.mark.parametrize("text", WRONG_TYPES)
def test_a_value_of_the_wrong_type_is_the_users_mistake(
    tmp_path: Path, log: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["run", str(log), "--out", str(tmp_path / "out"), "--config", write(tmp_path, text)]) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert text.strip("[").split()[0].rstrip("]") in said


def test_a_file_that_is_not_there_or_no_text_is_named(
    tmp_path: Path, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name in ("missing.toml", "binary"):
        assert invoke(["run", str(log), "--out", str(tmp_path / "o"), "--config", str(tmp_path / name)]) == 2
        assert str(tmp_path / name) in complaint(capsys.readouterr().err)


@pytest.mark.slow
def test_a_log_with_other_names_of_columns_gives_the_same_list(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """From renamed columns in the file to the risk list."""
    settings, finished = finished_run(tmp_path_factory.getbasetemp())
    renamed = [{OURS_TO_THEIRS.get(name, name): value for name, value in row.items()} for row in learnable_rows()]
    log = write_log(tmp_path / "log.json", renamed)
    table = "".join(f'{ours} = "{theirs}"\n' for ours, theirs in OURS_TO_THEIRS.items())
    config = write(tmp_path, f'families = "logistic_regression"\n[columns]\n{table}')
    assert invoke(["run", str(log), "--out", str(tmp_path / "run"), "--config", config]) == 0
    assert (tmp_path / "run" / "risk.csv").read_bytes() == (finished / "risk.csv").read_bytes()
    assert json.loads((tmp_path / "run" / "run.json").read_text())["settings"]["columns"] == OURS_TO_THEIRS
    assert settings.columns["userId"] == "userId"
