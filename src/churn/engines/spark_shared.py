"""Whether the machines of a cluster share the folder that they have written to."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from churn.errors import OutputError


def check_shared(folder: Path, rows: int) -> None:
    """Refuse to go on where this machine does not see all that the others have written.

    Args:
        folder: a table of Parquet files.
        rows: how many rows Spark's tasks have put into it.

    Raises:
        OutputError: if fewer are there.
    """
    try:
        there = sum(pq.read_metadata(path).num_rows for path in folder.rglob("*.parquet"))
    except (pa.ArrowException, OSError) as error:
        raise OutputError(f"{folder}: what Spark has written cannot be read ({error})", "see the disk") from error
    if there < rows:
        raise OutputError(
            f"the machines do not share {folder}: Spark has written {rows:,} rows, and {there:,} of them are here",
            "give an --out that all machines see at the same path, or one in S3",
        )
