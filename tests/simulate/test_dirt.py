"""Dirt: what an ingest finds is what was put in, to the line."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest

from churn.pipeline import read_log
from churn.settings import Settings
from churn.simulate import Simulation, simulate
from churn.simulate.dirt import BOM, REFUSED, SHARES, Dirt

pytestmark = pytest.mark.slow  # whole logs

NAMES = ("lines", "blank", "kept", "nobody", "duplicate", "quarantined", "coerced")


def account_of(log: Path, out: Path) -> dict[str, object]:
    read_log(Settings(logs=(str(log),), out=out))
    return json.loads((out / "ingest.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("users", [150, 10_000])
@pytest.mark.parametrize("packing", ["json", "json.gz"])
def test_the_account_of_a_dirty_log_is_exact(tmp_path: Path, users: int, packing: str) -> None:
    log = tmp_path / f"log.{packing}"
    # Ten thousand users, for two days: nobody's lines have an id of their own.
    simulate(log, Simulation(users=users, days=40 if users < 1000 else 2, seed=5), form=packing, dirty=True)
    said = json.loads((tmp_path / f"log.{packing}.dirt.json").read_text())
    found = account_of(log, tmp_path / "out")
    assert {name: found[name] for name in NAMES} == {name: said[name] for name in NAMES}
    assert all(said["kinds"][kind] for kind in SHARES)
    assert sum(found["coerced"].values()) == said["kinds"]["number wrong"] + said["kinds"]["text wrong"]


def test_the_account_of_a_clean_log_is_exact(tmp_path: Path, lines: Path, log: list[dict[str, object]]) -> None:
    found = account_of(lines, tmp_path / "out")
    nobody = sum(row["userId"] == "" for row in log)
    assert {name: found[name] for name in NAMES} == {
        "lines": len(log), "blank": 0, "kept": len(log) - nobody, "nobody": nobody, "duplicate": 0,
        "quarantined": {"total": 0, "unparseable": 0, "no_ts": 0, "no_page": 0}, "coerced": {},
    }  # fmt: skip


def test_a_dirty_log_starts_with_a_mark_and_has_lines_out_of_order(tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    simulate(log, Simulation(users=60, days=40, seed=1), dirty=True)
    content = log.read_bytes()
    assert content.startswith(BOM) and b"\r\n" in content and "Ã".encode() in content
    times = []
    for line in content.decode("utf-8-sig", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("ts"), int) and row["ts"] > 10**12:
            times.append(row["ts"])
    assert times != sorted(times)


def test_some_lines_follow_lines_of_a_later_day() -> None:
    day, n = 86_400_000, 30_000
    fields = {"page": "Home", "status": 200, "sessionId": 1, "itemInSession": 0, "level": "free", "method": "GET"}
    lines = [json.dumps({"ts": i * 2 * day // n, "userId": str(i), **fields}).encode() + b"\n" for i in range(n)]
    dirt, found = Dirt(3), b""
    for start in range(0, n, 4_000):  # far fewer lines than any late one waits for
        found += dirt.pass_on(b"".join(lines[start : start + 4_000]))
    found += dirt.pass_on(b"", last=True)
    written = [int(text) // day for text in re.findall(rb'^{"ts": ([0-9]+), "userId": "[0-9]+", "page"', found, re.M)]
    assert 1 < dirt.counts["late"] < 20  # too few to be given out before the end
    before_the_end = written[: -dirt.counts["late"]]
    back = [i for i, (one, other) in enumerate(itertools.pairwise(before_the_end)) if other < one]
    assert back, "a line of the first day follows one of the second, long before the end"
    assert len(set(found.splitlines()) & {line.rstrip() for line in lines}) > 0.98 * n


def test_kinds_that_are_refused_stay_far_below_the_limit() -> None:
    assert set(REFUSED) <= set(SHARES) and sum(SHARES.values()) < 0.05


def test_dirt_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        simulate(tmp_path / f"{name}.json", Simulation(users=20, days=10, seed=4), dirty=True)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
