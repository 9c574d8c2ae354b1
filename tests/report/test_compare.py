from __future__ import annotations

from pathlib import Path

import pytest

from churn.report.blocks import Missing, Section, Table, Words
from churn.report.compare import comparison
from churn.report.inputs import read_inputs

pytestmark = pytest.mark.slow  # two whole runs


def both(first: Path, second: Path) -> dict[str, Section]:
    return {section.name: section for section in comparison(read_inputs(first), read_inputs(second))}


def test_a_run_beside_itself_differs_in_nothing(finished: Path) -> None:
    found = both(finished, finished)
    assert isinstance(found["runs"].blocks[0], Words)
    assert "same events" in found["runs"].blocks[0].text
    [table] = found["data"].blocks
    assert isinstance(table, Table)
    assert {row[3] for row in table.rows} <= {"", "+0.0%", "–"}
    for table in found["models"].blocks:
        if isinstance(table, Table):
            assert {row[4] for row in table.rows} <= {"+0.000", "–"}
    texts = [block.text for block in found["settings"].blocks if isinstance(block, Words)]
    assert texts[:2] == ["Settings: the same.", "Versions: the same."]


def test_two_runs_show_what_differs(finished: Path, hostile: Path) -> None:
    found = both(finished, hostile)
    assert isinstance(found["runs"].blocks[0], Words)
    assert "different events" in found["runs"].blocks[0].text
    [settings, *_] = found["settings"].blocks
    assert isinstance(settings, Table)
    assert {row[0] for row in settings.rows} == {"logs", "out"}
    [table] = found["data"].blocks
    assert isinstance(table, Table)
    songs = next(row for row in table.rows if row[0] == "songs")
    a, b = (int(cell.replace(",", "")) for cell in songs[1:3])
    assert songs[3] == f"{b / a - 1:+.1%}"


def test_what_one_run_lacks_is_said_with_its_letter(finished: Path, bare: Path) -> None:
    found = both(finished, bare)
    assert found["models"].blocks == [Missing("No model was trained in B.")]
    assert found["rates"].blocks == [Missing("Nobody left in B, or it has no statistics.")]
    assert both(bare, bare)["models"].blocks == [Missing("No model was trained in A and B.")]
