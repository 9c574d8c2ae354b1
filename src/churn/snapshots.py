"""Rollups and a problem to snapshots: one row a (user, cut-off), features from before it, label from after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir
from ibis import _
from ibis.common.exceptions import IbisError

from churn.errors import FeatureError
from churn.features import Feature, Sums, Window, feature_list
from churn.problem import Problem
from churn.rollups import ATTRIBUTES, with_attributes

KEYS: Final = ("task", "userId", "cutoff", "label", "fold")
"""Columns of a snapshot that are no features."""

FOLDS: Final = 5

PAST: Final = (
    "at_ms",
    "first_ts",
    "first_day_ms",
    "last_ts",
    "switched_ts",
    "longest_gap_ms",
    "region",
    *ATTRIBUTES,
)
"""Columns that features may use besides sums: the cut-off, first and last event, last change of level (ms);
the longest gap (ms); and the attributes at the last event before the cut-off."""


def forecast(
    user_days: ir.Table, leavers: ir.Table, problem: Problem, cutoffs: Sequence[date], as_of: date, seed: int
) -> ir.Table:
    """Snapshots of the task `forecast`: every user eligible at each cut-off.

    Args:
        user_days: see `churn.rollups.user_days`.
        leavers: see `churn.rollups.leavers`.
        problem: what is asked.
        cutoffs: UTC midnights.
        as_of: the log is complete until here: labels that look further are null.
        seed: of the folds.

    Returns:
        `KEYS`, then one float32 column a feature; ordered by cut-off and user.
    """
    first = user_days.group_by("userId").aggregate(first_day=_.day.min())
    dates = ibis.literal(list(cutoffs), type="array<date>").unnest().name("cutoff").as_table()
    left = leavers.select("userId", "left_day")
    at = first.cross_join(dates).left_join(left, "userId").drop("userId_right")
    at = at.filter((at.first_day < at.cutoff) & (at.left_day.isnull() | (at.left_day >= at.cutoff)))
    starts = at.cutoff + ibis.interval(days=problem.gap)
    ends = at.cutoff + ibis.interval(days=problem.reach.days)
    leaves = (at.left_day >= starts.cast("date")) & (at.left_day < ends.cast("date"))
    ripe = ends.cast("date") <= ibis.date(as_of)
    points = at.select(
        "userId", "cutoff", at=at.cutoff, label=ibis.ifelse(ripe, ibis.ifelse(leaves.fill_null(False), 1, 0), None)
    )
    return _snapshot("forecast", user_days, points, problem, seed)


def history(user_days: ir.Table, leavers: ir.Table, problem: Problem, as_of: date, seed: int) -> ir.Table:
    """Snapshots of the task `history`: one row a user, judged at the end of the last day seen.

    This is how most published scores on this log were made. It is no forecast: the end of what is observed
    of a leaver is the leaving itself. Where a churn page is not the end of a user (a downgrade), the days from
    it on are left out, since what follows tells the label; a user without days before it has no row.
    """
    last = user_days.group_by("userId").aggregate(last_day=_.day.max(), last_ts=_.last_ts.max())
    joined = last.left_join(leavers, "userId").drop("userId_right")
    end = (joined.last_day + ibis.interval(days=1)).cast("date")
    went_on = (joined.last_ts > joined.left_ts).fill_null(False)
    points = joined.select(
        "userId",
        cutoff=ibis.date(as_of),
        at=ibis.ifelse(went_on, joined.left_day, end),
        label=joined.left_ts.notnull().cast("int8"),
    )
    return _snapshot("history", user_days, points, problem, seed)


def _snapshot(task: str, user_days: ir.Table, points: ir.Table, problem: Problem, seed: int) -> ir.Table:
    features, sums = feature_list(problem)
    past = with_attributes(_past(user_days, points, sums), user_days)
    row = past.mutate(region=_region(past.location))
    check_declared(features, row.select(*PAST, *sums.asked))
    return row.select(
        task=ibis.literal(task),
        userId=row.userId,
        cutoff=row.cutoff,
        label=row.label.cast("int8"),
        fold=fold_of(row.userId, seed).cast("int8"),
        **{feature.name: feature.expression.cast("float32") for feature in features},
    ).order_by("cutoff", "userId")


def check_declared(features: Sequence[Feature], known: ir.Table) -> None:
    """Refuse features that look at anything but what is known before a cut-off: `PAST` and sums over windows.

    Labels and keys are columns of the same table by the time features are computed, so this is not left to chance.

    Raises:
        FeatureError: for the first feature that does.
    """
    for feature in features:
        try:
            feature.expression.resolve(known)
        except (AttributeError, IbisError) as error:
            raise FeatureError(
                f"the feature {feature.name} asks for more than the past of a cut-off: {error}",
                "declare it over sums of churn.rollups.user_days and the columns in churn.snapshots.PAST",
            ) from error


def _past(user_days: ir.Table, points: ir.Table, sums: Sums) -> ir.Table:
    """The past of each point: the sums asked for, and `PAST` but for attributes; from days before `at` only.

    In two steps, since every sum over every window at once would look at every day hundreds of times: first by
    band of age, between one edge of a window and the next, then over the bands of each window.
    """
    days = user_days.mutate(
        active_days=ibis.literal(1), weekend_songs=ibis.ifelse(user_days.day.day_of_week.index() >= 5, _.songs, 0)
    )
    joined = points.inner_join(days, "userId")
    joined = joined.filter(joined.day < joined["at"])
    edges = sorted({edge for __, window in sums.asked.values() for edge in window.edges})
    age = joined["at"].delta(joined.day, unit="day")
    # The oldest age of a band stands for it: all its days lie in the same windows.
    band = ibis.cases(*[(age <= edge, edge) for edge in edges], else_=edges[-1] + 1)
    keys = ("userId", "cutoff", "at", "label")
    bands = joined.mutate(band=band).group_by(*keys, "band").aggregate(
        first_ts=_.first_ts.min(),
        first_day=_.day.min(),
        last_day=_.day.max(),
        last_ts=_.last_ts.max(),
        switched_ts=_.switched_ts.max(),
        longest_gap_ms=_.longest_gap_ms.max(),
        **{name: _[name].sum().cast("int64") for name in sorted({column for column, __ in sums.asked.values()})},
    )  # fmt: skip
    past = bands.group_by(*keys).aggregate(
        first_ts=_.first_ts.min(),
        first_day=_.first_day.min(),
        last_day=_.last_day.max(),
        last_ts=_.last_ts.max(),
        switched_ts=_.switched_ts.max(),
        longest_gap_ms=_.longest_gap_ms.max(),
        **{name: _sum(bands, column, window) for name, (column, window) in sums.asked.items()},
    )
    return past.mutate(at_ms=_midnight_ms(past["at"]), first_day_ms=_midnight_ms(past.first_day))


def _sum(bands: ir.Table, column: str, window: Window) -> ir.Value:
    where = None if window.days is None else window.holds(bands.band)
    return bands[column].sum(where=where).cast("int64").fill_null(0)


def _midnight_ms(day: ir.Value) -> ir.Value:
    return day.delta(ibis.date(date(1970, 1, 1)), unit="day") * 86_400_000


def fold_of(user_id: ir.Value, seed: int) -> ir.Value:
    """The fold of a user, 0 to `FOLDS` - 1: from an MD5 of seed and id, so the same on every engine."""
    digest = (ibis.literal(f"{seed}:") + user_id).hexdigest("md5")
    digits = [ibis.literal("0123456789abcdef").find(digest.substr(i, 1)) for i in range(4)]
    return (((digits[0] * 16 + digits[1]) * 16 + digits[2]) * 16 + digits[3]) % FOLDS


def attributes_at(user_days: ir.Table, cutoff: date) -> ir.Table:
    """Per user with an event before the cut-off: `level`, `region`, `last_ts` (ms), for lists that people read."""
    before = user_days.filter(user_days.day < ibis.date(cutoff))
    last = with_attributes(before.group_by("userId").aggregate(last_ts=_.last_ts.max(), last_day=_.day.max()), before)
    return last.select("userId", "level", "last_ts", region=_region(last.location)).order_by("userId")


def activity_before(user_days: ir.Table, cutoff: date, columns: Sequence[str]) -> ir.Table:
    """Counts of every user on every day before the cut-off: `userId`, `day` (ISO 8601), the columns, ordered."""
    before = user_days.filter(user_days.day < ibis.date(cutoff)).mutate(day=_.day.cast("string"))
    return before.select("userId", "day", *columns).order_by("userId", "day")


def _region(location: ir.Value) -> ir.Value:
    """The states of a metro area: `MA-NH` of `Boston-Cambridge-Newton, MA-NH`; empty if there is none."""
    return location.re_extract(r",\s*([A-Z][A-Z-]*)$", 1).fill_null("")
