"""The shape of simulated logs is that of the real one, and so is the difficulty."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from benchmarks.fit import plain
from benchmarks.fit.figures import BYTES, Figure, figures
from benchmarks.fit.tables import RATES, connect, title
from churn.schema import PAGES
from churn.simulate import SIZES, Simulation, simulate

Sized = tuple[str, duckdb.DuckDBPyConnection]
DAY_ONE = 1_538_265_600_000
KEY = [figure for figure in figures() if figure.key]
SLACK = {"mini": 2.2, "medium": 1.8}
"""How much wider than at full size a tolerance is: 225 users are a small sample."""


@pytest.fixture(scope="module", params=list(SLACK))
def sized(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sized:
    log = tmp_path_factory.mktemp("fit") / "log.parquet"
    simulate(log, Simulation(users=SIZES[request.param], seed=0), form="parquet")
    return request.param, connect(log)


def test_hours_are_compared_with_the_published_ones_in_utc() -> None:
    hours = [figure for figure in figures() if figure.name.endswith("by the mean hour")]
    assert len(hours) == 24
    assert sum(figure.real for figure in hours) == pytest.approx(24)
    busiest = max(hours, key=lambda figure: figure.real)
    assert busiest.name.startswith("events at 16 h")  # published as 17 h, in UTC+1


@pytest.mark.slow
def test_hours_and_bytes_a_line_are_those_of_the_real_log(sized: Sized, tmp_path: Path) -> None:
    size, con = sized
    for figure in figures():
        if figure.name.endswith("by the mean hour"):
            (found,) = con.sql(figure.sql).fetchall()[0]
            assert Figure(**{**vars(figure), "tolerance": figure.tolerance * SLACK[size]}).fits(found), figure.name
    log = tmp_path / "log.json.gz"
    simulate(log, Simulation(users=30, seed=0), form="json.gz")
    [line] = [figure for figure in figures() if figure.name == BYTES]
    (found,) = connect(log).sql(line.sql).fetchall()[0]
    assert line.fits(found)


@pytest.mark.slow
def test_the_important_figures_are_those_of_the_real_log(sized: Sized) -> None:
    size, con = sized
    off = {}
    for figure in KEY:
        (found,) = con.sql(figure.sql).fetchall()[0]
        noise = 2.5 * (figure.real / (SIZES[size] / 10)) ** 0.5 if figure.topic == "churn rate by decile" else 0.0
        wide = Figure(**{**vars(figure), "tolerance": figure.tolerance * SLACK[size] + noise})
        if not wide.fits(float(found)):
            off[figure.name] = (float(found), figure.real)
    assert not off


@pytest.mark.slow
def test_the_difficulty_at_medium_size_is_that_of_the_real_log_of_that_size(tmp_path: Path) -> None:
    """Over three seeds, since one log of 448 users tells a roc_auc to five hundredths at best."""
    found: dict[str, list[float]] = {}
    for seed in range(3):
        simulate(tmp_path / f"{seed}.parquet", Simulation(users=SIZES["medium"], seed=seed), form="parquet")
        for task, score in plain.of_log(connect(tmp_path / f"{seed}.parquet")).items():
            found.setdefault(task, []).append(score)
    mean = {task: sum(scores) / len(scores) for task, scores in found.items()}
    for task, real in plain.REAL[SIZES["medium"]].items():
        assert mean[task] == pytest.approx(real, abs=0.06)
    assert 0.57 < mean["forecast, 10 days"] < 0.77


def test_a_figure_fits_inside_its_tolerance_only() -> None:
    relative = Figure("t", "n", 10.0, "", 0.1)
    absolute = Figure("t", "n", 10.0, "", 0.1, points=True)
    assert relative.fits(11.0) and not relative.fits(11.01) and not relative.fits(float("nan"))
    assert absolute.fits(9.9) and not absolute.fits(9.8)


def test_pages_are_spelt_as_in_the_log() -> None:
    assert {title(name) for name in RATES} <= set(PAGES)


def test_tables_of_a_log_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    rows = [(0, "NextSong", 0), (60_000, "Thumbs Up", 0), (3_600_000, "NextSong", 0), (9_000_000, "Home", 1)]
    same = {"userId": "7", "level": "paid", "auth": "Logged In", "artist": "a", "song": "b", "length": 200.0}
    same["registration"] = DAY_ONE
    events = (
        {**same, "ts": 1_538_352_000_000 + ts, "sessionId": s, "itemInSession": i, "page": page}
        for i, (ts, page, s) in enumerate(rows)
    )
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    (found,) = (
        connect(path)
        .sql("SELECT events, songs, sessions, hours, gap, page_thumbs_up, churned, tenure FROM users")
        .fetchall()
    )
    assert found == (4, 2, 2, 1.0, 90.0, 1, 0, pytest.approx(1 + 9_000_000 / 86_400_000))
