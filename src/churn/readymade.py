"""A ready-made table of one row a user to features and labels: CSV, CSV.gz or Parquet."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from churn.errors import SourceError
from churn.evaluation import Floats, Ints
from churn.tables import Table

MOST_KINDS: Final = 20
"""Different texts of a column that is still one-hot encoded."""

_SHOWN: Final = 5


@dataclass(frozen=True)
class Column:
    """What is known of a feature of somebody's table; see `churn.features.base.Described`."""

    sentence: str
    group: str
    flag: bool = False
    trait: bool = False


@dataclass(frozen=True)
class Readymade:
    """A table that can be learned from.

    Attributes:
        table: features and labels, one row a user; folds by a hash of the user.
        columns: what is known of each feature, by name.
        fingerprint: of the content.
    """

    table: Table
    columns: Mapping[str, Column]
    fingerprint: str


def read_table(
    path: Path, user: str, label: str, *, drop: Sequence[str] = (), folds: int = 5, seed: int = 0
) -> Readymade:
    """Read a ready-made table.

    Numbers and booleans are taken as they are; in CSV, NA and the like are unknown among them, as is an empty cell.
    A column of at most `MOST_KINDS` different texts becomes one feature a text, `column=text`; where it is empty, all
    of them are 0. Texts and ids are taken as they stand: NA is a text like any other.

    Args:
        path: a file whose name ends in .csv, .csv.gz or .parquet.
        user: the column of user ids, each once.
        label: the column with 1 or true for a leaver, 0 or false for others.
        drop: columns to leave out.
        folds: how many folds users are put into.
        seed: of the folds.

    Raises:
        SourceError: if the file or one of its columns cannot be used, with their names.
    """
    found = _read(path, user)
    missing = [name for name in (user, label, *drop) if name not in found.column_names]
    if missing:
        there = ", ".join(found.column_names[:20])
        what = f"{path} has no column {', '.join(missing)}"
        raise SourceError(what, f"check --id, --label and --drop; there are: {there}")
    if len(set(found.column_names)) < len(found.column_names):
        raise SourceError(f"{path} has several columns of one name", "give each a name of its own")
    ids = _ids(found[user], path, user)
    y = _labels(found[label], path, label)
    columns: dict[str, Column] = {}
    values: list[Floats] = []
    refused: list[str] = []
    for name in found.column_names:
        if name in (user, label, *drop):
            continue
        made = _features(name, found[name])
        refused += [] if made else [name]
        for feature, column, numbers in made:
            if feature in columns:
                what = f"{path}: the columns {columns[feature].group} and {name} both make a feature {feature}"
                raise SourceError(what, "rename one of them, or leave it out with --drop")
            columns[feature] = column
            values.append(numbers)
    if refused:
        raise SourceError(
            f"{path}: these columns are neither numbers nor texts of at most {MOST_KINDS} kinds: {', '.join(refused)}",
            "leave them out with --drop, or turn them into numbers",
        )
    return _readymade(ids, y, columns, values, path, folds, seed)


def _readymade(
    ids: list[str], y: Ints, columns: Mapping[str, Column], values: list[Floats], path: Path, folds: int, seed: int
) -> Readymade:
    if not values:
        raise SourceError(f"{path} has no column to learn from", "give a table with features")
    with np.errstate(over="ignore"):
        x = np.column_stack(values).astype(np.float32)
    endless = [name for name, column in zip(columns, x.T, strict=True) if np.isinf(column).any()]
    if endless:
        raise SourceError(f"{path}: numbers beyond 3.4e38 in {', '.join(endless)}", "mend them or leave them empty")
    order = np.argsort(np.array(ids), kind="stable")
    users = np.array(ids, dtype=object)[order]
    table = Table(
        names=tuple(columns),
        x=np.ascontiguousarray(x[order]),
        y=y[order],
        users=users,
        cutoffs=np.full(len(ids), np.datetime64("NaT", "D")),
        folds=np.array([fold_of(str(name), folds, seed) for name in users], dtype=np.int64),
        keep_folds=True,
    )
    digest = hashlib.sha256("\0".join([*table.names, *ids]).encode())
    digest.update(table.x.tobytes() + table.y.tobytes())
    return Readymade(table, columns, digest.hexdigest())


def fold_of(user: str, folds: int, seed: int) -> int:
    """The fold of a user; for five folds the one that a log's snapshots put the user into."""
    return int(hashlib.md5(f"{seed}:{user}".encode(), usedforsecurity=False).hexdigest()[:4], 16) % folds


def _read(path: Path, user: str) -> pa.Table:
    try:
        if path.name.endswith(".parquet"):
            return pq.read_table(path)
        if path.name.endswith((".csv", ".csv.gz")):
            # Ids are text from the start, or 007 and 7 would be one user.
            options = pyarrow.csv.ConvertOptions(column_types={user: pa.string()})
            return _empty_to_null(pyarrow.csv.read_csv(path, convert_options=options))
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{path} cannot be read ({error})", "check the path and the file") from error
    raise SourceError(f"{path} is no CSV and no Parquet by its name", "name it .csv, .csv.gz or .parquet")


def _empty_to_null(table: pa.Table) -> pa.Table:
    """Of texts, the empty cell alone is unknown: a user may be called Null, and a level NA."""
    for i, name in enumerate(table.column_names):
        column = table.column(i)
        if pa.types.is_string(column.type):
            table = table.set_column(i, name, pc.if_else(pc.equal(column, ""), None, column))
    return table


def _ids(column: pa.ChunkedArray, path: Path, name: str) -> list[str]:
    ids = [None if value is None else str(value) for value in column.to_pylist()]
    if not ids:
        raise SourceError(f"{path} has no rows", "give one row a user")
    if any(not value for value in ids):
        raise SourceError(f"{path}: {name} is empty in {sum(not v for v in ids)} rows", "give every user an id")
    twice = [str(user) for user, count in Counter(ids).items() if count > 1]
    if twice:
        what = f"{path}: {len(twice)} users have several rows, the first {', '.join(twice[:_SHOWN])}"
        raise SourceError(what, "give one row a user")
    return [str(value) for value in ids]


def _labels(column: pa.ChunkedArray, path: Path, name: str) -> Ints:
    words = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}
    found = [words.get(str(value).lower(), -1) for value in column.to_pylist()]
    strange = sum(value < 0 for value in found)
    if strange:
        raise SourceError(f"{path}: {name} is neither 0 nor 1 in {strange} rows", "name the label with --label")
    return np.array(found, dtype=np.int64)


def _features(name: str, column: pa.ChunkedArray) -> list[tuple[str, Column, Floats]]:
    """The features that a column becomes; none if it cannot become any."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_null(kind):
        return [(name, Column(name, name), np.full(len(column), np.nan))]
    if pa.types.is_boolean(kind):
        return [(name, Column(name, name, flag=True), _numbers(pc.cast(column, pa.int8())))]
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return [(name, Column(name, name), _numbers(column))]
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        kinds = sorted(str(value) for value in pc.unique(column).to_pylist() if value is not None)
        if len(kinds) <= MOST_KINDS:
            texts = np.array([value if value is not None else "" for value in column.to_pylist()], dtype=object)
            known = column.is_valid().to_numpy()
            return [
                (f"{name}={text}", Column(f"{name} is {text}", name, flag=True), _flags(texts == text, known))
                for text in kinds
            ]
    return []


def _flags(equal: Any, known: Any) -> Floats:
    return np.asarray(equal & known, dtype=np.float64)


def _numbers(column: pa.ChunkedArray) -> Floats:
    return np.asarray(pc.cast(column, pa.float64(), safe=False).fill_null(np.nan).to_numpy(), dtype=np.float64)
