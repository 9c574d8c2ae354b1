"""What was read, what was dropped, and what the log holds."""

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
    decimal,
    percent,
    shown,
)  # fmt: skip
from churn.report.inputs import Inputs, number

NO_STATISTICS = "The folder has no statistics/: run churn profile, or churn run, to make them."


def section(inputs: Inputs) -> Section:
    """The section `data`."""
    if not inputs.facts:
        return Section("data", "What was read", [Missing(NO_STATISTICS)])
    blocks: list[Block] = [
        _tiles(inputs),
        _words(inputs),
        _lines(inputs),
        _quirks(inputs),
        _pages(inputs),
        _columns(inputs),
        _values(inputs),
        *_favourites(inputs),
    ]
    return Section("data", "What was read, and what was dropped", blocks)


def _tiles(inputs: Inputs) -> Tiles:
    facts = inputs.facts
    return Tiles(
        [
            ("lines read", count(facts["lines"])),
            ("events kept", count(facts["events"])),
            ("users", count(facts["users"])),
            ("sessions", count(facts["sessions"])),
            ("songs played", count(facts["songs"])),
            ("hours in sessions", count(facts["hours_in_sessions"])),
            ("artists", count(facts["artists"])),
            ("days", count(facts["days"])),
        ]
    )


def _words(inputs: Inputs) -> Words:
    facts = inputs.facts
    hidden = ", ".join(shown(page) for page in facts["pages_in_no_number_of_a_user"])
    rate = facts["songs_per_hour"]
    pace = "" if rate is None else f" Users play {decimal(rate, 2)} songs an hour inside sessions."
    return Words(
        f"The log {shown(facts['dataset'])} runs from {_time(facts['first_event'])} to "
        f"{_time(facts['last_event'])}, UTC.{pace} "
        f"Pages of leaving ({hidden}) are counted as events of the log, but are in no number about a user, "
        "since they are what is to be foreseen."
    )


def _time(text: str) -> str:
    return text.replace("T", " ")[:19]


def _lines(inputs: Inputs) -> Table:
    rows = [
        [row["status"], count(number(row, "lines")), percent(number(row, "share"), 2)]
        for row in inputs.rows("statistics/lines")
    ]
    columns = ["line", "lines", "share"]
    return Table("What became of every line", columns, rows, [False, True, True], "statistics/lines.csv")


def _quirks(inputs: Inputs) -> Table:
    rows = [
        [row["quirk"], count(number(row, "count")), f"{count(number(row, 'of'))} {row['unit']}", row["treatment"]]
        for row in inputs.rows("statistics/quirks")
        if number(row, "count")
    ]
    return Table(
        "What is odd in this log, and what was done about it", ["quirk", "count", "of", "what was done"], rows,
        [False, True, True, False], "statistics/quirks.csv",
    )  # fmt: skip


def _pages(inputs: Inputs) -> Plot:
    rows = [row for row in inputs.rows("statistics/pages") if number(row, "events")][:25]
    names = apart([row["page"] for row in rows], 40)
    top = rows[0]["page"] if rows else ""
    rest = [(name, number(row, "share")) for name, row in zip(names, rows, strict=True) if row["page"] != top]
    every = Series("share of events", names, [number(row, "share") for row in rows], "bar")
    others = Series("share of events", [name for name, _ in rest], [share for _, share in rest], "bar")
    return Plot(
        "pages", "Events by page", f"Most events are {shown(top, 40)}." if top else "There are no events.",
        Axis("page"), Axis("share of events", percent=True, zero=True),
        {f"all but {shown(top, 40)}": [others], "all pages": [every]} if rest else {"all pages": [every]},
        "statistics/pages.csv", flat=True,
    )  # fmt: skip


def _columns(inputs: Inputs) -> Table:
    rows = [
        [row["column"], row["kind"], count(number(row, "nulls")), percent(number(row, "null_share")),
         count(number(row, "nobodys_nulls")), count(number(row, "distinct")), row["min"] or "–", row["max"] or "–"]
        for row in inputs.rows("statistics/columns")
    ]  # fmt: skip
    return Table(
        "The columns of the kept events",
        ["column", "kind", "missing", "share", "missing on nobody's lines", "distinct", "smallest", "largest"],
        rows, [False, False, True, True, True, True, True, True], "statistics/columns.csv", folded=True,
    )  # fmt: skip


def _values(inputs: Inputs) -> Table:
    rows = [
        [row["column"], shown(row["value"]) or "(missing)", count(number(row, "events")),
         percent(number(row, "share")), count(number(row, "nobodys_lines"))]
        for row in inputs.rows("statistics/values")
        if row["column"] != "page"
    ][:60]  # fmt: skip
    return Table(
        "Levels, login states, methods, statuses", ["column", "value", "events", "share", "nobody's lines"], rows,
        [False, False, True, True, True], "statistics/values.csv", folded=True,
    )  # fmt: skip


def _favourites(inputs: Inputs) -> list[Block]:
    titles = {"artist": "Most played artists", "song": "Most played songs", "location": "Places with most events",
              "userAgent": "User agents with most events"}  # fmt: skip
    found: list[Block] = []
    for kind, title in titles.items():
        rows = inputs.rows("statistics/favourites", kind=kind)
        if not rows:
            found.append(Missing(f"{title}: the log names none."))
            continue
        cells = [
            [row["rank"], shown(row["value"]), count(number(row, "events")), percent(number(row, "share"), 2),
             count(number(row, "users"))]
            for row in rows
        ]  # fmt: skip
        found.append(
            Table(title, ["rank", kind, "events", "share", "users"], cells, [True, False, True, True, True],
                  "statistics/favourites.csv", folded=True)
        )  # fmt: skip
    return found
