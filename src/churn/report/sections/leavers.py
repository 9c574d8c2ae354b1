"""Who leaves: survival, segments, tenths of users by what they do."""

from __future__ import annotations

from churn.report.blocks import (
    Axis,
    Block,
    Missing,
    Plot,
    Section,
    Series,
    Table,
    Tiles,
    Words,
    apart,
    count,
    percent,
    shown,
    sized,
    span,
)  # fmt: skip
from churn.report.inputs import Cells, Inputs, number
from churn.report.sections.data import NO_STATISTICS

_NAMED = 3
_SEEN_LATE = "tenure at the last event (days)"


def section(inputs: Inputs) -> Section:
    """The section `leavers`."""
    title = "Who leaves"
    if not inputs.facts:
        return Section("leavers", title, [Missing(NO_STATISTICS)])
    facts = inputs.facts
    if not facts["leavers"]:
        pages = ", ".join(shown(page) for page in facts["churn_pages"])
        return Section("leavers", title, [Missing(f"Nobody left: no user reached {pages}.")])
    rate = percent(facts["churn_rate"])
    blocks: list[Block] = [
        Tiles([
            ("users", count(facts["users"])),
            ("of whom left", count(facts["leavers"])),
            ("churn rate", rate),
            ("95 % interval", span(facts["churn_rate_low"], facts["churn_rate_high"])),
        ]),
        *survival(inputs),
        *segments(inputs),
        *deciles(inputs),
    ]  # fmt: skip
    return Section("leavers", title, blocks)


def survival(inputs: Inputs) -> list[Block]:
    """How many are still there after so many days."""
    series, ends = [], []
    for colour, (origin, words) in enumerate((("first event in the log", "since the first event in the log"),
                                              ("registration", "since registration")), 1):  # fmt: skip
        rows = inputs.rows("statistics/survival", origin=origin)
        if not rows:
            continue
        columns = {name: [number(row, name) for row in rows] for name in ("day", "survival", "low", "high")}
        series.append(Series(words, columns["day"], columns["survival"], low=columns["low"], high=columns["high"],
                             notes=[f"{row['at_risk']} users watched" for row in rows], colour=colour))  # fmt: skip
        ends.append(f"{words}: {percent(columns['survival'][-1])} after {columns['day'][-1]:.0f} days")
    if not series:
        return [Missing("Survival: fewer than 30 users were ever watched on one day.")]
    plot = Plot(
        "survival", "How many are still there", "Share of users who have not left, " + "; ".join(ends) + ".",
        Axis("days"), Axis("share still there", percent=True, ends=(0.0, 1.0)),
        {"since the first event": series[:1], "since registration": series[1:]} if len(series) > 1 else {"": series},
        "statistics/survival.csv",
    )  # fmt: skip
    return [
        plot,
        Words(
            "Estimated after Kaplan and Meier: a user who stayed counts until the log ends, one who registered before "
            "the log began counts only from then on. A curve runs as long as 30 users are watched; with few "
            "users watched early on, the whole curve since registration is uncertain."
        ),
    ]


def segments(inputs: Inputs) -> list[Block]:
    """Churn rate by segment: a plot, a warning, a table."""
    by_segment: dict[str, list[Cells]] = {}
    for row in inputs.rows("statistics/churn_by_segment"):
        by_segment.setdefault(row["segment"], []).append(row)
    choices = {name: [_rates(_largest(rows, 16))] for name, rows in by_segment.items()}
    plot = Plot(
        "segments", "Churn rate by segment", _widest(by_segment), Axis("segment"),
        Axis("churn rate, with its 95 % interval", percent=True, zero=True), choices,
        "statistics/churn_by_segment.csv", flat=True,
    )  # fmt: skip
    rows = [
        [name, shown(row["value"], 60), count(number(row, "users")), count(number(row, "leavers")),
         percent(number(row, "churn_rate")), span(number(row, "low"), number(row, "high"))]
        for name, part in by_segment.items()
        for row in part
    ]  # fmt: skip
    return [
        plot,
        Words(
            "Intervals that overlap widely say that a difference may be chance; with this many segments some differ "
            f"by chance alone. “{_SEEN_LATE}” shows a trap: who leaves is seen for a shorter time, so a "
            "short tenure at the last event is a consequence of leaving, not a cause of it. Tenure when first seen "
            "is free of that."
        ),
        Table("Churn rate by segment", ["segment", "value", "users", "left", "churn rate", "95 % interval"], rows,
              [False, False, True, True, True, True], "statistics/churn_by_segment.csv", folded=True),
    ]  # fmt: skip


def _largest(rows: list[Cells], how_many: int) -> list[Cells]:
    least = sorted((number(row, "users") for row in rows), reverse=True)[:how_many][-1]
    return [row for row in rows if number(row, "users") >= least][:how_many]


def _rates(rows: list[Cells]) -> Series:
    return Series(
        "churn rate", apart([row["value"] for row in rows], 40), [number(row, "churn_rate") for row in rows], "points",
        [number(row, "low") for row in rows], [number(row, "high") for row in rows],
        [f"{row['leavers']} of {row['users']} users left" for row in rows],
    )  # fmt: skip


def _widest(by_segment: dict[str, list[Cells]]) -> str:
    """What stands out among segments of users' traits, in words: intervals that do not touch."""
    found = []
    for name, rows in by_segment.items():
        big = [row for row in rows if number(row, "users") >= 30]
        if name == _SEEN_LATE or len(big) < 2:
            continue
        high = max(big, key=lambda row: number(row, "churn_rate"))
        low = min(big, key=lambda row: number(row, "churn_rate"))
        if number(high, "low") > number(low, "high"):
            found.append(f"{name}: {shown(high['value'], 30)} {percent(number(high, 'churn_rate'))}, "
                         f"{shown(low['value'], 30)} {percent(number(low, 'churn_rate'))}")  # fmt: skip
    if not found:
        return "No two segments of 30 users or more have intervals that do not touch."
    more = f"; and in {len(found) - _NAMED} more segments" if len(found) > _NAMED else ""
    return "Intervals that do not touch: " + "; ".join(found[:_NAMED]) + f"{more}."


def deciles(inputs: Inputs) -> list[Block]:
    """Churn rate by tenth of users: a plot, and how to read it."""
    by_measure: dict[tuple[str, str], list[Cells]] = {}
    for row in inputs.rows("statistics/churn_by_decile"):
        by_measure.setdefault((row["measure"], row["unit"]), []).append(row)
    # Rates first, and of these the ones that most users have, with what sets users apart most in front.
    ranked = sorted(by_measure, key=lambda k: (k[1] != "per hour", len(by_measure[k]) < 8, -_reach(by_measure[k]), k))
    choices = {}
    for measure, unit in ranked:
        rows = by_measure[measure, unit]
        notes = [
            f"{row['leavers']} of {row['users']} users left; {sized(number(row, 'from'))} to {sized(number(row, 'to'))}"
            for row in rows
        ]
        choices[f"{measure} {unit}".strip()] = [
            Series("churn rate", [row["decile"] for row in rows],
                   [number(row, "churn_rate") for row in rows], "points",
                   [number(row, "low") for row in rows], [number(row, "high") for row in rows], notes)
        ]  # fmt: skip
    if not choices:
        return [Missing("Tenths by page rates: no user has a rate.")]
    first = by_measure[ranked[0]]
    plot = Plot(
        "deciles", "Churn rate by tenth of users, from the least to the most",
        f"{' '.join(ranked[0])}: {percent(number(first[0], 'churn_rate'))} in the lowest tenth, "
        f"{percent(number(first[-1], 'churn_rate'))} in the highest.",
        Axis("tenth of the users, by what is chosen: 1 the least, 10 the most"),
        Axis("churn rate, with its 95 % interval", percent=True, zero=True), choices,
        "statistics/churn_by_decile.csv",
    )  # fmt: skip
    return [
        plot,
        Words(
            "Users are sorted by how often they do something in an hour of listening, and cut into tenths; users with "
            "equal values stay together, so a rare page has one large first group. Choose another page or quantity "
            "above the plot; those that set users apart most come first. Quantities that grow with the time "
            "that a user was watched (songs, sessions, days) are lower for those who left because they left."
        ),
    ]


def _reach(rows: list[Cells]) -> float:
    """How far the tenths lie apart, in units of their uncertainty."""
    rates = [(number(row, "churn_rate"), number(row, "users")) for row in rows]
    total = sum(n for _, n in rates)
    mean = sum(rate * n for rate, n in rates) / total
    return sum(n * (rate - mean) ** 2 for rate, n in rates) / max(mean * (1 - mean), 1e-9) / max(len(rates) - 1, 1)
