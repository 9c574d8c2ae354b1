"""Raw lines to clean events: one rule judges every line, on every engine, in this order.

1. `blank`: nothing but white space.
2. refused: `unparseable` (not exactly one JSON object), `no_ts` (no usable time), `no_page`.
3. duplicate: all 18 typed columns equal to those of a line that got this far before (see `churn.ingest`).
4. `nobody`: no user id; or no name, gender and registration, and logged out or a guest, whatever id it carries.
5. `kept`.
"""

from __future__ import annotations

import functools
import operator
from typing import Final

import ibis
import ibis.expr.types as ir

from churn.schema import COLUMNS, LENGTH_UNITS, NOBODY_AUTH, NUMBERS, TEXTS, TS_END, TS_FIRST

REFUSED: Final = ("unparseable", "no_ts", "no_page")
"""Reasons for which a line goes to `quarantine/`, in the order in which they are looked for."""

STATUSES: Final = ("blank", *REFUSED, "nobody", "kept")

EXACT: Final = 2**53
"""Numbers from here on are refused: beyond it 64-bit floats skip integers. For `length` it bounds `length_e5`."""


def judge(raw: ir.Table) -> ir.Table:
    """Type every line and give it a status.

    Args:
        raw: what `Engine.lines` returns.

    Returns:
        One row a line: `file`, `judged` (one of `STATUSES`), `day` (UTC date; null where there is no usable
        time), the 18 columns typed (`length` in s, `ts` and `registration` in ms), `length_e5` (length in
        1/100,000 s), and `coerced` (bit i set where `TEXTS + NUMBERS` column i was given in a wrong type and
        is therefore null). Columns of `raw` named `line` and `text` stay.
    """
    typed = raw.mutate(
        **{f"{name}_as_given": raw[name] for name in NUMBERS},
        **{name: _number(raw[name]) for name in NUMBERS},
        userId=_user_id(raw.userId),
    )
    typed = typed.mutate(
        coerced=_coerced(typed),
        usable_ts=typed.ts.between(TS_FIRST, TS_END - 1).fill_null(False),
        nobody=_is_nobody(typed),
    )
    kept_columns = [name for name in ("line", "text") if name in raw.columns]
    return typed.select(
        "file",
        *kept_columns,
        *COLUMNS,
        "coerced",
        # Rounded, halves up; Spark's own rounding writes each number out as text.
        length_e5=(typed.length * LENGTH_UNITS + 0.5).floor().cast("int64"),
        judged=_status(typed),
        day=ibis.ifelse(typed.usable_ts, _utc_date(typed.ts), None),
    )


def _number(text: ir.Value) -> ir.Value:
    """The number that a text stands for, or is already; null where it is none, not finite or not exact."""
    value = text.try_cast("float64")
    is_length = text.get_name() == "length"
    bound = EXACT // LENGTH_UNITS if is_length else EXACT
    usable = value.abs() < bound  # false for NaN too, which both engines sort above all numbers
    return ibis.ifelse(usable, value, None) if is_length else _whole(value, usable)


def _whole(value: ir.Value, usable: ir.Value) -> ir.Value:
    # A fraction of a millisecond is dropped: times are compared, never averaged.
    return ibis.ifelse(usable, value, None).floor().cast("int64")


def _coerced(t: ir.Table) -> ir.Value:
    wrong = [
        ibis.ifelse(t[f"{name}_as_given"].notnull() & t[name].isnull(), 1 << (len(TEXTS) + i), 0)
        for i, name in enumerate(NUMBERS)
    ]
    return functools.reduce(operator.add, wrong, t.odd).cast("int32")


def _user_id(text: ir.Value) -> ir.Value:
    """A user id as text; `123.0` is the user `123`."""
    return ibis.ifelse(text.endswith(".0"), text.re_replace(r"^(-?[0-9]+)\.0+$", r"\1"), text)


def _is_nobody(t: ir.Table) -> ir.Value:
    nameless = t.firstName.isnull() & t.gender.isnull() & t.registration.isnull()
    return (t.userId.fill_null("") == "") | (nameless & t.auth.isin(NOBODY_AUTH).fill_null(False))


def _status(t: ir.Table) -> ir.Value:
    # A blank line is no object either, so the costly look at the text is left to lines that are none.
    return ibis.cases(
        (~t.object, ibis.ifelse(t.text.strip() == "", "blank", "unparseable")),
        (~t.usable_ts, "no_ts"),
        (t.page.fill_null("") == "", "no_page"),
        (t.nobody, "nobody"),
        else_="kept",
    )


def _utc_date(ts: ir.Value) -> ir.Value:
    return ts.as_timestamp("ms").date()
