"""A trained model on disk: ONNX, a JSON manifest, reference distributions and a card. Nothing in it can run code."""

from __future__ import annotations

from churn.bundle.manifest import FORMAT, FeatureEntry, Manifest
from churn.bundle.store import Bundle, load, save

__all__ = ["FORMAT", "Bundle", "FeatureEntry", "Manifest", "load", "save"]
