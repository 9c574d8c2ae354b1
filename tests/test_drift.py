"""Drift against hand-made distributions, and what chance does."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from churn.bundling import reference
from churn.drift import LARGE, MODERATE, counted, drifts, drifts_of
from tests.test_training import table

N = 4000


def described(x: np.ndarray) -> bytes:
    return reference(table(x, np.zeros(len(x))))


def sample(seed: int, n: int = N) -> np.ndarray:
    """A smooth feature, one that is mostly 0, a flag, and one that is unknown for a third."""
    generator = np.random.default_rng(seed)
    unknown = np.where(generator.random(n) < 1 / 3, np.nan, generator.normal(0, 1, n))
    columns = [generator.lognormal(0, 1, n), generator.poisson(0.2, n), generator.random(n) < 0.3, unknown]
    return np.column_stack(columns).astype(np.float32)


def names(x: np.ndarray) -> list[str]:
    return [f"f{i}" for i in range(x.shape[1])]


def test_the_same_population_has_not_drifted() -> None:
    for drift in drifts(described(sample(0)), N, names(sample(0)), sample(1)):
        assert drift.psi < 0.02
        assert drift.verdict == "stable"
    itself = drifts(described(sample(0)), N, names(sample(0)), sample(0))
    assert [drift.psi for drift in itself] == pytest.approx([0] * 4, abs=1e-9)


def test_psi_by_hand() -> None:
    then = np.repeat([0.0, 1.0], [500, 500])[:, None].astype(np.float32)
    now = np.repeat([0.0, 1.0], [900, 100])[:, None].astype(np.float32)
    (found,) = drifts(described(then), 1000, ["f0"], now)
    assert found.psi == pytest.approx((0.9 - 0.5) * np.log(0.9 / 0.5) + (0.1 - 0.5) * np.log(0.1 / 0.5))
    assert found.verdict == "large"


def test_the_worst_comes_first_with_its_band() -> None:
    moved = sample(1)
    moved[:, 0] *= 1.6
    moved[:, 1] = 0
    moved[:, 3] = np.nan
    found = drifts(described(sample(0)), N, names(moved), moved)
    assert [drift.psi for drift in found] == sorted((drift.psi for drift in found), reverse=True)
    assert found[0].feature == "f3"
    verdicts = {drift.feature: drift.verdict for drift in found}
    assert verdicts["f3"] == "large" and verdicts["f2"] == "stable"
    for drift in found:
        expected = "stable" if drift.psi < MODERATE else "moderate" if drift.psi < LARGE else "large"
        assert drift.verdict == expected


def test_a_handful_of_users_is_not_called_drift_where_chance_explains_it() -> None:
    alarms = [
        drift.verdict != "stable"
        for seed in range(1, 60)
        for drift in drifts(described(sample(0)), N, names(sample(0)), sample(seed, 40))
    ]
    assert np.mean(alarms) < 0.02
    few = sample(1, 40)
    few[:, 0] *= 50
    assert drifts(described(sample(0)), N, names(few), few)[0].verdict == "large"


def test_values_beyond_all_seen_before_are_drift() -> None:
    then = np.arange(1000, dtype=np.float32)[:, None]
    (found,) = drifts(described(then), 1000, ["f0"], then + 5000)
    assert found.verdict == "large"


def test_a_feature_that_never_varied_and_does_now_has_drifted() -> None:
    then = np.full((1000, 1), 7, dtype=np.float32)
    assert drifts(described(then), 1000, ["f0"], then)[0].psi == pytest.approx(0, abs=1e-9)
    assert drifts(described(then), 1000, ["f0"], then + np.arange(1000)[:, None] % 2)[0].verdict == "large"


def test_a_reference_without_shares_is_still_read() -> None:
    found = pq.read_table(io.BytesIO(described(sample(0)))).drop_columns(["at_most", "unknown"])
    target = io.BytesIO()
    pq.write_table(pa.table(found), target)
    (drift,) = drifts(target.getvalue(), N, ["f0"], sample(1)[:, :1])
    assert drift.verdict == "stable"


def test_counts_of_parts_add_up_to_those_of_the_whole() -> None:
    usual, now = described(sample(0)), sample(1)
    parts = sum(counted(usual, names(now), part) for part in np.array_split(now, 7))
    np.testing.assert_array_equal(parts, counted(usual, names(now), now))
    assert (np.asarray(parts).sum(axis=1) == N).all()
    assert drifts_of(usual, N, names(now), np.asarray(parts)) == drifts(usual, N, names(now), now)
