"""Bundles of every format there ever was are still read, and still score as they did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from churn.bundle import FORMAT, load
from churn.drift import drifts
from churn.scoring import Scorer

OLD = Path(__file__).parent / "old"
ROWS = np.array([[0, 0], [31, 1], [400, 1]], dtype=np.float32)


def test_there_is_a_bundle_of_every_format() -> None:
    assert sorted(path.name for path in OLD.iterdir()) == [str(number + 1) for number in range(FORMAT)]


@pytest.mark.parametrize("number", range(1, FORMAT + 1))
def test_an_old_bundle_is_read_and_scores_as_it_did(number: int) -> None:
    bundle = load(OLD / str(number))
    assert bundle.manifest.format == number
    names = [entry.name for entry in bundle.manifest.features]
    assert names == ["songs_7d", "paid_now"]
    # By hand: sigmoid(1.1 · (-1.5 - 0.7 · (ln(1 + songs) - 2) + 0.3 · 2 · (ln(1 + paid) - 0.5)) - 0.2)
    logs = np.log1p(ROWS.astype(np.float64))
    logit = -1.5 - 0.7 * (logs[:, 0] - 2) + 0.6 * (logs[:, 1] - 0.5)
    np.testing.assert_allclose(Scorer(bundle).probabilities(ROWS), 1 / (1 + np.exp(-(1.1 * logit - 0.2))), atol=1e-12)
    assert {drift.feature for drift in drifts(bundle.reference, 300, names, ROWS)} == set(names)
