"""A feature that knows the future cannot be declared, and labels without meaning cannot be learned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ibis import _
from ibis.common.deferred import Deferred

from churn import snapshots
from churn.engines.duckdb import DuckDBEngine
from churn.errors import FeatureError
from churn.features import FAMILIES, Feature, Sums, Window
from churn.learners.families import FAMILIES as MODELS
from churn.readymade import read_table
from churn.tables import Split
from churn.training import evaluate, fit
from churn.tuning import Recipe, tune
from tests.conftest import event
from tests.tiny import day, ms, roll

FUTURE = {
    "the label": _.label,
    "the label, by its key": _["label"] * 1.0,
    "the day of leaving": _.left_day,
    "the date of the cut-off": _.cutoff.epoch_seconds(),
    "whose row it is": _.userId.length(),
    "a sum that nobody asked for": _["songs__next_14d"],
    "hidden in an expression": _.at_ms - _.last_ts + _.left_ts,
}


@pytest.mark.parametrize("expression", FUTURE.values(), ids=FUTURE)
def test_a_planted_feature_of_the_future_is_refused(
    expression: Deferred, engine: DuckDBEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def planted(sums: Sums, windows: Sequence[Window]) -> Iterator[Feature]:
        yield Feature("planted", "planted", "knows what it should not", expression, "planted")

    log = roll(engine, tmp_path, [event("1", ms("10-09 12:00")), event("2", ms("10-12 12:00"))])
    assert len(log.forecast([day("10-10")]))
    monkeypatch.setattr("churn.features.FAMILIES", (*FAMILIES, planted))
    with pytest.raises(FeatureError, match="planted asks for more than the past"):
        log.forecast([day("10-10")])


def test_every_real_feature_is_declared_over_the_past(engine: DuckDBEngine, tmp_path: Path) -> None:
    assert not {"label", "left_day", "left_ts", "userId", "cutoff"} & set(snapshots.PAST)
    log = roll(engine, tmp_path, [event("1", ms("10-09 12:00"))])
    assert len(log.forecast([day("10-10")])) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("name", "tuned"), [*((name, False) for name in MODELS), ("xgboost", True)])
def test_labels_without_meaning_are_not_learned(name: str, tuned: bool, data: Callable[[str], Path]) -> None:
    table = read_table(data("real/user_table_full.csv.gz"), "userId", "churn", folds=5, seed=0).table
    shuffled = replace(table, y=np.random.default_rng(0).permutation(table.y))
    split = Split("table", shuffled, shuffled, "out of fold")
    family, recipe = MODELS[name], Recipe()
    settings = tune(shuffled, family, recipe) if tuned else None
    found = evaluate(split, fit(split, family, recipe, tuned=settings).scores, 0)
    # 5,003 leavers of 22,277 users: one standard deviation of roc_auc by chance is 0.0046.
    assert found.test["roc_auc"] == pytest.approx(0.5, abs=0.015)
    assert found.test["ece"] < 0.02
