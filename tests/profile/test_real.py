"""The profile of real users: the numbers that are known of them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from churn.pipeline import profile_log
from churn.settings import Settings

PER_USER = {  # lines, songs, Thumbs Up, adverts, sessions, left
    "23": (782, 656, 28, 19, 4, False), "87": (1003, 767, 32, 50, 25, True), "95": (2091, 1694, 91, 50, 33, False),
    "113": (1895, 1585, 82, 1, 24, False), "133": (44, 32, 2, 1, 1, False), "100005": (216, 154, 7, 18, 5, True),
    "100021": (319, 230, 11, 30, 5, True),
}  # fmt: skip
CANCELLING = 2
"""Lines of every leaver on pages of leaving, which are in no number about a user."""


@pytest.fixture(scope="module")
def out(data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real") / "run"
    profile_log(Settings((str(data("real/seven_users.json.gz")),), folder))
    return folder / "statistics"


def table(out: Path, name: str, **wanted: str) -> list[dict[str, Any]]:
    with (out / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if all(row[key] == value for key, value in wanted.items())]


def test_seven_users_add_up_to_what_is_known(out: Path) -> None:
    left = [user for user in PER_USER.values() if user[5]]
    events = [lines - CANCELLING * gone for lines, *_, gone in PER_USER.values()]
    for quantity, values in {
        "events": events,
        "songs": [user[1] for user in PER_USER.values()],
        "sessions": [user[4] for user in PER_USER.values()],
    }.items():
        [row] = table(out, "users", quantity=quantity, group="all")
        found = (float(row["n"]), float(row["mean"]), float(row["max"]))
        assert found == (7, pytest.approx(sum(values) / 7), max(values))
    for page, place in {"Thumbs Up": 2, "Roll Advert": 3}.items():
        [of_all] = table(out, "page_rates", page=page, group="all")
        [of_left] = table(out, "page_rates", page=page, group="left")
        assert int(of_all["events"]) == sum(int(user[place]) for user in PER_USER.values())
        assert int(of_left["events"]) == sum(int(user[place]) for user in left)


def test_the_known_tables_have_their_columns_and_a_right_meaning(out: Path) -> None:
    rows = table(out, "stats_num")
    names = [f"{part}_{i}" for part in ("q1", "median", "mean", "q3", "std") for i in (0, 1)]
    assert list(rows[0]) == ["metric", *names, "dataset"]
    by_metric = {row["metric"]: row for row in rows}
    assert list(by_metric) == [
        "num_sessions", "session interval (minutes)", "avg_session_length (minutes)", "count_songs",
        "count_unique_artists",
    ]  # fmt: skip
    stayed = [user[1] for user in PER_USER.values() if not user[5]]
    assert float(by_metric["count_songs"]["mean_0"]) == pytest.approx(sum(stayed) / len(stayed))  # songs, not events
    assert float(by_metric["num_sessions"]["median_1"]) == 5
    # Minutes, not hours: user 87 alone came 25 times within two months.
    assert 60 * 24 < float(by_metric["session interval (minutes)"]["median_1"]) < 60 * 24 * 14
    cat = table(out, "stats_cat")
    assert list(cat[0]) == ["feature", "category", "churn rate", "dataset"]
    assert {row["dataset"] for row in cat} == {"seven_users"}
    levels = table(out, "churn_by_segment", segment="level at the last event")
    assert sum(int(row["users"]) for row in levels) == 7  # levels do not overlap


def test_an_artist_that_is_missing_is_no_artist(out: Path) -> None:
    [row] = table(out, "columns", column="artist")
    songs = sum(user[1] for user in PER_USER.values())
    assert int(row["nulls"]) == 6350 - songs
