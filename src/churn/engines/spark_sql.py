"""The SQL with which Spark turns files into raw lines, and Ibis expressions into Spark's dialect.

Nothing here imports pyspark: it is text in, text out. See `Engine.lines` for what raw lines must look like.
"""

from __future__ import annotations

import secrets
from typing import Any, ClassVar, Final

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.pyspark import PySparkCompiler
from ibis.config import Config

from churn.schema import NUMBERS, TEXTS
from churn.sources import MAX_LINE

NOT_SHOWN: Final = rf"contains(text, '\u001f') OR octet_length(text) > {MAX_LINE + 1000}"
"""Condition over `text`: a line that can be read is not shown as it stands; the embedded engine has this slack, too."""

_DATES: Final = {"date": "date", "boolean": "boolean", "string": "string", "double": "float64", "float": "float32"}
_WHOLE: Final = {"tinyint": "int8", "smallint": "int16", "int": "int32", "bigint": "int64"}


class _Options(Config):  # type: ignore[misc]
    """What Ibis' Spark backend would register, had it been imported; it needs pandas, its compiler does not."""

    treat_nan_as_null: bool = False


class _Compiler(PySparkCompiler):  # type: ignore[misc]
    """Ibis' Spark dialect, where it differs from what the expressions mean on the embedded engine."""

    SIMPLE_OPS: ClassVar[dict[type[ops.Node], str]] = {**PySparkCompiler.SIMPLE_OPS, ops.Hash: "xxhash64"}
    """64 bits: the hash of 32 that Ibis takes would find twins on every day of a large log.

    What is named here wins over a method `visit_...` of the same operation.
    """

    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:
        """Spark takes `1.0` for a decimal, whose divisions round after a few digits."""
        if dtype.is_floating():
            return self.cast(sge.Literal.number(repr(float(value))), dtype)
        return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

    def visit_TimestampFromUNIX(self, op: Any, *, arg: Any, unit: Any) -> Any:
        """Milliseconds, without a detour over text."""
        return self.f.timestamp_millis(arg)

    def visit_RegexReplace(self, op: Any, *, arg: Any, pattern: Any, replacement: Any) -> Any:
        """Java marks a group with a dollar sign."""
        return self.f.regexp_replace(arg, _java(pattern), _text(replacement.this.replace("\\", "$")))

    def visit_RegexExtract(self, op: Any, *, arg: Any, pattern: Any, index: Any) -> Any:
        """See `_java`."""
        return super().visit_RegexExtract(op, arg=arg, pattern=_java(pattern), index=index)


def _java(pattern: Any) -> Any:
    """In Java `$` also stands before a last newline."""
    return _text(pattern.this[:-1] + r"\z") if pattern.this.endswith("$") else pattern


def _text(value: str) -> Any:
    return sge.Literal.string(value)


_COMPILER: Final = _Compiler()


def compiled(table: ir.Table) -> str:
    """An Ibis expression over `view_of` tables as Spark SQL."""
    if ibis.options.pyspark is None:
        ibis.options.pyspark = _Options()
    return str(_COMPILER.to_sqlglot(table).sql(dialect=_COMPILER.dialect))


def casts_of(found: dict[str, str], wanted: dict[str, str]) -> list[str]:
    """Expressions that give whole numbers the width that Ibis says they have; Spark widens some literals."""
    kinds = {ours: kind for kind, ours in _WHOLE.items()}
    return [
        f"cast({quote(name)} AS {kinds[ours]}) AS {quote(name)}"
        if (ours := wanted[name]) in kinds and kinds[ours] != kind
        else quote(name)
        for name, kind in found.items()
    ]


def view_of(name: str, columns: dict[str, str]) -> ir.Table:
    """An Ibis table for a temporary view; `columns` by name, with Spark's types."""
    kinds = _DATES | _WHOLE
    return ibis.table({column: kinds[kind] for column, kind in columns.items()}, name=name)


# Lines of text.


TEXT: Final = r"CASE WHEN endswith(value, '\r') THEN trim(TRAILING '\r' FROM value) ELSE value END AS text"
"""Over `value`, a line as Hadoop splits it: without its carriage returns. Trimming copies a line sign by sign."""


def unreadable(version: str) -> str:
    """Condition over `text`, never null: it is no UTF-8, or has a carriage return inside."""
    if int(version.partition(".")[0]) >= 4:
        utf8 = "is_valid_utf8(text)"
    else:  # decoding puts a mark in place of what is no UTF-8
        utf8 = "cast(text AS binary) = encode(decode(cast(text AS binary), 'UTF-8'), 'UTF-8')"
    return rf"coalesce(NOT {utf8} OR contains(text, '\r'), false)"


_SURROGATE: Final = (
    r"CASE WHEN contains(text, '\\u') THEN contains(text, '\\ud') OR contains(text, '\\uD') ELSE false END"
)
"""Condition over `text`: it may hold a half of a sign of two halves, escaped."""


_NO_TEXT: Final = ("tr", "fa", '"-', '"N', '"I')
"""How texts begin that may stand for true, false, or, in quotes, what is no number to the parser."""

_NO_LETTER: Final = ", ".join(str(ord(sign)) for sign in "-./0123456789[{")
"""First signs of texts that may stand for a number, an array or an object."""

_LOST: Final = "\ufffd"
"""What Spark's parser reads where bytes are no UTF-8."""


class JsonLines:
    """Expressions that judge `text` as one JSON object and take its fields out.

    The line is put into an object of our own as its first value, with a mark behind it. So two objects on one line
    spoil the whole, which Spark's parser would otherwise pass over.

    A line is plain if each of its keys is one of ours, once, with a value that by its looks is of the column's type:
    its fields are taken as Spark's parser types them. Every other line is parsed again into a map of texts, at twice
    the price, and judged value by value: of a key that is named twice the first counts there, and our own object must
    have no third entry.
    """

    def __init__(self, columns: dict[str, str], version: str) -> None:
        """Take the names of our columns in the log, and the version of Spark."""
        self._columns = columns
        self._unreadable = unreadable(version)
        self._mark = f"end_{secrets.token_hex(6)}"  # so that no line can hold it
        # One key for two columns: no type fits both. A key like one with lost bytes: they could not be told apart.
        self._typed = len(set(columns.values())) == len(NUMBERS + TEXTS) and _LOST not in "".join(columns.values())

    def fields(self, shown: str = "text") -> tuple[tuple[str, str], ...]:
        """Columns to set over `text`, by name, one after the other, so that each is made once.

        Behind them there are `p`, with the struct `v`, for lines that are `plain`, and the map `fields` for other
        lines that are one object.

        Args:
            shown: what `text` becomes as soon as it is known which lines are plain; copying it is dear.
        """
        texts = "map<string, map<string, string>>"
        may_be = f"NOT plain AND octet_length(text) <= {MAX_LINE} AND NOT {self._unreadable}"
        parsed_again = (
            ("text", shown),
            ("f", f"CASE WHEN {may_be} THEN {self._parsed(texts)} END"),
            ("fields", self._fields()),
        )
        if not self._typed:
            return (("plain", "false"), *parsed_again)
        kinds = {self._columns[name]: "double" if name in NUMBERS else "string" for name in NUMBERS + TEXTS}
        fields = ", ".join(f"{quote(column)}: {kind}" for column, kind in kinds.items())
        struct = f"struct<v: struct<{fields}>, {self._mark}: map<string, string>>"
        return (
            ("p", f"CASE WHEN octet_length(text) <= {MAX_LINE} THEN {self._parsed(struct, strict=True)} END"),
            ("plain", f"coalesce({self._is_plain()}, false)"),
            *parsed_again,
        )

    def cells(self) -> tuple[tuple[str, str], ...]:
        """Columns to set over those of `fields`: `object`, `odd`, and the struct `row`, see `cell`.

        `odd` has the bits of the text columns that hold something that is no JSON string.
        """
        given = ", ".join(f"{literal(name)}, {self._given(name)}" for name in NUMBERS + TEXTS)
        bits = " + ".join(f"CASE WHEN {self._is_odd(name)} THEN {1 << i} ELSE 0 END" for i, name in enumerate(TEXTS))
        kept = {name: f"given.{name}" for name in NUMBERS}
        for i, name in enumerate(TEXTS):
            kept[name] = f"CASE WHEN odd & {1 << i} = 0 THEN given.{name} END"
        judged = f"named_struct({', '.join(f'{literal(self._key(name))}, {what}' for name, what in kept.items())})"
        return (
            ("object", "plain OR fields IS NOT NULL"),
            ("given", f"CASE WHEN NOT plain THEN named_struct({given}) END"),
            ("odd", f"cast(CASE WHEN object AND NOT plain THEN {bits} ELSE 0 END AS bigint)"),
            ("row", f"CASE WHEN plain THEN p.v ELSE {judged} END" if self._typed else judged),
        )

    def cell(self, name: str) -> str:
        """One of the 18 columns over `row`: a number as double, infinite for what is none, or a text."""
        return f"row.{quote(self._key(name))}"

    def _key(self, name: str) -> str:
        return self._columns[name] if self._typed else name

    def _parsed(self, kind: str, *, strict: bool = False) -> str:
        """The object of our own, null or cut short where it is no JSON; `strict`: NaN and the infinities are none."""
        wrapped = f"""concat('{{"v":', text, ',"{self._mark}":{{}}}}')"""
        options = f"map('allowSingleQuotes', 'false', 'allowNonNumericNumbers', '{str(not strict).lower()}')"
        return f"from_json({wrapped}, {literal(kind)}, {options})"

    def _is_plain(self) -> str:
        """Condition over `p`: it has an end, as many keys as known fields, no odd text, and no half of a sign.

        Keys are counted by the quote and colon behind each, so there must be no blank between the two. Bytes that are
        no UTF-8 show in the text that they are in; a key with such bytes is none of ours.
        """
        keys = "(octet_length(text) - octet_length(replace(text, '\":', ''))) DIV 2"
        known = " + ".join(f"cast(p.v.{quote(column)} IS NOT NULL AS int)" for column in self._columns.values())
        odd = " OR ".join(self._may_be_odd(name) for name in TEXTS)
        whole = f"startswith(text, '{{') AND p.v IS NOT NULL AND p.{self._mark} IS NOT NULL"
        whole += r" AND NOT contains(text, ' :') AND NOT contains(text, '\t:') AND NOT contains(text, '\r')"
        return f"{whole} AND {keys} = {known} AND NOT ({odd}) AND NOT {_SURROGATE}"

    def _may_be_odd(self, name: str) -> str:
        """Condition over `p`: the text may be no JSON string, or has lost bytes; a user id may be a whole number."""
        v = f"p.v.{quote(self._columns[name])}"
        begins = " OR ".join(f"startswith({v}, {literal(sign)})" for sign in _NO_TEXT)
        number = f"ascii({v}) IN ({_NO_LETTER})"
        if name == "userId":
            number = f"CASE WHEN {v} >= '-' AND {v} < ':' THEN contains({v}, '.') ELSE {number} END"
        return f"coalesce({number} OR {begins} OR contains({v}, '{_LOST}'), false)"

    def _fields(self) -> str:
        """The map of the fields over `f`; null unless it is one object. Half a pair of surrogates is no text."""
        half = r"(?i)(?<!\\)(\\\\)*\\u(d[89ab]..(?!\\ud[c-f])|(?<!\\ud[89ab]..\\u)d[c-f])"
        lone = f"CASE WHEN {_SURROGATE} THEN text RLIKE {literal(half)} ELSE false END"
        return f"CASE WHEN size(f) = 2 AND f['{self._mark}'] IS NOT NULL AND NOT {lone} THEN f['v'] END"

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
        quoted = f"""{v} IN ('"NaN"', '"Infinity"', '"-Infinity"')"""
        escaped = rf"coalesce({self._kind(name, 2)} <> '\"\\', true)"
        return (
            f"CASE WHEN {v} >= 'A' AND {v} < '[' THEN false WHEN {could_be} THEN {again} "
            f"WHEN {quoted} THEN {escaped} ELSE false END"
        )

    def _kind(self, name: str, signs: int = 1) -> str:
        """The first signs of a field as it stands in the line; null for NaN and the infinities.

        One match of a wildcard comes with the quotes of a string, where a plain path takes them off.
        """
        path = literal(f"$[*]['{self._columns[name]}']")
        return f"left(get_json_object(concat('[', text, ']'), {path}), {signs})"


def _number(value: str) -> str:
    """A number as text. Java takes more for a number than others do (`1d`, `0x1p3`), and less (`1_000`)."""
    return (
        f"CASE WHEN {value} RLIKE '^[-+.0-9eE]*$' THEN {value} WHEN {value} RLIKE '[dDfFxX\\\\x00]' THEN 'no number' "
        f"ELSE regexp_replace({value}, '(?<=[0-9])_(?=[0-9])', '') END"
    )


def as_number(text: str) -> str:
    """A text as a number, infinite where it stands for none: Ibis takes nan for null."""
    number = f"nullif(try_cast({text} AS double), double('NaN'))"
    return f"CASE WHEN {text} IS NOT NULL THEN coalesce({number}, double('Infinity')) END"


def _whole_id(value: str, kind: str) -> str:
    """A user id; a number like 12345678.0 comes out of the parser as `1.2345678E7`."""
    plain = f"cast(cast({value} AS decimal(38, 4)) AS decimal(38, 1))"
    scientific = f"{value} RLIKE '^-?[0-9][.][0-9]+E([7-9]|1[0-5])$'"
    return f"CASE WHEN {scientific} AND {kind} <> '\"' THEN cast({plain} AS string) ELSE {value} END"


# Rows of Parquet.


def parquet_cells(columns: dict[str, str], schema: pa.Schema) -> dict[str, str]:
    """A row of a Parquet file as a line: the 18 columns as text, and `odd`."""
    cells = {name: as_number(_cell(columns[name], schema)) for name in NUMBERS}
    wrong = {name: _odd_cell(columns[name], name, schema) for name in TEXTS}
    for name in TEXTS:
        cells[name] = f"CASE WHEN NOT {wrong[name]} THEN {_cell(columns[name], schema)} END"
    bits = [f"CASE WHEN {wrong[name]} THEN {1 << i} ELSE 0 END" for i, name in enumerate(TEXTS)]
    return {**cells, "odd": f"cast({' + '.join(bits)} AS bigint)"}


def _cell(column: str, schema: pa.Schema) -> str:
    if column not in schema.names:
        return "cast(NULL AS string)"
    kind, name = _kind_of(schema, column), quote(column)
    if pa.types.is_timestamp(kind):
        # Fractions of a millisecond are dropped, as in JSON lines. Spark reads nanoseconds as whole numbers.
        whole = f"{name} DIV 1000000" if kind.unit == "ns" else f"unix_micros(cast({name} AS timestamp)) DIV 1000"
        return f"cast({whole} AS string)"
    if pa.types.is_floating(kind):
        # Where the number fits an integer, by cases, as an AND would take the floor of an infinity.
        whole = f"CASE WHEN abs({name}) < 1e15 THEN {name} = floor({name}) ELSE false END"
        return f"CASE WHEN {whole} THEN concat(cast({name} AS bigint), '.0') ELSE cast({name} AS string) END"
    if pa.types.is_nested(kind):
        return f"CASE WHEN {name} IS NOT NULL THEN 'no number' END"
    return f"cast({name} AS string)"


def _odd_cell(column: str, name: str, schema: pa.Schema) -> str:
    """Condition: a text column of a Parquet file holds something that is no text; never null."""
    if column not in schema.names:
        return "false"
    kind = _kind_of(schema, column)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
        return "false"
    if name == "userId" and pa.types.is_floating(kind):
        return f"coalesce(isnan({quote(column)}) OR abs({quote(column)}) = double('Infinity'), false)"
    if name == "userId" and (pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
        return "false"
    return f"({quote(column)} IS NOT NULL)"


def _kind_of(schema: pa.Schema, column: str) -> Any:
    kind = schema.field(column).type
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def quote(name: str) -> str:
    """A name as an SQL identifier."""
    return "`" + name.replace("`", "``") + "`"


def literal(value: str) -> str:
    """A text as an SQL literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
