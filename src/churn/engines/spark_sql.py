"""The SQL with which Spark turns rows of Parquet into raw lines, and Ibis expressions into Spark's dialect.

Nothing here imports pyspark: it is text in, text out. See `Engine.lines` for what raw lines must look like.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.pyspark import PySparkCompiler
from ibis.config import Config

from churn.schema import NUMBERS, TEXTS

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


def as_number(text: str) -> str:
    """A text as a number, infinite where it stands for none: Ibis takes nan for null."""
    number = f"nullif(try_cast({text} AS double), double('NaN'))"
    return f"CASE WHEN {text} IS NOT NULL THEN coalesce({number}, double('Infinity')) END"


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
