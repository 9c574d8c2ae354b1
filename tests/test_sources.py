"""Which files make a log, what kind each is, and which are refused before anything is read."""

from __future__ import annotations

import bz2
import gzip
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.errors import SourceError
from churn.sources import find_sources

LINE = b'{"ts":1538352000000,"userId":"7","page":"Home"}\n'


def put(path: Path, content: bytes = LINE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packed:
        packed.write(content)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("name", ["log.json", "log.gz", "log", "log.parquet"])
@pytest.mark.parametrize(
    ("content", "packing"),
    [(LINE, "none"), (gzip.compress(LINE), "gzip"), (bz2.compress(LINE), "bz2"), (zstd(LINE), "zstd")],
    ids=["plain", "gzip", "bz2", "zstd"],
)
def test_first_bytes_tell_the_packing_not_the_name(tmp_path: Path, name: str, content: bytes, packing: str) -> None:
    (source,) = find_sources([put(tmp_path / name, content)])
    assert (source.path, source.size, source.kind, source.packing) == (tmp_path / name, len(content), "json", packing)


def test_parquet_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    pq.write_table(pa.table({"ts": [1]}), tmp_path / "log.json")
    (source,) = find_sources([tmp_path / "log.json"])
    assert (source.kind, source.packing) == ("parquet", "none")


def test_a_folder_is_searched_by_ending_at_any_depth_without_hidden_files(tmp_path: Path) -> None:
    found = ["a.json", "b.jsonl.gz", "c.ndjson.bz2", "d.json.zst", "e.parquet", "f.JSON", "x/y/g.json", "x/y=1/h.json"]
    ignored = ["a.txt", "a.csv.gz", "a.json.bak", "_SUCCESS", ".a.json", "_a.json", ".x/a.json", "x/_y/a.json", "a.gz"]
    for name in found + ignored:
        put(tmp_path / name)
    names = [source.path.relative_to(tmp_path).as_posix() for source in find_sources([tmp_path])]
    assert sorted(names) == sorted(found)


def test_a_hidden_folder_that_is_named_is_searched(tmp_path: Path) -> None:
    put(tmp_path / ".cache" / "a.json")
    assert [source.path.name for source in find_sources([tmp_path / ".cache"])] == ["a.json"]


def test_a_file_that_is_named_needs_no_ending(tmp_path: Path) -> None:
    assert find_sources([put(tmp_path / "events.log")])[0].packing == "none"


def test_globs_find_files_only_sorted_by_path(tmp_path: Path) -> None:
    for name in ("b.json", "a.json", "x/c.json", "d.json/inside.txt"):
        put(tmp_path / name)
    assert [s.path.name for s in find_sources([f"{tmp_path}/*.json"])] == ["a.json", "b.json"]
    assert [s.path.name for s in find_sources([f"{tmp_path}/**/*.json"])] == ["a.json", "b.json", "c.json"]


def test_a_name_with_glob_characters_means_that_file_where_it_exists(tmp_path: Path) -> None:
    put(tmp_path / "a[1].json")
    put(tmp_path / "a1.json")
    assert [s.path.name for s in find_sources([tmp_path / "a[1].json"])] == ["a[1].json"]


def test_a_file_named_twice_counts_once(tmp_path: Path) -> None:
    path = put(tmp_path / "a.json")
    assert len(find_sources([path, str(path), tmp_path, f"{tmp_path}/*.json"])) == 1


def test_an_empty_file_among_others_is_no_error(tmp_path: Path) -> None:
    put(tmp_path / "a.json", b"")
    put(tmp_path / "b.json")
    assert [source.size for source in find_sources([tmp_path])] == [0, len(LINE)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the log is empty"),
        (b"\xff\xfe{\0}\0", "is UTF-16"),
        (b"\xfe\xff\0{\0}", "is UTF-16"),
        (b"PK\x03\x04\x14\0\0\0", "is a ZIP archive"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is a binary file"),
        (b'{"ts":1}\n{"a":"\0"}\n', "is a binary file"),
    ],
)
def test_what_is_no_log_is_refused_with_its_path(tmp_path: Path, content: bytes, message: str) -> None:
    path = put(tmp_path / "log.json", content)
    with pytest.raises(SourceError, match=message) as caught:
        find_sources([path])
    assert str(path) in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("name", ["absent.json", "absent/*.json", "absent/"])
def test_a_path_that_leads_nowhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="no such file or folder"):
        find_sources([tmp_path / name])


def test_one_missing_path_among_good_ones_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="absent"):
        find_sources([put(tmp_path / "a.json"), tmp_path / "absent"])


def test_a_folder_without_a_log_says_which_endings_are_looked_for(tmp_path: Path) -> None:
    put(tmp_path / "a.csv")
    with pytest.raises(SourceError, match=r"no log in this folder; .*\.json, .*\.parquet"):
        find_sources([tmp_path])


def test_nothing_given_is_an_empty_log() -> None:
    with pytest.raises(SourceError, match="the log is empty: nothing"):
        find_sources([])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads any file, whatever its mode")
def test_a_file_without_permission_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = put(tmp_path / "a.json")
    path.chmod(0)
    with pytest.raises(SourceError, match=r"cannot be read \(Permission denied\)"):
        find_sources([path])


def test_results_of_this_program_in_the_folder_are_no_log(tmp_path: Path) -> None:
    put(tmp_path / "a.json")
    put(tmp_path / "run" / "events" / "day=2018-10-01" / "data_0.parquet")
    put(tmp_path / "run" / ".churn" / "lock")
    assert [source.path for source in find_sources([tmp_path])] == [tmp_path / "a.json"]


def test_one_file_under_two_names_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "a.json")
    monkeypatch.chdir(tmp_path)
    assert len(find_sources(["a.json", tmp_path / "a.json", "./a.json"])) == 1


@pytest.mark.parametrize("name", ["", "  "])
def test_an_empty_name_is_not_the_current_folder(name: str) -> None:
    with pytest.raises(SourceError, match="name of the log is empty"):
        find_sources([name])
