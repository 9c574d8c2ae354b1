"""The profile and the page of real logs that nothing can be learned from: no leaver, cut histories, guests."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from churn.pipeline import profile_log
from churn.report import write_report
from churn.settings import Settings


def quirks(out: Path) -> dict[str, int]:
    with (out / "statistics" / "quirks.csv").open(encoding="utf-8", newline="") as file:
        return {row["quirk"]: int(row["count"]) for row in csv.DictReader(file)}


def test_another_service_in_thirty_files(data: Callable[[str], Path], tmp_path: Path) -> None:
    facts = profile_log(Settings((str(data("real/other_log_2018_11")),), tmp_path))
    assert (facts["lines"], facts["events"], facts["users"], facts["leavers"]) == (8056, 8056 - 286, 97, 0)
    assert quirks(tmp_path)["lines that belong to nobody"] == 286
    assert "Nobody left" in write_report(tmp_path).read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "users", "guests", "with_id"), [
    ("slice_mini_1", 23, 52, 0), ("slice_large_1", 386, 19, 19), ("slice_large_2", 61, 31, 31),
])  # fmt: skip
def test_slices_of_the_real_log(
    data: Callable[[str], Path], tmp_path: Path, name: str, users: int, guests: int, with_id: int
) -> None:
    facts = profile_log(Settings((str(data(f"real/{name}.json.gz")),), tmp_path))
    found = quirks(tmp_path)
    assert found["lines that belong to nobody"] == guests
    assert found["of these, lines that carry a user id"] == with_id
    assert facts["events"] == 1000 - guests
    assert (facts["users"], facts["leavers"]) == (users, int(name == "slice_large_2"))
    assert write_report(tmp_path).stat().st_size < 8_000_000
