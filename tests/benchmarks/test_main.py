"""The benchmark itself, as `make bench` calls it, without its slowest rival."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import benchmarks.__main__ as command
from benchmarks import contestants
from benchmarks.contestants import INGEST
from benchmarks.figures import Report
from benchmarks.log import MAKER
from benchmarks.machine import Machine, program
from tests.benchmarks.reports import report

ARGS = Namespace(memory="6GB")


@pytest.mark.slow
def test_one_round_at_the_smallest_size(
    data: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data("eventsim_mini.json.gz")
    monkeypatch.setattr(contestants, "ALL", tuple(c for c in contestants.ALL if "Spark" not in c.who))
    out = tmp_path / "out"
    command.main(["--size", "mini", "--rounds", "1", "--work", str(tmp_path / "work"), "--out", str(out)])
    found = Report.from_json((out / "mini.json").read_text())
    assert capsys.readouterr().out.strip() == (out / "mini.md").read_text().strip()
    assert (found.size, found.rounds, found.command) == ("mini", 1, "make bench SIZE=mini ROUNDS=1")
    assert found.log.lines > 250_000
    assert all(len(figure.wall) == 1 and figure.seconds > 0 for figure in found.figures)
    parts = [figure.part for figure in found.figures]
    assert parts.count(INGEST) == 1 + sum(not c.missing() for c in contestants.ALL[1:])
    assert {"whole run", "step: snapshots", "scoring: one user", "scoring: all users, with reasons"} <= set(parts)
    assert any(part.startswith("training") for part in parts)
    # All steps together take no longer than the run that they are of.
    seconds = {figure.part: figure.seconds for figure in found.figures}
    assert sum(s for part, s in seconds.items() if part.startswith("step:")) < seconds["whole run"]
    assert seconds["scoring: one user"] < seconds["scoring: all users, with reasons"]


def test_figures_of_this_machine_and_program_are_not_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "mini.json"
    assert command._stored(path, ARGS) is None
    here = replace(report("mini", 600, machine=Machine.this(), program=program()))
    here = replace(here, log=replace(here.log, maker=MAKER))
    path.write_text(here.to_json())
    assert command._stored(path, ARGS) == here


@pytest.mark.parametrize("odd", ["machine", "program", "memory"])
def test_figures_of_another_machine_or_program_are(odd: str, tmp_path: Path) -> None:
    found = report("mini", 600, machine=Machine.this(), program=program())
    found = replace(found, log=replace(found.log, maker=MAKER))
    changed = {"machine": replace(found.machine, cpu="another"), "program": "another", "memory": "3GB"}
    (tmp_path / "mini.json").write_text(replace(found, **{odd: changed[odd]}).to_json())
    assert command._stored(tmp_path / "mini.json", ARGS) is None
