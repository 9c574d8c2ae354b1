from __future__ import annotations

from contextlib import nullcontext

import pytest

from churn.aws.asked import Asked
from churn.aws.places import Place
from churn.aws.sizing import PIECE, InputSize, given, listed
from churn.errors import SettingsError, SourceError

LOG = Place("bucket", "log/")


def test_a_size_that_is_told_is_plain_json_in_pieces() -> None:
    assert given(3 * PIECE + 1) == InputSize(3 * PIECE + 1, 3 * PIECE + 1, 0, 4, listed=False)
    with pytest.raises(SettingsError, match="--input-size is 0"):
        given(0)


def test_files_of_a_log_are_found_by_their_ending_and_results_of_a_run_are_not_a_log() -> None:
    objects = [
        ("log/a.json", 10),
        ("log/deep/b.JSONL", 20),
        ("log/readme.txt", 500),
        ("log/.hidden/c.json", 500),
        ("log/_temporary/d.json", 500),
        ("log/run/.churn/steps/ingest.json", 500),
        ("log/run/quarantine/e.jsonl", 500),
    ]
    assert listed(LOG, objects) == InputSize(30, 30, 2, 2, listed=True)
    objects += [("log/of.churn/f.json", 3), ("log/official/g.json", 4)]  # no mark of ours, though it ends like one
    assert listed(LOG, objects).stored == 37


def test_one_object_is_a_log_whatever_it_is_called() -> None:
    assert listed(Place("bucket", "log/events"), [("log/events", 7)]).stored == 7


def test_packed_files_hold_more_and_are_read_by_one_task_each() -> None:
    found = listed(LOG, [("log/a.json.gz", 10 * PIECE), ("log/b.parquet", 2 * PIECE)])
    assert found.unpacked == 10 * PIECE * 16 + 2 * PIECE * 20
    assert found.pieces == 1 + 2


@pytest.mark.parametrize("objects", [[], [("log/readme.txt", 5)], [("log/a.json", 0)]])
def test_a_place_without_a_log_is_refused(objects: list[tuple[str, int]]) -> None:
    with pytest.raises(SourceError, match="s3://bucket/log/: no log is there"):
        listed(LOG, objects)


def test_an_empty_object_of_that_name_is_what_a_run_would_read_unless_a_folder_is_named() -> None:
    objects = [("log", 0), ("log/", 0), ("log/a.json", 7)]
    with pytest.raises(SourceError, match="s3://bucket/log: no log is there"):
        listed(Place("bucket", "log"), objects)
    assert listed(LOG, objects).stored == 7


def test_what_only_begins_like_the_log_is_another_folder() -> None:
    objects = [("log-2017/a.json", 500), ("log/a.json", 10), ("log.json", 500)]
    assert listed(Place("bucket", "log"), objects) == InputSize(10, 10, 1, 1, listed=True)
    assert listed(Place("bucket", "log.json"), [("log.json", 7), ("log.json.bak/b.json", 500)]).stored == 7
    assert listed(Place("bucket", ""), objects).stored == 1010


@pytest.mark.parametrize(
    ("log", "out", "refused"),
    [
        ("log", "log-results/", False),
        ("log", "log/results/", True),
        ("log/", "log/results/", True),
        ("a/log/", "a/", True),
        ("run.emr/log/", "run/", True),
        ("", "run/", True),
        ("run", "run/", True),
    ],
)
def test_log_and_result_may_not_lie_within_each_other(log: str, out: str, refused: bool) -> None:
    with pytest.raises(SettingsError, match="within each other") if refused else nullcontext():
        Asked(Place("bucket", log), Place("bucket", out))
