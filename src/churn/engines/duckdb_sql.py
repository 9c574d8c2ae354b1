"""The SQL with which DuckDB turns files into raw lines; see `Engine.lines` for what they must look like."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from churn.schema import NUMBERS, TEXTS
from churn.sources import MAX_LINE

_SLACK: Final = 1000
"""Bytes of room for a newline: DuckDB counts it as part of the line in some places and not in others."""

_INDEX: Final = "file_index::BIGINT + 1"
"""The place of a row's file in a list of DuckDB's."""


def parquet_sql(
    members: Mapping[int, Path], columns: dict[str, str], found: dict[str, str], before: Sequence[int] | None
) -> str:
    """A row of a Parquet file as a line: every cell as text, judged like a JSON line. See `json_sql`."""
    cells = [f"{_cell(columns[name], found)} AS {quote(name)}" for name in NUMBERS]
    wrong = {name: _odd_cell(columns[name], name, found) for name in TEXTS}
    cells += [f"CASE WHEN NOT {wrong[name]} THEN {_cell(columns[name], found)} END AS {quote(name)}" for name in TEXTS]
    odd = " + ".join(f"CASE WHEN {wrong[name]} THEN {1 << i} ELSE 0 END" for i, name in enumerate(TEXTS))
    line = ", NULL::VARCHAR AS text"
    if before is not None:
        line = f", row_number() OVER () - {literal(list(before))}[{_INDEX}] AS line, to_json(t)::VARCHAR AS text"
    return (
        f"SELECT {literal(list(members))}[{_INDEX}]::INTEGER AS file{line}, true AS object, "
        f"{', '.join(cells)}, ({odd})::BIGINT AS odd FROM {parquet_reader(members.values())} AS t"
    )


def _cell(column: str, found: dict[str, str]) -> str:
    kind = found.get(column, "")
    if not kind:
        return "NULL::VARCHAR"
    if kind.startswith("TIMESTAMP"):
        # Fractions of a millisecond are dropped, as in JSON lines; epoch_ms would round them.
        whole = "epoch_ns({}) // 1000000" if kind == "TIMESTAMP_NS" else "epoch_us({}) // 1000"
        return f"({whole.format(quote(column))})::VARCHAR"
    return f"{quote(column)}::VARCHAR"


def _odd_cell(column: str, name: str, found: dict[str, str]) -> str:
    """Condition: a text column of a Parquet file holds something that is no text; never null."""
    kind = found.get(column, "VARCHAR")
    if kind == "VARCHAR" or kind.startswith("ENUM"):
        return "false"
    if name == "userId" and kind in ("FLOAT", "DOUBLE"):
        return f"NOT coalesce(isfinite({quote(column)}), true)"
    if name == "userId" and ("INT" in kind or kind.startswith("DECIMAL")):
        return "false"
    return f"({quote(column)} IS NOT NULL)"


def parquet_reader(paths: Iterable[Path]) -> str:
    """Parquet files, columns put together by name."""
    return f"read_parquet({files(paths)}, union_by_name = true)"


def files(paths: Iterable[Path]) -> str:
    """Paths for DuckDB, which takes some characters of a name for a pattern."""
    return literal([re.sub(r"[\[*?]", r"[\g<0>]", str(path)) for path in paths])


def line_reader(paths: Iterable[Path]) -> str:
    """Lines as text: one column, a separator that JSON forbids, nothing quoted or escaped."""
    return (
        f"read_csv({files(paths)}, columns = {{'line': 'VARCHAR'}}, delim = '\x1f', quote = '', "
        f"escape = '', comment = '', header = false, auto_detect = false, hive_partitioning = false, "
        f"max_line_size = {MAX_LINE + _SLACK})"
    )


_IS_OBJECT = rf"""strlen(line) <= {MAX_LINE} AND json_valid(line)
    AND CASE WHEN line >= '{{' AND line < '|' THEN true ELSE starts_with(ltrim(line, ' ' || chr(9)), '{{') END
    AND NOT regexp_matches(line, ',[\s\]}}]*$')"""
"""json_valid also passes scalars, arrays and a comma before the closing brace; each check is cheap for most lines."""


def json_sql(members: Mapping[int, Path], columns: dict[str, str], before: Sequence[int] | None) -> str:
    """Lines of JSON files: one column a field, as text, and which text columns hold no string.

    Args:
        members: the files, by number.
        columns: for each of our names the one that the log uses.
        before: how many lines all files before each have; numbers the lines, if all is read in order. None does not.
    """
    fields = literal(json.dumps({columns[name]: "VARCHAR" for name in NUMBERS + TEXTS}))
    parsed = (
        f"SELECT file_index{', row_number() OVER () AS number' if before is not None else ''}, line, "
        f"CASE WHEN {_IS_OBJECT} THEN json_transform(line, {fields}) END AS f FROM {line_reader(members.values())}"
    )
    odd = " + ".join(f"CASE WHEN {_odd(columns[name], name)} THEN {1 << i} ELSE 0 END" for i, name in enumerate(TEXTS))
    flagged = f"SELECT *, CASE WHEN f IS NULL THEN 0 ELSE {odd} END AS odd FROM ({parsed})"
    cells = [f"f.{quote(columns[name])} AS {quote(name)}" for name in NUMBERS]
    cells += [
        f"CASE WHEN odd = 0 OR odd & {1 << i} = 0 THEN f.{quote(columns[name])} END AS {quote(name)}"
        for i, name in enumerate(TEXTS)
    ]
    line = f", number - {literal(list(before))}[{_INDEX}] AS line" if before is not None else ""
    return (
        f"SELECT {literal(list(members))}[{_INDEX}]::INTEGER AS file{line}, coalesce(line, '') AS text, "
        f"f IS NOT NULL AS object, {', '.join(cells)}, odd::BIGINT AS odd FROM ({flagged})"
    )


def _odd(column: str, name: str) -> str:
    """Condition: a text column holds something that is no JSON string.

    The parser hands out numbers, booleans, objects and arrays as their text, so only a value that could be
    one of these, by its first character, is looked up again in the line. The cases keep the looking cheap:
    most values start with a capital letter, and an AND would look up every line. NaN and Infinity are no JSON,
    but Python writes them and the parser takes them.
    """
    value = f"f.{quote(column)}"
    again = f"json_type(line, {literal('/' + column.replace('~', '~0').replace('/', '~1'))}) <> 'VARCHAR'"
    # A user id may be a number, but not this one.
    number = f"{value} = '-Infinity' OR " if name == "userId" else f"({value} >= '-' AND {value} < ':') OR "
    could_be = (
        f"{number}({value} >= '[' AND {value} < '\\') OR ({value} >= '{{' AND {value} < '|') "
        f"OR {value} = 'true' OR {value} = 'false'"
    )
    return (
        f"CASE WHEN {value} >= 'A' AND {value} < '[' "
        f"THEN CASE WHEN {value} = 'NaN' OR {value} = 'Infinity' THEN {again} ELSE false END "
        f"WHEN {could_be} THEN {again} ELSE false END"
    )


def quote(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A Python value as an SQL literal."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    return str(value)
