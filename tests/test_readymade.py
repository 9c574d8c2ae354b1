"""Ready-made tables: what becomes a feature, and what is refused with which words."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.engines.duckdb import DuckDBEngine
from churn.errors import SourceError
from churn.readymade import MOST_KINDS, fold_of, read_table
from churn.snapshots import fold_of as fold_of_snapshots

CSV = "userId,churn,songs,level\n2,0,10.5,free\n10,1,,paid\n007,0,3,\n"


def write(folder: Path, text: str, name: str = "users.csv") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize("name", ["users.csv", "users.csv.gz"])
def test_a_table_by_hand(tmp_path: Path, name: str) -> None:
    made = read_table(write(tmp_path, CSV, name), "userId", "churn")
    assert made.table.users.tolist() == ["007", "10", "2"]  # text from the start, sorted
    assert made.table.names == ("songs", "level=free", "level=paid")
    np.testing.assert_array_equal(made.table.x, np.array([[3, 0, 0], [np.nan, 0, 1], [10.5, 1, 0]], dtype=np.float32))
    assert made.table.y.tolist() == [0, 1, 0]
    assert made.columns["level=paid"].sentence == "level is paid"
    assert made.columns["level=paid"].group == made.columns["level=free"].group == "level"
    assert made.columns["level=paid"].flag and not made.columns["songs"].flag


def test_words_for_unknown_are_texts_among_texts_and_unknown_among_numbers(tmp_path: Path) -> None:
    text = "userId,churn,level,n\nNA,1,NA,NA\nnull,0,paid,2\nnan,1,,3\nNULL,0,null,\n"
    made = read_table(write(tmp_path, text), "userId", "churn")
    assert made.table.users.tolist() == ["NA", "NULL", "nan", "null"]
    assert made.table.names == ("level=NA", "level=null", "level=paid", "n")
    wanted = [[1, 0, 0, np.nan], [0, 1, 0, np.nan], [0, 0, 0, 3], [0, 0, 1, 2]]
    np.testing.assert_array_equal(made.table.x, np.array(wanted, dtype=np.float32))


@pytest.mark.parametrize("header", ["level,level=paid", "level=paid,level"])
def test_two_columns_that_make_one_feature_are_refused_by_name(tmp_path: Path, header: str) -> None:
    cells = ["paid,1.5", "free,2", "paid,3"] if header.startswith("level,") else ["1.5,paid", "2,free", "3,paid"]
    text = f"userId,churn,{header}\n" + "".join(f"u{i},{i % 2},{cell}\n" for i, cell in enumerate(cells))
    first, second = header.split(",")
    with pytest.raises(SourceError, match=f"the columns {first} and {second} both make a feature level=paid; rename"):
        read_table(write(tmp_path, text), "userId", "churn")


def test_parquet_gives_the_same_and_so_does_another_order_of_rows(tmp_path: Path) -> None:
    first = read_table(write(tmp_path, CSV), "userId", "churn")
    columns = {"userId": ["10", "007", "2"], "churn": [True, False, False], "songs": [None, 3.0, 10.5]}
    path = tmp_path / "users.parquet"
    pq.write_table(pa.table(columns | {"level": ["paid", None, "free"]}), path)
    second = read_table(path, "userId", "churn")
    for name in ("users", "x", "y", "folds"):
        np.testing.assert_array_equal(getattr(first.table, name), getattr(second.table, name))
    assert first.table.names == second.table.names


def test_columns_can_be_left_out_and_named_otherwise(tmp_path: Path) -> None:
    made = read_table(write(tmp_path, CSV), "userId", "churn", drop=("level",))
    assert made.table.names == ("songs",)
    other = write(tmp_path, "who,left,n\na,1,2\nb,0,3\n", "other.csv")
    assert read_table(other, "who", "left").table.names == ("n",)


def test_the_fingerprint_is_that_of_the_content(tmp_path: Path) -> None:
    first = read_table(write(tmp_path, CSV), "userId", "churn").fingerprint
    assert read_table(write(tmp_path, CSV, "again.csv"), "userId", "churn").fingerprint == first
    for changed in (CSV.replace("10.5", "10.6"), CSV.replace("2,0", "2,1"), CSV.replace("songs", "plays")):
        assert read_table(write(tmp_path, changed, "changed.csv"), "userId", "churn").fingerprint != first


def test_folds_are_those_of_a_log(tmp_path: Path) -> None:
    engine = DuckDBEngine(memory=1_000_000_000, scratch=tmp_path / "scratch", threads=1)
    users = [str(number) for number in range(50)]
    ids = ibis.literal(users, type="array<string>").unnest().name("userId").as_table()
    found = engine.fetch(ids.mutate(fold=fold_of_snapshots(ids.userId, 3))).to_pylist()
    engine.close()
    assert {row["userId"]: row["fold"] for row in found} == {user: fold_of(user, 5, 3) for user in users}
    assert {fold_of(user, 7, 0) for user in users} == set(range(7))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("userId,gone,n\na,1,2\n", "has no column churn; check --id, --label and --drop; there are: userId, gone, n"),
        ("userId,churn,n\na,1,2\na,0,3\n", "1 users have several rows, the first a; give one row a user"),
        ("userId,churn,n\na,1,2\n,0,3\n", "userId is empty in 1 rows"),
        ("userId,churn,n\na,1,2\nb,2,3\nc,,4\n", "churn is neither 0 nor 1 in 2 rows"),
        ("userId,churn,n,n\na,1,2,3\n", "several columns of one name"),
        ("userId,churn\na,1\n", "has no column to learn from"),
        ("userId,churn,n\n", "has no rows"),
        ("userId,churn,n\na,1,1e39\nb,0,1\n", "numbers beyond 3.4e38 in n"),
        ("userId,churn,n\na,1\n", "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_table(write(tmp_path, text), "userId", "churn")
    assert words in str(caught.value)


def test_columns_that_are_no_features_are_all_named_at_once(tmp_path: Path) -> None:
    n = MOST_KINDS + 1
    path = tmp_path / "users.parquet"
    columns = {
        "userId": [str(i) for i in range(n)],
        "churn": [i % 2 for i in range(n)],
        "day": [date(2018, 10, 1)] * n,
        "kinds": [f"k{i % MOST_KINDS}" for i in range(n)],
        "name": [f"n{i}" for i in range(n)],
    }
    pq.write_table(pa.table(columns), path)
    with pytest.raises(SourceError, match=r"neither numbers nor texts of at most 20 kinds: day, name; leave them out"):
        read_table(path, "userId", "churn")
    assert len(read_table(path, "userId", "churn", drop=("day", "name")).table.names) == MOST_KINDS


@pytest.mark.parametrize("name", ["users.txt", "missing.csv", "missing.parquet", "broken.parquet", "broken.csv.gz"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    if not name.startswith("missing"):
        (tmp_path / name).write_bytes(b"PAR1 and no more")
    with pytest.raises(SourceError, match=name):
        read_table(tmp_path / name, "userId", "churn")
