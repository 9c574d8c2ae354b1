from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.log import GIANT, giant_of, log_of, with_giant
from churn.simulate import Simulation, simulate

pytestmark = pytest.mark.slow  # whole logs


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "log.json"
    simulate(path, Simulation(users=20, days=10, seed=1), processes=1)
    return path


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("lines", [1, 100, 10**9])
def test_the_giant_gets_about_so_many_lines_and_nothing_else_changes(tmp_path: Path, log: Path, lines: int) -> None:
    before, after = rows(log), rows(with_giant(log, tmp_path / "giant.json", lines))
    assert len(before) == len(after)
    members = sum("firstName" in row for row in before)
    assert Counter(row["userId"] for row in after)[GIANT.decode()] == pytest.approx(min(lines, members), abs=1)
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert all({**old, "userId": GIANT.decode()} == new and "firstName" in old for old, new in changed)
    assert [row["ts"] for row in after] == sorted(row["ts"] for row in before)


def test_nothing_but_this_program_is_needed(tmp_path: Path) -> None:
    giant = giant_of("mini", tmp_path, 50_000)
    assert giant.stat().st_size > 0.9 * log_of("mini", tmp_path).stat().st_size
    with giant.open("rb") as file:
        assert sum(b'"userId": "' + GIANT in line for line in file) == 50_000


def test_a_log_that_is_there_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "log.json"
    target.write_text("here")
    assert with_giant(tmp_path / "absent.json", target, 2).read_text() == "here"
