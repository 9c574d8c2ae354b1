"""The SQL with which Spark takes lines of JSON apart; text in, text out. See `Engine.lines` for what comes of it."""

from __future__ import annotations

import re
import secrets
from typing import Final

from churn.engines.spark_sql import as_number, literal, quote
from churn.schema import NUMBERS, TEXTS
from churn.sources import MAX_LINE

TEXT: Final = r"CASE WHEN endswith(value, '\r') THEN trim(TRAILING '\r' FROM value) ELSE value END AS text"
"""Over `value`, a line as Hadoop splits it: without its carriage returns. Trimming copies a line sign by sign."""

NOT_SHOWN: Final = rf"contains(text, '\u001f') OR octet_length(text) > {MAX_LINE + 1000}"
"""Condition over `text`: a line that can be read is not shown as it stands; the embedded engine has this slack, too."""


def unreadable(version: str) -> str:
    """Condition over `text`, never null: it is no UTF-8, or has a carriage return inside."""
    if int(version.partition(".")[0]) >= 4:
        utf8 = "is_valid_utf8(text)"
    else:  # decoding puts a mark in place of what is no UTF-8
        utf8 = "cast(text AS binary) = encode(decode(cast(text AS binary), 'UTF-8'), 'UTF-8')"
    return rf"coalesce(NOT {utf8} OR contains(text, '\r'), false)"


_SURROGATE: Final = r"(contains(text, '\\ud') OR contains(text, '\\uD'))"
"""Condition over `text`: it may hold a half of a sign of two halves, escaped."""

_SHORT: Final = f"octet_length(text) <= {MAX_LINE}"
_RETURN: Final = r"\r"
_BACKSLASH: Final = r"\\\\"  # one, as a pattern in an SQL literal
_QUOTE: Final = '"'
_STRICT: Final = "'allowSingleQuotes', 'false'"
_NOT_FINITE: Final = """'"NaN"', '"Infinity"', '"-Infinity"'"""
"""What Spark's parser makes of numbers that are none or too large, where it is asked for a text."""

_LOST: Final = "\ufffd"
"""What Spark's parser reads where bytes are no UTF-8."""


def fields(version: str) -> str:
    """Over `text`, the map of its fields as texts, of equal keys the first; null unless it is one object.

    The line is put into an object of our own as its first value, with a mark behind it. So two objects on one line
    spoil the whole, which Spark's parser would otherwise pass over, and our object must have no third entry.
    """
    mark = _mark()
    wrapped = f"""concat('{{"v":', text, ',"{mark}":{{}}}}')"""
    parsed = f"from_json({wrapped}, 'map<string, map<string, string>>', map({_STRICT}))"
    # Half a pair of surrogates is no text.
    half = r"(?i)(?<!\\)(\\\\)*\\u(d[89ab]..(?!\\ud[c-f])|(?<!\\ud[89ab]..\\u)d[c-f])"
    lone = f"CASE WHEN {_SURROGATE} THEN text RLIKE {literal(half)} ELSE false END"
    one = f"size(f) = 2 AND f['{mark}'] IS NOT NULL AND NOT {lone}"
    readable = f"CASE WHEN {_SHORT} AND NOT {unreadable(version)} THEN {parsed} END"
    return _let("f", readable, f"CASE WHEN {one} THEN f['v'] END")


class JsonLines:
    """Expressions that judge `text` as one JSON object and take its fields out.

    A plain line is one object without another in it, no key comes twice, and each value is of its column's type: its
    fields are taken as Spark's parser types them. Every other line, and what cannot be told at little expense, is
    parsed again, into a map of texts, and judged value by value, which takes twice as long.

    Attributes:
        typed: over `text`, the struct `p` of our columns; null where no line can be plain.
        plain: over `text` and `p`, whether the line is.
    """

    def __init__(self, columns: dict[str, str], version: str) -> None:
        """Take the names of our columns in the log, and the version of Spark."""
        self._columns = columns
        self._version = version
        self._mark = _mark()
        kinds = {columns[name]: "double" if name in NUMBERS else "string" for name in NUMBERS + TEXTS}
        listed = ", ".join(f"{quote(column)}: {kind}" for column, kind in kinds.items())
        struct = literal(f"struct<{listed}, {self._mark}: string>")
        options = f"{_STRICT}, 'allowNonNumericNumbers', 'false', 'columnNameOfCorruptRecord', '{self._mark}'"
        parsed = f"from_json(text, {struct}, map({options}))"
        # One key for two columns: no type fits both. A key like one with lost bytes: they could not be told apart.
        self._one_each = len(kinds) == len(NUMBERS + TEXTS) and _LOST not in "".join(kinds)
        self.typed = f"CASE WHEN {_SHORT} THEN {parsed} END" if self._one_each else "cast(NULL AS string)"
        self.plain = f"coalesce({self._is_plain()}, false)" if self._one_each else "false"

    def other(self) -> str:
        """The struct of `odd` and the struct `row`, see `cell`, of a line that is not plain; null if it is no object.

        `odd` has the bits of the text columns that hold something that is no JSON string.

        Spark runs what is inside `transform` node by node, and does not compile it: lines that are not plain are
        few, and code of this size would keep that of the plain ones from being compiled in one piece.
        """
        given = ", ".join(f"{literal(name)}, {self._given(name)}" for name in NUMBERS + TEXTS)
        bits = " + ".join(f"CASE WHEN {self._is_odd(name)} THEN {1 << i} ELSE 0 END" for i, name in enumerate(TEXTS))
        kept = {name: f"given.{name}" for name in NUMBERS}
        for i, name in enumerate(TEXTS):
            kept[name] = f"CASE WHEN odd & {1 << i} = 0 THEN given.{name} END"
        row = ", ".join(f"{literal(self._key(name))}, {what}" for name, what in kept.items())
        row = f"named_struct({row}, {literal(self._mark)}, cast(NULL AS string))"  # like `p`
        judged = _let("odd", f"cast({bits} AS bigint)", f"named_struct('odd', odd, 'row', {row})")
        cells = _let("given", f"named_struct({given})", judged)
        return _let("fields", fields(self._version), f"CASE WHEN fields IS NOT NULL THEN {cells} END")

    def row(self) -> str:
        """Over `plain`, `p` and `n`, which is `other`: the struct of all cells."""
        return "CASE WHEN plain THEN p ELSE n.row END" if self._one_each else "n.row"

    def cell(self, name: str) -> str:
        """One of the 18 columns over `row`: a number as double, infinite for what is none, or a text."""
        return f"row.{quote(self._key(name))}"

    def _key(self, name: str) -> str:
        return self._columns[name] if self._one_each else name

    def _is_plain(self) -> str:
        """Condition over `text` and `p`: it is one flat object, no key comes twice, and texts are texts.

        Each key has a colon. So if there are, beside those in texts, as many colons as known fields, there is no other
        key, and bytes that are no UTF-8 show in the texts. That holds where no sign is written by its number, so where
        there are no more backslashes than quotes in texts, each of which has one. Else the keys are looked at.
        """
        known = " + ".join(f"cast({self._v(name)} IS NOT NULL AS int)" for name in NUMBERS + TEXTS)
        texts = f"concat_ws('', {', '.join(map(self._v, TEXTS))})"
        once = _let("keys", "json_object_keys(text)", "keys IS NOT NULL AND size(array_distinct(keys)) = size(keys)")
        distinct = f"NOT {_SURROGATE} AND NOT {unreadable(self._version)} AND {once}"
        # With different limits, so that none is reached by both where they are equal.
        colons = f"{_parts('text', ':', 1000)} <> {known} + {_parts(texts, ':', 500)}"
        others = f"{colons} OR {_parts('text', _BACKSLASH, 1000)} <> {_parts(texts, _QUOTE, 500)}"
        odd = " OR ".join(map(self._may_be_odd, TEXTS))
        return (
            f"p IS NOT NULL AND p.{self._mark} IS NULL AND startswith(text, '{{') AND endswith(text, '}}') "
            f"AND {_parts('text', '}', 3)} = 2 AND {_parts('text', _RETURN, 2)} = 1 AND {_parts(texts, _LOST, 2)} = 1 "
            f"AND CASE WHEN {others} THEN {distinct} ELSE true END AND NOT ({odd})"
        )

    def _may_be_odd(self, name: str) -> str:
        """Condition over `text` and `p`: what the parser hands out as text may be no JSON string.

        What begins like a number or an object is none where its key has a quote behind it. A user id may be a whole
        number. What begins like an array is always looked at again: its quotes need no backslash, see `_is_plain`.
        """
        v = self._v(name)
        whole = f"WHEN {v} >= '-' AND {v} < ':' THEN contains({v}, '.') " if name == "userId" else ""
        return (
            f"CASE WHEN {v} IS NULL OR ({v} >= 'A' AND {v} < '[') THEN false "
            f"""WHEN {v} >= '"' AND {v} < '#' THEN {v} IN ({_NOT_FINITE}) """
            f"WHEN {v} >= ']' AND {v} < '{{' THEN {v} IN ('true', 'false') "
            f"WHEN startswith({v}, '[') THEN true {whole}ELSE NOT ({self._quoted(name)}) END"
        )

    def _quoted(self, name: str) -> str:
        """Condition over `text`: there is the key, no other one ends in it, and a string is behind it.

        A name that begins or goes on with a sign of JSON could be found across the ends of other strings.
        """
        if not re.fullmatch(r'\w[^"\\]*', self._columns[name]):
            return "false"
        key = f'"{self._columns[name]}":'
        string = " OR ".join(f"contains(text, {literal(key + behind)})" for behind in ('"', ' "'))
        return f"({string}) AND NOT contains(text, {literal(chr(92) + key)})"

    def _v(self, name: str) -> str:
        return f"p.{quote(self._columns[name])}"

    def _given(self, name: str) -> str:
        """A cell over `fields`: a number as double, infinite for what is none, or a text."""
        given = f"fields[{literal(self._columns[name])}]"
        if name in NUMBERS:
            return as_number(_number(given))
        return _whole_id(given, self._kind(name)) if name == "userId" else given

    def _is_odd(self, name: str) -> str:
        """The parser hands out everything as text, so what could be something else is looked up again."""
        v = f"given.{name}"
        number = "" if name == "userId" else f"({v} >= '-' AND {v} < ':') OR "  # a user id may be a number
        could_be = f"{number}({v} >= '[' AND {v} < '\\\\') OR ({v} >= '{{' AND {v} < '|') OR {v} IN ('true', 'false') "
        again = f"coalesce({self._kind(name)} <> '\"', true)"
        # NaN, the infinities and what is too large for a float come out in quotes; a text with quotes has them escaped.
        quoted = f"{v} IN ({_NOT_FINITE})"
        escaped = rf"coalesce({self._kind(name, 2)} <> '\"\\', true)"
        return (
            f"CASE WHEN {v} >= 'A' AND {v} < '[' THEN false WHEN {could_be} THEN {again} "
            f"WHEN {quoted} THEN {escaped} ELSE false END"
        )

    def _kind(self, name: str, signs: int = 1) -> str:
        """The first signs of a field as it stands in the line, where NaN and the infinities are 0.

        One match of a wildcard comes with the quotes of a string, where a plain path takes them off. This parser
        takes no line with NaN anywhere, so they are replaced, in the name of the field too.
        """
        path = literal(f"$[*]['{self._columns[name]}']".replace("NaN", "0").replace("Infinity", "0"))
        finite = "replace(replace(text, 'NaN', '0'), 'Infinity', '0')"
        return f"left(get_json_object(concat('[', {finite}, ']'), {path}), {signs})"


def _mark() -> str:
    """A name that no line can hold, as nobody can foresee it."""
    return f"end_{secrets.token_hex(6)}"


def _let(name: str, what: str, body: str) -> str:
    """The body with a name in it for what is worked out once."""
    return f"transform(array({what}), {name} -> {body})[0]"


def _parts(text: str, sign: str, most: int) -> str:
    """Into how many parts a sign cuts a text; at most so many.

    Java looks for a sign many bytes at a time; Spark's `contains` goes byte by byte.
    """
    return f"size(split({text}, '{sign}', {most}))"


def _number(value: str) -> str:
    """A number as text. Java takes more for a number than others do (`1d`, `0x1p3`), and less (`1_000`)."""
    return (
        f"CASE WHEN {value} RLIKE '^[-+.0-9eE]*$' THEN {value} WHEN {value} RLIKE '[dDfFxX\\\\x00]' THEN 'no number' "
        f"ELSE regexp_replace({value}, '(?<=[0-9])_(?=[0-9])', '') END"
    )


def _whole_id(value: str, kind: str) -> str:
    """A user id; a number like 12345678.0 comes out of the parser as `1.2345678E7`."""
    plain = f"cast(cast({value} AS decimal(38, 4)) AS decimal(38, 1))"
    scientific = f"{value} RLIKE '^-?[0-9][.][0-9]+E([7-9]|1[0-5])$'"
    return f"CASE WHEN {scientific} AND {kind} <> '\"' THEN cast({plain} AS string) ELSE {value} END"
