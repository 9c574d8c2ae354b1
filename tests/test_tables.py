"""Snapshots in memory: the order of their rows, and who may learn from which of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn.tables import UNKNOWN, Table, split_forecast, split_history

Line = tuple[str, date, int | None, int, float | None, float | None]
"""User, cut-off, label, fold, and two features."""

DAY = date(2018, 10, 15)


def snapshot(lines: Sequence[Line]) -> pa.Table:
    """A snapshot as an engine gives it."""
    users, cutoffs, labels, folds, songs, idle = zip(*lines, strict=True) if lines else ([],) * 6
    return pa.table(
        {
            "task": pa.array(["forecast"] * len(lines), pa.string()),
            "userId": pa.array(users, pa.string()),
            "cutoff": pa.array(cutoffs, pa.date32()),
            "label": pa.array(labels, pa.int8()),
            "fold": pa.array(folds, pa.int8()),
            "songs": pa.array(songs, pa.float32()),
            "idle": pa.array(idle, pa.float32()),
        }
    )


LINES: Sequence[Line] = (
    ("9", DAY, 0, 3, 1.5, 9.0),
    ("10", DAY, 1, 4, 2.5, 10.0),
    ("9", DAY + timedelta(7), 1, 3, 3.5, 9.1),
    ("10", DAY + timedelta(7), 1, 4, None, 10.1),
    ("a", DAY + timedelta(14), None, 0, 5.5, None),
)

lines_of_any_kind = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "10", "ä", ""]),
        st.integers(0, 4).map(lambda weeks: DAY + timedelta(7 * weeks)),
        st.sampled_from([0, 1, None]),
        st.integers(0, 4),
        st.floats(width=32, allow_nan=False),
        st.none(),
    ),
    max_size=30,
)


def test_rows_are_ordered_by_cutoff_then_by_user_as_text() -> None:
    table = Table.of(snapshot(LINES))
    assert table.users.tolist() == ["10", "9", "10", "9", "a"]
    assert table.cutoffs.astype(str).tolist() == ["2018-10-15"] * 2 + ["2018-10-22"] * 2 + ["2018-10-29"]


def test_the_order_in_which_an_engine_gives_rows_does_not_matter() -> None:
    expected = Table.of(snapshot(LINES))
    for seed in range(5):
        shuffled = np.random.default_rng(seed).permutation(len(LINES))
        found = Table.of(snapshot([LINES[i] for i in shuffled]))
        np.testing.assert_array_equal(found.users, expected.users)
        np.testing.assert_array_equal(found.cutoffs, expected.cutoffs)
        np.testing.assert_array_equal(found.x, expected.x)
        np.testing.assert_array_equal(found.y, expected.y)
        np.testing.assert_array_equal(found.folds, expected.folds)


def test_every_column_of_a_row_stays_with_its_row() -> None:
    table = Table.of(snapshot(LINES))
    assert table.y.tolist() == [1, 0, 1, 1, UNKNOWN]
    assert table.folds.tolist() == [4, 3, 4, 3, 0]
    np.testing.assert_array_equal(table.x[:, 0], np.array([2.5, 1.5, np.nan, 3.5, 5.5], dtype=np.float32))
    np.testing.assert_array_equal(table.x[:, 1], np.array([10, 9, 10.1, 9.1, np.nan], dtype=np.float32))


def test_a_snapshot_in_several_chunks_is_one_table() -> None:
    whole = snapshot(LINES)
    found = Table.of(pa.concat_tables([whole[:2], whole[2:2], whole[2:]]))
    np.testing.assert_array_equal(found.x, Table.of(whole).x)


def test_features_are_all_columns_but_the_keys_as_32_bit_numbers() -> None:
    table = Table.of(snapshot(LINES))
    assert table.names == ("songs", "idle")
    assert (table.x.dtype, table.x.shape) == (np.float32, (5, 2))
    assert table.y.dtype == table.folds.dtype == np.int64


def test_an_empty_snapshot_is_a_table_without_rows() -> None:
    table = Table.of(snapshot(()))
    assert len(table) == 0
    assert table.names == ("songs", "idle")
    assert table.describe() == {"rows": 0, "users": 0, "leavers": 0, "base_rate": 0.0, "cutoffs": []}


def test_leavers_are_users_not_rows_and_the_unknown_are_none() -> None:
    table = Table.of(snapshot(LINES))
    assert int((table.y == 1).sum()) == 3
    assert table.leavers == 2
    assert table.describe() == {
        "rows": 5,
        "users": 3,
        "leavers": 2,
        "base_rate": 0.6,
        "cutoffs": ["2018-10-15", "2018-10-22", "2018-10-29"],
    }


def test_some_of_the_features_come_in_the_order_asked_for() -> None:
    table = Table.of(snapshot(LINES))
    turned = table.features(["idle", "songs"])
    assert turned.names == ("idle", "songs")
    np.testing.assert_array_equal(turned.x, table.x[:, ::-1])
    assert turned.x.flags.c_contiguous
    with pytest.raises(ValueError, match="tuple"):
        table.features(["nonsense"])


def test_some_of_the_rows_are_some_of_every_column() -> None:
    table = Table.of(snapshot(LINES))
    found = table.rows(table.users == "9")
    assert (len(found), found.y.tolist(), found.folds.tolist()) == (2, [0, 1], [3, 3])
    assert found.x[:, 0].tolist() == [1.5, 3.5]
    assert found.cutoffs.astype(str).tolist() == ["2018-10-15", "2018-10-22"]


@given(lines_of_any_kind, st.integers(0, 4))
def test_a_forecast_is_divided_by_time_and_only_where_the_answer_is_known(lines: list[Line], week: int) -> None:
    at = np.datetime64(DAY + timedelta(7 * week))
    table = Table.of(snapshot(lines))
    split = split_forecast(table, at)
    assert np.all(split.train.cutoffs < at)
    assert np.all(split.test.cutoffs == at)
    assert not np.any(split.train.y == UNKNOWN)
    assert not np.any(split.test.y == UNKNOWN)
    known = [line for line in lines if line[2] is not None]
    assert len(split.train) == sum(np.datetime64(line[1]) < at for line in known)
    assert len(split.test) == sum(np.datetime64(line[1]) == at for line in known)


def test_rows_after_the_test_are_in_neither_part() -> None:
    split = split_forecast(Table.of(snapshot(LINES)), np.datetime64(DAY))
    assert len(split.train) == 0
    assert split.test.users.tolist() == ["10", "9"]
    assert "2018-10-15" in split.test_words


def test_a_history_holds_out_the_users_of_one_fold() -> None:
    lines: list[Line] = [(str(i), DAY, i % 2, i % 5, 0.0, 0.0) for i in range(20)]
    split = split_history(Table.of(snapshot(lines)), "history_no_clock")
    assert split.task == "history_no_clock"
    assert set(split.test.folds) == {0}
    assert set(split.train.folds) == {1, 2, 3, 4}
    assert not set(split.test.users) & set(split.train.users)
    assert len(split.test) + len(split.train) == 20
