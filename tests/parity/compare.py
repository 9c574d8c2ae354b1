"""The one comparator of two engines: what must be equal, and how equal."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from churn.account import Account
from churn.engines import Engine
from churn.ingest import OWN_NAMES, Ingest
from churn.schema import COLUMNS
from churn.sources import find_sources

RELATIVE = 1e-6


def assert_same_table(left: pa.Table, right: pa.Table, *keys: str) -> None:
    """Equal rows by key; whole numbers (floats, too), texts and dates exactly, others to 1e-6; null is null."""
    assert left.column_names == right.column_names
    assert [str(field.type) for field in left.schema] == [str(field.type) for field in right.schema]
    mine, others = ({tuple(row[key] for key in keys): row for row in t.to_pylist()} for t in (left, right))
    assert len(mine) == left.num_rows, "keys are not unique"
    assert mine.keys() == others.keys()
    wrong = [
        (key, name, value, others[key][name])
        for key, row in mine.items()
        for name, value in row.items()
        if not _same(value, others[key][name])
    ]
    assert wrong == [], f"{len(wrong)} values differ"


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        whole = left.is_integer() or right.is_integer()
        return left == right if whole else math.isclose(left, right, rel_tol=RELATIVE)
    return bool(left == right)


def _plain(value: Any) -> Any:
    return value + 0.0 if isinstance(value, float) else value  # -0.0 is 0.0


def ingested(
    engine: Engine, log: Path, out: Path, columns: Mapping[str, str] = OWN_NAMES
) -> tuple[Account, list[str], list[str], list[str]]:
    """What an ingest leaves: account, refused lines by file, kept and nobody's rows in any order, folders of days."""
    out.mkdir(parents=True)
    account = Ingest(engine, find_sources([log]), out, columns, 1).run()
    texts = [path.read_text(encoding="utf-8") for path in sorted((out / "quarantine").iterdir())]
    refused = [str(json.loads(line)) for text in texts for line in text.split("\n") if line]
    rows: list[str] = []
    for part in ("events", "nobody"):
        if (out / part).exists():
            table = engine.read(out / part).select(*COLUMNS, "length_e5", "coerced", "day")
            rows += [str((part, *map(_plain, row.values()))) for row in engine.fetch(table).to_pylist()]
    folders = sorted(path.relative_to(out).as_posix() for path in out.rglob("day=*"))
    extra = [path for path in out.rglob("*") if path.is_file() and path.suffix not in (".parquet", ".json", ".jsonl")]
    assert extra == []
    return account, refused, sorted(rows), folders


def assert_same_lines(name: str, left: Sequence[str], right: Sequence[str]) -> None:
    """Equal, each as often; shows what only one side has."""
    only = [sorted((Counter(a) - Counter(b)).elements()) for a, b in ((left, right), (right, left))]
    shown = "\n".join(text[:400] for side in only for text in side[:10])
    assert only == [[], []], f"{name}: {len(only[0])} and {len(only[1])} differ:\n{shown}"


def assert_same_ingest(
    left: Engine, right: Engine, log: Path, out: Path, columns: Mapping[str, str] = OWN_NAMES
) -> Account:
    """The same account, quarantine, rows and folders from both engines."""
    mine, others = (ingested(engine, log, out / engine.name, columns) for engine in (left, right))
    for name, left_part, right_part in zip(("refused", "rows", "folders"), mine[1:], others[1:], strict=True):
        assert_same_lines(name, left_part, right_part)
    assert json.loads(mine[0].to_json()) == json.loads(others[0].to_json())
    return mine[0]
