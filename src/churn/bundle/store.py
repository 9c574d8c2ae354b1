"""Bundles to and from a folder, with a checksum for every file, the manifest included."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from churn.bundle.card import card
from churn.bundle.manifest import Manifest, digest
from churn.errors import BundleError

MODEL: Final = "model.onnx"
MANIFEST: Final = "manifest.json"
REFERENCE: Final = "reference.parquet"
CARD: Final = "card.md"


@dataclass(frozen=True)
class Bundle:
    """A bundle in memory: the manifest, and the bytes of the ONNX model and of the reference distributions."""

    manifest: Manifest
    model: bytes
    reference: bytes = b""


def save(folder: Path, manifest: Manifest, model: bytes, reference: bytes) -> Manifest:
    """Write a bundle into a new folder; returns the manifest with the checksums filled in."""
    folder.mkdir(parents=True)
    content = {MODEL: model, REFERENCE: reference, CARD: card(manifest).encode()}
    for name, data in content.items():
        (folder / name).write_bytes(data)
    complete = replace(manifest, files={name: _checksum(data) for name, data in content.items()})
    complete = replace(complete, digest=digest(complete.to_json()))
    (folder / MANIFEST).write_text(complete.to_json(), encoding="utf-8")
    return complete


def load(folder: Path) -> Bundle:
    """Read a bundle and check every file against its checksum.

    Checksums tell damage and hasty changes; whoever changes a bundle on purpose can make them anew.

    Raises:
        BundleError: if it is no bundle, incomplete, changed since it was made, or of a newer format.
    """
    text = _read(folder, MANIFEST).decode("utf-8", "replace")
    manifest = Manifest.from_json(text)
    if manifest.digest not in ("", digest(text)):
        raise _changed(folder / MANIFEST)
    for name in dict.fromkeys((MODEL, REFERENCE, CARD, *manifest.files)):
        if _checksum(_read(folder, name)) != manifest.files.get(name):
            raise _changed(folder / name)
    return Bundle(manifest, _read(folder, MODEL), _read(folder, REFERENCE))


def _changed(path: Path) -> BundleError:
    return BundleError(f"{path} is not the file that the bundle was made with", "fetch or make it again")


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / Path(name).name).read_bytes()
    except (OSError, ValueError) as error:  # a ValueError for a name that no file can have
        reason = error.strerror if isinstance(error, OSError) else error
        raise BundleError(
            f"{folder} is no complete bundle: {name} cannot be read ({reason})", "fetch or make it again"
        ) from error


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
