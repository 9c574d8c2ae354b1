"""Copies of objects: whole or not there, and gone on with where an earlier try stopped."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from churn.errors import OutputError, SourceError
from churn.s3 import stage as module
from churn.s3.stage import stage
from churn.sources import find_sources
from tests.s3.broken import Broken
from tests.s3.conftest import Put

CONTENT = b"".join(b'{"n":%d}\n' % i for i in range(20_000))


@pytest.fixture(autouse=True)
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RANGE", 10_000)


def test_copies_are_equal_and_have_the_names_and_the_addresses_of_their_objects(put: Put, tmp_path: Path) -> None:
    logs = [put("a/log.json", CONTENT), put("b/log.json", CONTENT[:-1]), put("c.json", b"")]
    sources = find_sources(logs)
    copies = stage(sources, tmp_path)
    assert [(copy.path.name, copy.path.read_bytes(), copy.here, copy.address) for copy in copies] == [
        ("log.json", CONTENT, True, logs[0]),
        ("log.json", CONTENT[:-1], True, logs[1]),
        ("c.json", b"", True, logs[2]),
    ]
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 3


def test_what_was_copied_is_not_copied_again_unless_it_changed(put: Put, broken: Broken, tmp_path: Path) -> None:
    log = put("log.json", CONTENT)
    sources = find_sources([log])
    ranges = -(-len(CONTENT) // 10_000)
    broken.rule = lambda method, path, times: "refused:Other" if times == 8 else None
    with pytest.raises(SourceError, match=r"^s3://logs/log.json: S3 refuses"):
        stage(sources, tmp_path)
    assert list(tmp_path.rglob("log.json")) == []
    before = broken.asked["GET", "/logs/log.json"]
    (copy,) = stage(sources, tmp_path)
    assert copy.path.read_bytes() == CONTENT
    again = broken.asked["GET", "/logs/log.json"] - before
    assert 0 < again < ranges
    stage(sources, tmp_path)
    assert broken.asked["GET", "/logs/log.json"] == before + again
    put("log.json", CONTENT[::-1])
    with pytest.raises(SourceError, match=r"^s3://logs/log.json: the object was changed while it was read; run the sa"):
        stage(sources, tmp_path / "new")
    (copy,) = stage(find_sources([log]), tmp_path)
    assert copy.path.read_bytes() == CONTENT[::-1]


def test_connections_that_break_off_are_made_anew(
    put: Put, broken: Broken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("churn.s3.client.THREADS", 1)  # side by side, one piece might get all that breaks off
    sources = find_sources([put("log.json", CONTENT)])
    broken.rule = lambda method, path, times: ("half", "busy", "drop", None)[times % 4]
    (copy,) = stage(sources, tmp_path)
    assert copy.path.read_bytes() == CONTENT


def test_a_disk_that_is_too_small_is_told_before_anything_is_copied(
    put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = find_sources([put("log.json", CONTENT)])
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**6, 0, len(CONTENT) - 1))
    with pytest.raises(OutputError, match=r"the log needs 0\.0 GB here, and 0\.0 GB are free; free some space"):
        stage(sources, tmp_path)
    assert list(tmp_path.iterdir()) == []
