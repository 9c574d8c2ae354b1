"""Rivals do the same work: on a clean log and on one with lines of every status, their tables are ours."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from benchmarks.contestants import ALL, Contestant
from benchmarks.equality import account, check_same, differing_rows
from benchmarks.machine import ROOT
from benchmarks.measure import cost_of
from tests.conftest import event, write_log
from tests.e2e.small import learnable_rows
from tests.tiny import ms

pytestmark = pytest.mark.slow  # starts Java

MEMORY = 2_000_000_000
OURS, *RIVALS = ALL

REFUSED = [
    "",
    "   ",
    "no JSON",
    '{"ts":1538352000000,"userId":"1","page":"Ho',
    '{"userId":"1","page":"Home"}',
    '{"ts":1538352000,"userId":"1","page":"Home"}',
    '{"ts":1538352000000,"userId":"1","page":""}',
    '{"ts":1538352000000,"userId":"1"}',
]


def work(contestant: Contestant, log: Path, out: Path) -> Path:
    """What a contestant makes of a log; skips the test where it cannot take part."""
    if contestant.missing():
        pytest.skip(f"{contestant.who}: {contestant.missing()}")
    cost_of(contestant.command(log, out, MEMORY), folder=ROOT)
    return out


@pytest.fixture(scope="module")
def quirky(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A small log with lines of every status, ties, sessions over midnight, changes of level; and our run on it."""
    folder = tmp_path_factory.mktemp("quirky")
    at = ms("10-20 23:59")
    odd = [
        event("", at, "Home", auth="Logged Out", firstName=None, gender=None, registration=None),
        event("9", at, "Home", auth="Guest", firstName=None, gender=None, registration=None),
        *(event("3", at + 30_000 * i, page, sessionId=None, itemInSession=i, level=level, artist=artist)
          for i, (page, level, artist) in enumerate([
              ("Roll Advert", "free", None), ("NextSong", "free", "Muse"), ("Thumbs Down", "free", None),
              ("NextSong", "paid", "Muse"), ("Thumbs Up", "paid", None), ("Downgrade", None, None)])),
        # The same time, place (at least 0) and session: page and level decide.
        *(event("4", at, page, itemInSession=item, level=level, location=place) for page, item, level, place in [
            ("Home", None, "paid", "A, MA"), ("Help", -1, "free", "B, NY"), ("About", 0, "paid", None)]),
        event("5", at, "NextSong", artist="Muse", song=None, length=None, itemInSession=70_000),
    ]  # fmt: skip
    log = write_log(folder / "log.json", learnable_rows(users=40, leavers=20) + odd)
    with log.open("a") as file:
        file.writelines(f"{line}\n" for line in REFUSED)
    return log, work(OURS, log, folder / "run")


def test_the_small_log_has_lines_of_every_status(quirky: tuple[Path, Path]) -> None:
    found = account(quirky[1])
    assert {status: count for status, count in found.items() if status != "kept"} == {
        "blank": 2, "unparseable": 2, "no_ts": 2, "no_page": 2, "nobody": 2,
    }  # fmt: skip


@pytest.mark.parametrize("rival", RIVALS, ids=lambda rival: rival.who)
def test_a_rival_judges_and_counts_a_quirky_log_as_we_do(
    rival: Contestant, quirky: tuple[Path, Path], tmp_path: Path
) -> None:
    log, run = quirky
    check_same(run, work(rival, log, tmp_path / "out"))


# Spark takes a minute for this on a busy machine, and every round of `make bench` checks it.
@pytest.mark.parametrize("rival", [r for r in RIVALS if "Spark" not in r.who], ids=lambda rival: rival.who)
def test_a_rival_writes_what_we_write_on_the_mini_log(
    rival: Contestant, data: Callable[[str], Path], tmp_path: Path
) -> None:
    log = data("eventsim_mini.json.gz")
    check_same(work(OURS, log, tmp_path / "run"), work(rival, log, tmp_path / "out"))


def test_a_rival_that_counts_one_thing_otherwise_is_found_out(quirky: tuple[Path, Path], tmp_path: Path) -> None:
    log, run = quirky
    out = work(RIVALS[0], log, tmp_path / "out")
    table, other = out / "user_days.parquet", tmp_path / "other.parquet"
    duckdb.sql(f"COPY (SELECT * REPLACE (songs + (\"userId\" = '3')::INT AS songs) FROM '{table}') TO '{other}'")
    shutil.move(other, table)
    with pytest.raises(SystemExit, match="rows of user_days differ"):
        check_same(run, out)
    (out / "account.json").write_text(json.dumps({"kept": 1}))
    with pytest.raises(SystemExit, match="the account differs"):
        check_same(run, out)


def test_a_row_too_many_is_a_difference(tmp_path: Path) -> None:
    for name, rows in (("one", "1"), ("two", "1, 1")):
        duckdb.sql(f"COPY (SELECT unnest([{rows}]) AS x) TO '{tmp_path / name}.parquet'")
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    assert [differing_rows(one, two), differing_rows(two, one), differing_rows(two, two)] == [1, 1, 0]
