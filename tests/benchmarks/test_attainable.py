"""The comparison with plain counts and with the truth, on a small simulated run."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.attainable import COUNTS, compare, line, true_probabilities, window_counts
from churn.evaluation import measure
from churn.pipeline import run
from churn.problem import Problem
from churn.settings import Settings
from churn.simulate import Simulation, simulate
from churn.tables import Split, Table, split_forecast

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run, and the truth of its log."""
    folder = tmp_path_factory.mktemp("attainable")
    simulate(folder / "log.json", Simulation(users=300, seed=2), truth_file=folder / "truth.parquet")
    run(Settings((str(folder / "log.json"),), folder / "run", families=("logistic_regression",)))
    return folder / "run", folder / "truth.parquet"


@pytest.fixture(scope="module")
def split(made: tuple[Path, Path]) -> Split:
    table = Table.of(pq.read_table(made[0] / "snapshots" / "forecast"))
    return split_forecast(table, np.unique(table.cutoffs[table.y >= 0])[-1])


def test_counts_are_those_of_the_events_before_the_cutoff(made: tuple[Path, Path], split: Split) -> None:
    plain = window_counts(made[0], split)
    assert plain.test.names == tuple(f"{name}_{days}" for days in ("all", *Problem().windows) for name in COUNTS)
    for rows, own in ((plain.train, split.train), (plain.test, split.test)):
        assert rows.users.tolist() == own.users.tolist() and (rows.y == own.y).all()
    cutoff = split.test.cutoffs[0]
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW events AS SELECT * FROM read_parquet('{made[0]}/events/**/*.parquet')")
        for name, page, days in (("thumbs_down", "Thumbs Down", 30), ("thumbs_down", "Thumbs Down", None)):
            since = f"AND ts >= epoch_ms(TIMESTAMP '{cutoff}') - {days}::BIGINT * 86400000" if days else ""
            counted = dict(connection.execute(
                f"SELECT userId, count(*) FROM events WHERE page = '{page}' AND ts < epoch_ms(TIMESTAMP '{cutoff}') "
                f"{since} GROUP BY userId"
            ).fetchall())  # fmt: skip
            column = plain.test.x[:, plain.test.names.index(f"{name}_{days or 'all'}")]
            assert column.tolist() == [counted.get(user, 0) for user in plain.test.users.tolist()]
            assert column.any()


def test_the_truth_is_that_of_each_user_at_the_cutoff(made: tuple[Path, Path], split: Split) -> None:
    p = true_probabilities(made[1], split.test)
    assert p.shape == (len(split.test),) and (p > 0).all() and (p < 1).all()
    assert p.sum() == pytest.approx(split.test.y.sum(), abs=4 * np.sqrt((p * (1 - p)).sum()))
    backwards = true_probabilities(made[1], split.test.rows(np.arange(len(split.test))[::-1]))
    assert (backwards[::-1] == p).all()


def test_who_is_compared_with_whom(made: tuple[Path, Path], split: Split) -> None:
    found = compare(*made)
    assert found.selected == "logistic_regression" and set(found.found) == {"program", "counts", "truth"}
    p = true_probabilities(made[1], split.test)
    assert found.found["truth"]["roc_auc"] == measure(split.test.y, p, 0.5)["roc_auc"]
    gain, low, high = found.gain
    assert gain == pytest.approx(found.found["program"]["roc_auc"] - found.found["counts"]["roc_auc"])
    assert low < gain < high
    whole = (found.found["program"]["roc_auc"] - 0.5) / (found.found["truth"]["roc_auc"] - 0.5)
    assert found.share("roc_auc") == pytest.approx(whole)
    cells = line(2, found).strip("| ").split(" | ")
    assert len(cells) == 12 and cells[:2] == ["2", "logistic_regression"]
    assert cells[5] == f"{found.found['truth']['roc_auc']:.4f}"
