"""A trained model to a bundle: its ONNX form, compared with it, and what is usual."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.parquet as pq

from churn.bundle import FeatureEntry, Manifest, save
from churn.bundle.graph import calibrated
from churn.errors import EngineError
from churn.evaluation import Floats
from churn.features.base import Described
from churn.learnable import LEAVERS_NEEDED
from churn.learners import Witness
from churn.results import TaskResult
from churn.tables import Table
from churn.tuning import Recipe

QUANTILES: Final = tuple(i / 20 for i in range(21))
"""Points at which the reference distribution of every feature is kept."""

PARITY: Final = 1e-5
"""Largest difference of a probability that the ONNX form of a model may show."""


@dataclass(frozen=True)
class Origin:
    """Where a model comes from.

    Attributes:
        problem: what was asked, for the manifest.
        fingerprint: of the data.
        versions: of the libraries.
        recipe: how it was made.
    """

    problem: Mapping[str, Any]
    fingerprint: str
    versions: Mapping[str, str]
    recipe: Recipe


def write_bundle(result: TaskResult, features: Mapping[str, Described], origin: Origin, folder: Path) -> None:
    """The selected model of a task, as a bundle in a new folder.

    Raises:
        EngineError: if its ONNX form scores otherwise than it was measured.
    """
    chosen, split, recipe = result.fits[result.selected], result.split, origin.recipe
    test = split.test.features(chosen.names)
    model = calibrated(chosen.model.to_onnx(), chosen.calibration.slope, chosen.calibration.intercept)
    content = model.SerializeToString(deterministic=True)
    said = [chosen.model.logit(test.x)]
    if isinstance(chosen.model, Witness):
        said.append(chosen.model.witness(test.x))
    expected = [chosen.calibration.apply(logit) for logit in said]
    manifest = Manifest(
        model=chosen.family.name,
        task=split.task,
        problem=origin.problem,
        features=_entries(test, features),
        threshold=chosen.scores.threshold,
        base_rate=float(split.train.y.mean()),
        calibration=asdict(chosen.calibration),
        training={
            **split.train.describe(),
            "seed": recipe.seed,
            "balance": recipe.balance,
            "threshold": recipe.policy.as_json(),
            "settings": chosen.tuned.params,
            "test": split.test_words,
            "enough": split.train.leavers >= LEAVERS_NEEDED,
        },
        fingerprint=origin.fingerprint,
        metrics={name: _defined(value) for name, value in result.measured[result.selected].test.items()},
        parity=_parity(content, test, expected),
        versions=dict(origin.versions),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        files={},
    )
    save(folder, manifest, content, reference(test))


def _entries(latest: Table, features: Mapping[str, Described]) -> tuple[FeatureEntry, ...]:
    """The inputs with what is usual at the latest cut-off: totals grow with the log, so earlier ones mislead."""
    low, usual, high = _quantiles(latest, (0.1, 0.5, 0.9)).T
    return tuple(
        FeatureEntry(
            name=name,
            sentence=features[name].sentence,
            group=features[name].group,
            usual=float(usual[i]),
            spread=max(float(high[i] - low[i]), 1e-9),
            flag=features[name].flag,
            trait=features[name].trait,
        )
        for i, name in enumerate(latest.names)
    )


def _quantiles(table: Table, points: Sequence[float]) -> Floats:
    """Quantiles of every feature where it is known, shape [f, points]; 0 where it is known of nobody."""
    found = np.zeros((len(table.names), len(points)))
    for i in range(len(table.names)):
        known = table.x[:, i][~np.isnan(table.x[:, i])]
        if known.size:
            found[i] = np.quantile(known.astype(np.float64), points)
    return found


def _parity(model: bytes, test: Table, expected: Sequence[Floats]) -> dict[str, float]:
    """Largest difference of a probability between the trained model and its ONNX form, on the test rows.

    Args:
        model: its ONNX form.
        test: the rows.
        expected: their probabilities, by everything that computes them, each of shape [n].

    Raises:
        EngineError: if it is larger than `PARITY`: a bundle that scores otherwise than it was measured is no bundle.
    """
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (found,) = session.run(["probability"], {"features": test.x})
    difference = max(float(np.abs(found - p).max()) for p in expected)
    if not difference <= PARITY:
        raise EngineError(f"the model's ONNX form differs from it by {difference:.1e}", "report this, with the bundle")
    return {"rows": len(test), "max_abs_difference": difference}


def reference(table: Table) -> bytes:
    """The distribution of every feature over the rows of a table, as Parquet.

    Columns: feature, quantile, value; `at_most`: share of the known values up to that value, which is more than
    the quantile where many are alike; `unknown`: share of the rows where the feature is unknown.
    """
    values, points = _quantiles(table, QUANTILES).astype(np.float32), len(QUANTILES)
    at_most, unknown = np.empty(values.shape), np.empty(len(table.names))
    for i in range(len(table.names)):
        column = np.sort(table.x[:, i])  # nan goes to the end
        known = len(column) - int(np.isnan(column).sum())
        at_most[i] = np.searchsorted(column[:known], values[i], side="right") / max(1, known)
        unknown[i] = 1 - known / max(1, len(column))
    made = pa.table(
        {
            "feature": np.repeat(np.array(table.names, dtype=object), points),
            "quantile": np.tile(QUANTILES, len(table.names)),
            "value": values.reshape(-1),
            "at_most": at_most.reshape(-1),
            "unknown": np.repeat(unknown, points),
        }
    )
    target = io.BytesIO()
    pq.write_table(made, target)
    return target.getvalue()


def _defined(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
