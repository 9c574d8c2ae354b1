"""How users behave over time, and how those who left differ from those who stayed."""

from __future__ import annotations

import math

from churn.report.blocks import (
    Axis,
    Block,
    Missing,
    Plot,
    Section,
    Series,
    Table,
    Words,
    count,
    percent,
    shown,
    sized,
    span,
)  # fmt: skip
from churn.report.inputs import Inputs, number
from churn.report.sections.data import NO_STATISTICS

GROUPS = {"stayed": 1, "left": 2}
"""Groups that are compared, and their colours."""

SESSIONS = {
    "length of a session (minutes)": ("sessions", "length (whole minutes)"),
    "songs of a session": ("sessions", "songs"),
    "a user's mean break between sessions (hours)": ("users", "break between sessions (hours)"),
}
"""What is shown of sessions, in which table, under which name."""

_SHARES = (1, 5, 25, 50, 75, 95, 99)


def section(inputs: Inputs) -> Section:
    """The section `behaviour`."""
    title = "How they behave"
    if not inputs.facts:
        return Section("behaviour", title, [Missing(NO_STATISTICS)])
    blocks: list[Block] = [by_date(inputs), _by_weekday(inputs), _by_hour(inputs)]
    if inputs.facts["leavers"]:
        blocks += [page_rates(inputs), *_waits(inputs)]
    else:
        blocks.append(Missing("Comparisons of who stayed and who left: nobody left."))
    return Section("behaviour", title, [*blocks, _sessions(inputs), _quantities(inputs)])


def by_date(inputs: Inputs) -> Plot:
    """What was done on each day."""
    rows = inputs.rows("statistics/activity_by_date", group="all")
    days = [row["date"] for row in rows]
    choices = {
        words: [Series(words, days, [number(row, name) for row in rows])]
        for name, words in {"users": "users seen", "songs": "songs played", "sessions": "sessions started",
                            "adverts": "adverts shown", "users_who_left": "users who left"}.items()
    }  # fmt: skip
    seen = choices["users seen"][0].y
    return Plot(
        "activity_by_date", "Activity by day",
        f"Between {count(min(seen, default=math.nan))} and {count(max(seen, default=math.nan))} users a day.",
        Axis("day (UTC)"), Axis("number a day", zero=True), choices, "statistics/activity_by_date.csv",
    )  # fmt: skip


def _groups(inputs: Inputs) -> dict[str, int]:
    return GROUPS if inputs.facts["leavers"] else {"stayed": 1}


def _by_weekday(inputs: Inputs) -> Plot:
    series = []
    for group, colour in _groups(inputs).items():
        rows = inputs.rows("statistics/activity_by_weekday", group=group)
        total = sum(number(row, "songs_per_day") for row in rows)
        shares = [number(row, "songs_per_day") / total if total else math.nan for row in rows]
        series.append(Series(group, [row["weekday"] for row in rows], shares, "bar", colour=colour))
    return Plot(
        "activity_by_weekday", "Songs by weekday", _peak(series), Axis("weekday (UTC)"),
        Axis("share of the songs of an average week", percent=True, zero=True), {"": series},
        "statistics/activity_by_weekday.csv",
    )  # fmt: skip


def _by_hour(inputs: Inputs) -> Plot:
    series = []
    for group, colour in _groups(inputs).items():
        rows = inputs.rows("statistics/activity_by_hour", group=group)
        shares = [number(row, "share_of_songs") for row in rows]
        series.append(Series(group, [number(row, "hour") for row in rows], shares, colour=colour))
    return Plot(
        "activity_by_hour", "Songs by hour of the day", _peak(series), Axis("hour (UTC)", ends=(0.0, 23.0)),
        Axis("share of the group's songs", percent=True, zero=True), {"": series}, "statistics/activity_by_hour.csv",
    )  # fmt: skip


def _peak(series: list[Series]) -> str:
    known = [(y, x) for x, y in zip(series[0].x, series[0].y, strict=True) if not math.isnan(y)]
    if not known:
        return "No songs were played."
    most, least = max(known), min(known)
    names = [x if isinstance(x, str) else f"{x:.0f} h" for x in (most[1], least[1])]
    return f"Most songs: {names[0]} ({percent(most[0])}); fewest: {names[1]} ({percent(least[0])})."


def page_rates(inputs: Inputs) -> Plot:
    """What those who left did more, and less, than those who stayed."""
    rows = [row for row in inputs.rows("statistics/page_rates") if row["group"] in GROUPS]
    pages = [row["page"] for row in inputs.rows("statistics/page_rates", group="all")]
    choices = {}
    for column, words in {"per_1000_songs": "per 1,000 songs", "per_hour": "per hour",
                          "user_mean_per_hour": "mean of the users' rates per hour",
                          "share_with_any": "share of users with at least one"}.items():  # fmt: skip
        by_page = {(row["page"], row["group"]): number(row, column) for row in rows}
        found = [
            (_ratio(by_page[page, "left"], by_page[page, "stayed"]), page,
             f"left {sized(by_page[page, 'left'])}, stayed {sized(by_page[page, 'stayed'])}")
            for page in pages
        ]  # fmt: skip
        found.sort(key=lambda entry: (math.isnan(entry[0]), -entry[0]))
        ratios, names, notes = zip(*found, strict=True)
        choices[words] = [Series("left compared with stayed", names, ratios, "bar", notes=notes, colour=2)]
    first = choices["per 1,000 songs"][0]
    known = [(y, str(x)) for x, y in zip(first.x, first.y, strict=True) if not math.isnan(y)]
    most, least = max(known, default=(math.nan, "–")), min(known, default=(math.nan, "–"))
    return Plot(
        "page_rates", "What those who left did more, and less",
        f"Per 1,000 songs, those who left saw {most[1]} {percent(most[0], 0)} more and "
        f"{least[1]} {percent(-least[0], 0)} less.",
        Axis("page"), Axis("difference of who left from who stayed", percent=True, zero=True), choices,
        "statistics/page_rates.csv", flat=True,
    )  # fmt: skip


def _ratio(left: float, stayed: float) -> float:
    return left / stayed - 1 if stayed else math.nan


def _waits(inputs: Inputs) -> list[Block]:
    series, never = [], []
    for colour, trigger in enumerate(("upgrade", "downgrade", "advert burst"), 1):
        rows = inputs.rows("statistics/time_to_churn", trigger=trigger)
        within = [row for row in rows if row["from_days"]]
        names = [_wait(number(row, "from_days"), number(row, "to_days")) for row in within]
        series.append(Series(f"last {trigger}", names, [number(row, "share") for row in within], "bar", colour=colour))
        never += [f"{trigger} {percent(number(row, 'share'), 0)}" for row in rows if not row["from_days"]]
    plot = Plot(
        "time_to_churn", "From the last upgrade, downgrade or advert burst to leaving",
        "Of those who left, so many never had one: " + ", ".join(never) + ".",
        Axis("days before leaving"), Axis("share of all who left", percent=True, zero=True), {"": series},
        "statistics/time_to_churn.csv",
    )  # fmt: skip
    cells = [
        [row["trigger"], row["meaning"], count(number(row, "days")), count(number(row, "left_within")),
         percent(number(row, "churn_rate")), span(number(row, "low"), number(row, "high"))]
        for row in inputs.rows("statistics/churn_after")
    ]  # fmt: skip
    horizon = next((row["horizon"] for row in inputs.rows("statistics/churn_after")), "14")
    table = Table(
        f"How often a user left within {horizon} days of such a day",
        ["day", "meaning", "days of users", "left", "rate", "95 % interval"], cells,
        [False, False, True, True, True, True], "statistics/churn_after.csv",
    )  # fmt: skip
    return [plot, table, Words("Days of one user are not independent, so these intervals are too narrow.")]


def _sessions(inputs: Inputs) -> Plot:
    """How long sessions and the breaks between them are, from the shortest to the longest."""
    choices: dict[str, list[Series]] = {}
    for words, (table, quantity) in SESSIONS.items():
        choices[words] = []
        for group, colour in _groups(inputs).items():
            [row] = inputs.rows(f"statistics/{table}", quantity=quantity, group=group) or [{}]
            values = [number(row, f"p{share}") for share in _SHARES]
            shares, n = [share / 100 for share in _SHARES], row.get("n", "0")
            choices[words].append(Series(group, shares, values, notes=[f"of {n}"] * len(_SHARES), colour=colour))
    middles = [f"{s.name} {sized(s.y[_SHARES.index(50)])}" for s in choices["length of a session (minutes)"]]
    return Plot(
        "sessions", "Sessions and the breaks between them", f"Half of the sessions last at most so many minutes: "
        f"{', '.join(middles)}.",
        Axis("share of sessions, or of users, that have at most so much", percent=True, ends=(0, 1)),
        Axis("minutes, songs or hours", zero=True), choices, "statistics/sessions.csv, statistics/users.csv",
    )  # fmt: skip


def _wait(start: float, end: float) -> str:
    if math.isnan(end):
        return f"{start:.0f} or more"
    return f"{start:.0f}" if start == end else f"{start:.0f}–{end:.0f}"


def _quantities(inputs: Inputs) -> Table:
    by_key = {(row["quantity"], row["group"]): row for row in inputs.rows("statistics/users")}
    groups = [*_groups(inputs)]
    rows = []
    for quantity in dict.fromkeys(name for name, _ in by_key):
        cells = [shown(quantity)]
        for column in ("p25", "p50", "p75", "mean"):
            cells += [sized(number(by_key[quantity, group], column)) for group in groups]
        rows.append(cells)
    heads = ("lower quartile", "median", "upper quartile", "mean")
    columns = [f"{words}, {group}" for words in heads for group in groups]
    return Table(
        "Users who stayed and users who left, over all the time they were watched", ["quantity", *columns], rows,
        [False, *([True] * len(columns))], "statistics/users.csv", folded=True,
    )  # fmt: skip
