"""Every command explains itself; `python -m churn` is the same program."""

from __future__ import annotations

import subprocess
from importlib import import_module, metadata

import pytest

from churn.cli import COMMANDS, invoke
from tests.e2e.small import churn, start


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_has_help_with_an_example(name: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke([name, option]) == 0
    said = capsys.readouterr()
    assert f"Usage: churn {name}" in said.out
    assert f"  churn {name}" in said.out.split("Example:")[1]
    assert said.err == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name: str) -> None:
    command = import_module(COMMANDS[name]).command
    assert [p.name for p in command.params if p.param_type_name == "option" and not p.help] == []


def test_the_program_lists_its_commands_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["--help"]) == 0
    said = capsys.readouterr().out
    assert "Example:" in said
    listed = said.split("Commands:")[1].split()
    assert [name for name in listed if name in COMMANDS] == list(COMMANDS)


def test_defaults_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    invoke(["run", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    for default in ("14", "7,14,30", "Cancellation Confirmation", "6GB", "duckdb", "0.05"):
        assert f"[default: {default}]" in said or f"default: {default};" in said, default


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["--version"]) == 0
    assert metadata.version("sparkify-churn") in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["divine"], "divine"),
        (["run", "log.json"], "--out"),
        (["run", "--out", "run"], "LOG"),
        (["run", "log.json", "--out", "run", "--horizont", "3"], "--horizont"),
        (["run", "log.json", "--out", "run", "--horizon", "soon"], "soon"),
        (["run", "log.json", "--out", "run", "--windows", "7,x"], "7,14,30"),
        (["snapshot", "log.json", "--out", "run", "--as-of", "2018-02-30"], "2018-11-20"),
        (["snapshot", "log.json", "--out", "run"], "--as-of"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_the_users_mistake(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err and "Traceback" not in said.err


def test_the_module_is_the_program() -> None:
    found = churn("--version")
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith("churn, version ")


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    with start("features", "--csv") as child:
        assert child.stdout is not None and child.stderr is not None
        child.stdout.close()
        try:
            assert "Traceback" not in child.stderr.read()
            child.wait(60)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
