"""The reference distributions of a bundle: what every feature looked like when the model was made."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any


def read_reference(content: bytes) -> Mapping[str, list[Any]]:
    """Columns of `reference.parquet`: `feature`, `quantile`, `value`, and in newer bundles `at_most`, `unknown`.

    Args:
        content: the bytes of the file; none for a bundle that has been made without it.
    """
    if not content:
        return {"feature": [], "quantile": [], "value": []}
    import pyarrow.parquet as pq  # here alone: whoever only scores never loads it

    columns: Mapping[str, list[Any]] = pq.read_table(io.BytesIO(content)).to_pydict()
    return columns
