"""Lines and tables say the same, and lines look like those of the real log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from churn.schema import COLUMNS
from churn.simulate.lines import IS_MEMBER, ROWS
from churn.simulate.walk import Rows
from tests.simulate.conftest import World


def test_lines_and_tables_hold_the_same(lines: Path, log: list[dict[str, object]]) -> None:
    for text, row in zip(lines.read_text(encoding="utf-8").splitlines(), log, strict=True):
        assert json.loads(text) == {name: value for name, value in row.items() if value is not None}


def test_lines_are_written_as_the_real_ones(lines: Path) -> None:
    for text in lines.read_text(encoding="utf-8").splitlines()[:2000]:
        row = json.loads(text)
        assert text == json.dumps(row, ensure_ascii=False)  # spaces, and every text escaped
        assert list(row) == [name for name in COLUMNS if name in row]  # in alphabetical order, unknown ones left out


def test_every_state_has_the_fields_of_its_page() -> None:
    assert len(ROWS) == len(IS_MEMBER)
    assert {row.auth for row in ROWS} == {"Logged In", "Logged Out", "Cancelled", "Guest"}
    assert {(row.page, row.method, row.status) for row in ROWS} >= {
        ("NextSong", "PUT", 200), ("Thumbs Up", "PUT", 307), ("Error", "GET", 404), ("Cancel", "PUT", 307),
        ("Cancellation Confirmation", "GET", 200), ("Add to Playlist", "PUT", 200), ("Register", "GET", 200),
        ("Submit Registration", "PUT", 307),
    }  # fmt: skip


def test_no_rows_make_no_lines(world: World) -> None:
    from churn.simulate.lines import Writer

    writer = Writer.of(world.who, world.songs, world.found, world.what.start)
    none: Rows = world.found.blocks[0].take(slice(0, 0))
    assert writer.lines(none) == b""


@pytest.mark.parametrize("name", ["artist", "song", "userAgent"])
def test_texts_keep_their_quotes_and_letters(lines: Path, log: list[dict[str, object]], name: str) -> None:
    texts = {row[name] for row in log if row[name]}
    assert any('"' in text or "Ã" in text for text in texts) or name == "artist"
