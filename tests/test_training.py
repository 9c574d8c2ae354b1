"""One task to trained models: who is scored by whom, and what is chosen on which rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx
import pytest

from churn.balancing import BALANCES
from churn.calibration import Calibration
from churn.decision import SLACK, Policy, steady_f1_threshold
from churn.evaluation import measure
from churn.intervals import bootstrap
from churn.learners import Weight
from churn.learners.constant import Constant
from churn.learners.families import FAMILIES, Family
from churn.tables import Split, Table
from churn.training import (
    Fit,
    Scores,
    calibration_of,
    cross_fit,
    evaluate,
    least_recently_active,
    nobody_churns,
    pooled,
    select,
)
from churn.training import fit as fit_by_recipe
from churn.tuning import Recipe, untuned

LOGISTIC = FAMILIES["logistic_regression"]
TREES = Family("xgboost", "XGBoost", FAMILIES["xgboost"].params | {"num_boost_round": 25, "nthread": 1})
FOLDS = 5


def fit(task: Split, family: Family, seed: int, **changes: Any) -> Fit:
    """As `churn.training.fit`, by the usual recipe."""
    return fit_by_recipe(task, family, replace(Recipe(seed), **changes))


def table(x: np.ndarray, y: np.ndarray, users: np.ndarray | None = None, week: int = 0) -> Table:
    """Rows of one cut-off; users are put into folds by their number."""
    whose = np.arange(len(y)) if users is None else users
    return Table(
        names=tuple(f"f{i}" for i in range(x.shape[1])),
        x=x.astype(np.float32),
        y=y.astype(np.int64),
        users=np.array([f"u{number}" for number in whose], dtype=object),
        cutoffs=np.full(len(y), np.datetime64("2018-10-08") + 7 * week),
        folds=(whose % FOLDS).astype(np.int64),
    )


def split(x: np.ndarray, y: np.ndarray, test: int) -> Split:
    """The last `test` rows to test, the others to train."""
    return Split("forecast", table(x[:-test], y[:-test]), table(x[-test:], y[-test:], week=2), "some users")


def noise(n: int, f: int = 4, rate: float = 0.25, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator.normal(0, 1, (n, f)), (generator.random(n) < rate).astype(np.int64)


def informative(n: int = 600, seed: int = 0) -> Split:
    """Features of which the first says something."""
    x, _ = noise(n, seed=seed)
    y = x[:, 0] + np.random.default_rng(seed + 1).normal(0, 1, n) > 1
    return split(x, y.astype(np.int64), n // 3)


@dataclass(frozen=True)
class Memory:
    """A model that knows the labels of the rows it has seen, and of no others: log-odds of 0."""

    known: dict[bytes, int]

    def logit(self, x: np.ndarray) -> np.ndarray:
        return np.array([4.0 * (2 * self.known[row.tobytes()] - 1) if row.tobytes() in self.known else 0 for row in x])

    def weights(self) -> list[Weight]:
        return []

    def to_onnx(self) -> onnx.ModelProto:
        raise NotImplementedError


@dataclass(frozen=True)
class Memorising(Family):
    """The family of `Memory`; remembers what each of its models was given."""

    given: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def learner(self) -> Memorising:
        return self

    def fit(
        self, x: np.ndarray, y: np.ndarray, params: dict[str, Any], seed: int, weight: np.ndarray | None = None
    ) -> Memory:
        self.given.append((x, y))
        return Memory({row.tobytes(): int(label) for row, label in zip(x, y, strict=True)})


def by_user(users: int = 60, rows: int = 4) -> Split:
    """Several rows of each user, all alike: whoever has seen one knows the others."""
    whose = np.repeat(np.arange(users), rows)
    x, y = (values[whose] for values in noise(users, 3, rate=0.4))
    mixed = np.random.default_rng(1).permutation(whose.size)
    return Split("forecast", table(x[mixed], y[mixed], whose[mixed]), table(x[:9], y[:9], week=2), "some users")


@pytest.mark.parametrize("balance", [how for how in BALANCES if how != "smote"])  # smote makes rows up
def test_a_user_is_scored_out_of_fold_by_a_model_that_never_saw_them(balance: str) -> None:
    task, family = by_user(), Memorising("memory", "memory")
    found = fit(task, family, 0, balance=balance)
    # Every out-of-fold score is that of an unknown row, so all get the base rate ...
    np.testing.assert_allclose(found.scores.out_of_fold, task.train.y.mean(), rtol=1e-6)
    # ... though the models know their own rows by heart, as many as they were given.
    if balance != "undersample":
        np.testing.assert_array_equal(found.model.logit(task.train.x), np.where(task.train.y == 1, 4, -4))


def test_rows_that_smote_makes_up_lie_between_training_rows_alone() -> None:
    task, family = by_user(), Memorising("memory", "memory")
    fit(task, family, 0, balance="smote")
    train = task.train
    fold_of = {row.tobytes(): int(fold) for row, fold in zip(train.x, train.folds, strict=True)}
    seen = []
    for x, _ in family.given:
        folds = [fold_of.get(row.tobytes()) for row in x]
        assert None in folds  # made up
        seen.append(len(set(folds) - {None}))
    assert sorted(seen) == [FOLDS - 1] * FOLDS + [FOLDS]  # the last model sees all


def test_each_fold_is_left_out_once_and_the_last_model_sees_everything() -> None:
    task, family = by_user(), Memorising("memory", "memory")
    fit(task, family, 0)
    train = task.train
    due = [train.rows(train.folds != fold) for fold in range(FOLDS)] + [train]
    given = sorted(family.given, key=lambda pair: pair[0].tobytes())  # they are trained side by side
    for (x, y), rows in zip(given, sorted(due, key=lambda rows: rows.x.tobytes()), strict=True):
        np.testing.assert_array_equal(x, rows.x)
        np.testing.assert_array_equal(y, rows.y)


def test_trees_that_know_their_users_by_heart_gain_nothing_out_of_fold() -> None:
    task = by_user(users=200)
    deep = Family(
        "xgboost",
        "deep",
        TREES.params | {"max_depth": 8, "min_child_weight": 0.1, "reg_lambda": 0.1, "colsample_bytree": 1.0},
    )
    found = fit(task, deep, 0)
    assert measure(task.train.y, found.scores.train, 0.5)["roc_auc"] > 0.99
    churners = int(task.train.y.sum()) / 4
    others = 200 - churners
    deviation = np.sqrt((churners + others + 1) / (12 * churners * others))
    assert abs(measure(task.train.y, found.scores.out_of_fold, 0.5)["roc_auc"] - 0.5) < 4 * deviation


@pytest.mark.parametrize("family", [LOGISTIC, TREES], ids=lambda family: family.name)
def test_nothing_is_learned_from_labels_that_say_nothing(family: Family) -> None:
    task = split(*noise(3000), 1000)
    found = fit(task, family, 0)
    for y, p in ((task.test.y, found.scores.test), (task.train.y, found.scores.out_of_fold)):
        churners = int(y.sum())
        # The deviation of the Mann-Whitney statistic where both kinds are alike.
        deviation = np.sqrt((y.size + 1) / (12 * churners * (y.size - churners)))
        assert abs(measure(y, p, 0.5)["roc_auc"] - 0.5) < 4 * deviation


@pytest.mark.parametrize("family", [LOGISTIC, TREES], ids=lambda family: family.name)
def test_a_feature_that_gives_it_away_is_found(family: Family) -> None:
    x, y = noise(600)
    x[:, 2] = 10 * y
    task = split(x, y, 200)
    found = fit(task, family, 0)
    for labels, p in ((task.test.y, found.scores.test), (task.train.y, found.scores.out_of_fold)):
        metrics = measure(labels, p, found.scores.threshold)
        assert metrics["roc_auc"] == metrics["average_precision"] == metrics["f1_churn"] == 1
    weights = [w.importance for w in found.model.weights()]
    assert weights.index(max(weights)) == 2


@pytest.mark.parametrize("family", [LOGISTIC, TREES], ids=lambda family: family.name)
def test_nothing_is_chosen_on_the_test(family: Family) -> None:
    task = informative()
    other = replace(task, test=table(-5 * task.test.x, 1 - task.test.y, week=2))
    first, second = fit(task, family, 0), fit(other, family, 0)
    assert first.calibration == second.calibration
    assert first.scores.threshold == second.scores.threshold
    np.testing.assert_array_equal(first.scores.out_of_fold, second.scores.out_of_fold)
    np.testing.assert_array_equal(first.scores.train, second.scores.train)
    assert not np.array_equal(first.scores.test, second.scores.test)


def test_the_threshold_is_the_best_on_out_of_fold_scores() -> None:
    task = informative()
    found = fit(task, TREES, 0)
    assert found.scores.threshold == steady_f1_threshold(task.train.y, found.scores.out_of_fold)
    assert found.scores.threshold != steady_f1_threshold(task.train.y, found.scores.train)
    best = measure(task.train.y, found.scores.out_of_fold, found.scores.threshold)["f1_churn"]
    others = [measure(task.train.y, found.scores.out_of_fold, t)["f1_churn"] for t in np.linspace(0.01, 0.99, 99)]
    assert best >= (1 - SLACK) * max(others)


def test_a_capacity_holds_for_all_users_though_each_fold_takes_its_threshold_from_the_others() -> None:
    x, _ = noise(2000)
    rows = table(x, (x[:, 0] + np.random.default_rng(1).normal(0, 1, 2000) > 1).astype(np.int64))
    _, flagged = pooled(rows, x[:, 0].astype(np.float64), 0.0, Policy(capacity=400))
    assert flagged.sum() == pytest.approx(400, abs=12)  # 500 if each fold took 400 of the others for its own


def test_a_capacity_holds_at_every_training_date_and_about_so_at_the_test() -> None:
    x, _ = noise(3000)
    y = (x[:, 0] + np.random.default_rng(1).normal(0, 1, 3000) > 1).astype(np.int64)
    whose = np.tile(np.arange(1000), 2)
    train = table(x[:2000], y[:2000], whose)
    train = replace(train, cutoffs=np.where(np.arange(2000) < 1000, train.cutoffs, train.cutoffs + 7))
    task = Split("forecast", train, table(x[2000:], y[2000:], week=3), "some users")
    found = fit(task, LOGISTIC, 0, policy=Policy(capacity=100)).scores
    flagged = [int((found.out_of_fold[train.cutoffs == day] >= found.threshold).sum()) for day in set(train.cutoffs)]
    assert max(flagged) == 100
    assert (found.test >= found.threshold).sum() == pytest.approx(100, abs=25)  # users like those, not the same


@pytest.mark.parametrize("name", FAMILIES)
def test_calibration_is_fitted_out_of_fold_and_applied_everywhere(name: str) -> None:
    task = informative()
    found = fit(task, FAMILIES[name], 0)
    assert found.scores.out_of_fold.mean() == pytest.approx(task.train.y.mean(), abs=1e-6)
    assert found.calibration != Calibration()
    np.testing.assert_array_equal(found.scores.test, found.calibration.apply(found.model.logit(task.test.x)))
    np.testing.assert_array_equal(found.scores.train, found.calibration.apply(found.model.logit(task.train.x)))


def two_dates() -> tuple[Table, Table]:
    """Rows of which 40 % leave, and, a week later, rows of which 20 % do."""
    x, _ = noise(8000)
    leaves = np.random.default_rng(1).random(8000) + np.where(x[:, 0] > 0, -0.05, 0.05)
    old = table(x[:4000], (leaves[:4000] < 0.4).astype(np.int64))
    return old, table(x[4000:], (leaves[4000:] < 0.2).astype(np.int64), np.arange(4000, 8000), week=1)


def both(old: Table, new: Table) -> Table:
    columns = ("x", "y", "users", "cutoffs", "folds")
    return Table(old.names, *(np.concatenate([getattr(old, name), getattr(new, name)]) for name in columns))


def test_probabilities_have_the_level_of_the_newest_training_date_and_the_slope_of_all() -> None:
    old, new = two_dates()
    train = both(old, new)
    found = fit(Split("forecast", train, new, "the new ones"), LOGISTIC, 0)
    assert abs(train.y.mean() - new.y.mean()) > 0.08
    newest = train.cutoffs == new.cutoffs[0]
    assert found.scores.out_of_fold[newest].mean() == pytest.approx(new.y.mean(), abs=0.008)
    logit = cross_fit(train, LOGISTIC, found.tuned.params, Recipe(0))
    assert found.calibration.slope == Calibration.fit(logit, train.y.astype(np.float64), prior=LOGISTIC.prior).slope
    np.testing.assert_array_equal(found.scores.out_of_fold, found.calibration.apply(logit))


def test_where_all_rows_are_tested_the_level_is_that_of_all() -> None:
    train = both(*two_dates())
    found = fit(Split("study", train, train, "all of them"), LOGISTIC, 0)
    assert found.scores.test.mean() == pytest.approx(train.y.mean(), abs=0.008)


def test_rows_of_one_date_or_of_none_have_their_own_level() -> None:
    _, new = two_dates()
    for rows in (new, replace(new, cutoffs=np.full(len(new), np.datetime64("NaT", "D")))):
        found = calibration_of(rows, new.x[:, 0].astype(np.float64), 1.0)
        assert found == Calibration.fit(new.x[:, 0].astype(np.float64), new.y.astype(np.float64), prior=1.0)


def test_the_rule_of_least_recently_active_has_the_level_of_the_newest_date_too() -> None:
    old, new = two_dates()
    found = least_recently_active(
        Split("forecast", both(old, new), new, "the new ones"), lambda rows: np.exp(-rows.x[:, 0].astype(np.float64))
    )
    assert found.test.mean() == pytest.approx(new.y.mean(), abs=0.008)


def test_the_seed_decides() -> None:
    task = informative()
    first, again, other = (fit(task, TREES, seed).scores for seed in (0, 0, 1))
    for name in ("out_of_fold", "train", "test", "threshold"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.test, other.test)


@pytest.mark.parametrize("family", [LOGISTIC, TREES], ids=lambda family: family.name)
@pytest.mark.parametrize("label", [0, 1])
def test_rows_of_one_class_give_everybody_the_same(family: Family, label: int) -> None:
    x, _ = noise(60)
    task = split(x, np.full(60, label), 20)
    found = fit(task, family, 0)
    assert isinstance(found.model, Constant)
    for p in (found.scores.out_of_fold, found.scores.train, found.scores.test):
        np.testing.assert_allclose(p, label, atol=1e-5)


def test_all_leavers_in_one_fold_do_not_stop_training() -> None:
    x, _ = noise(100)
    y = (np.arange(100) % FOLDS == 2).astype(np.int64)  # without fold 2, nobody leaves
    task = Split("forecast", table(x, y), table(x[:30], y[:30], week=2), "some users")
    for family in (LOGISTIC, TREES):
        found = fit(task, family, 0)
        assert np.all(np.isfinite(found.scores.out_of_fold))
        assert not isinstance(found.model, Constant)
        assert 0 <= found.scores.threshold <= 1


def test_users_that_are_all_in_one_fold_do_not_stop_training() -> None:
    x, y = noise(60)
    whose = np.arange(60) * FOLDS
    found = fit(Split("forecast", table(x, y, whose), table(x[:9], y[:9]), "some users"), LOGISTIC, 0)
    np.testing.assert_allclose(found.scores.out_of_fold, y.mean(), rtol=1e-6)


def with_scores(name: str, out_of_fold: list[float], train: list[float], test: list[float]) -> Fit:
    scores = Scores(np.array(out_of_fold), np.array(train), np.array(test), 0.5)
    family = Family(name, name)
    return Fit(family, Constant(0.5, 1), ("f0",), Calibration(), scores, 1.0, untuned(family))


def test_the_best_out_of_fold_average_precision_is_selected_and_nothing_else_counts() -> None:
    y = np.array([1, 1, 0, 0])
    task = Split("forecast", table(np.zeros((4, 1)), y), table(np.zeros((4, 1)), y, week=2), "some users")
    right, half, wrong = [0.9, 0.8, 0.2, 0.1], [0.9, 0.2, 0.8, 0.1], [0.1, 0.2, 0.8, 0.9]
    tempting, honest = with_scores("a", half, right, right), with_scores("b", right, wrong, wrong)
    assert select([tempting, honest], task) is honest
    assert select([honest, tempting], task) is honest


def test_the_first_of_equals_is_selected_also_where_nobody_left() -> None:
    rows = np.zeros((2, 1))
    for y in (np.array([0, 1]), np.array([0, 0])):
        task = Split("forecast", table(rows, y), table(rows, y, week=2), "some users")
        fits = [with_scores(name, [0.1, 0.2], [0.1, 0.2], [0.1, 0.2]) for name in "ab"]
        assert select(fits, task) is fits[0]


def test_metrics_are_those_of_their_rows_and_intervals_those_of_the_users() -> None:
    task = informative(300)
    task = replace(task, test=replace(task.test, users=np.repeat(task.test.users[::2], 2)))
    scores = fit(task, LOGISTIC, 0).scores
    found = evaluate(task, scores, seed=3)
    assert found.test == measure(task.test.y, scores.test, scores.threshold)
    assert found.train == measure(task.train.y, scores.train, scores.threshold)
    assert found.intervals == bootstrap(task.test.y, scores.test, task.test.users, scores.threshold, seed=3)
    assert found.intervals != evaluate(task, scores, seed=4).intervals


def test_nobody_churns_gives_the_base_rate_of_the_training_rows_and_flags_nobody() -> None:
    x, y = noise(300)
    task = split(x, y, 100)
    found = nobody_churns(task)
    rate = task.train.y.mean()
    for p, rows in ((found.train, task.train), (found.out_of_fold, task.train), (found.test, task.test)):
        np.testing.assert_array_equal(p, np.full(len(rows), rate))
    metrics = evaluate(task, found, 0).test
    assert (metrics["tp"], metrics["fp"], metrics["roc_auc"], metrics["f1_churn"]) == (0, 0, 0.5, 0)


@pytest.mark.parametrize("sign", [1, -1], ids=["leavers are idle", "leavers are busy"])
def test_least_recently_active_ranks_by_idle_hours_whatever_they_say(sign: int) -> None:
    x, _ = noise(600)
    hours = 300 * np.exp(0.5 * x[:, 0])
    y = (sign * x[:, 0] + np.random.default_rng(1).normal(0, 1, 600) > 1).astype(np.int64)
    task = split(np.column_stack([hours, x]), y, 200)
    found = least_recently_active(task, lambda rows: rows.x[:, 0].astype(np.float64))
    for p, rows in ((found.train, task.train), (found.test, task.test)):
        np.testing.assert_array_equal(np.argsort(p, kind="stable"), np.argsort(rows.x[:, 0], kind="stable"))
    assert found.train.mean() == pytest.approx(task.train.y.mean(), abs=1e-6)
    assert found.threshold == steady_f1_threshold(task.train.y, found.train)
    auc = measure(task.test.y, found.test, 0.5)["roc_auc"]
    assert auc > 0.7 if sign > 0 else auc < 0.3
