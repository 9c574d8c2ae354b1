"""What `churn serve` is pointed at: the folder of a run, or a bundle alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from churn.app_data import NAME
from churn.bundle import Bundle, load
from churn.bundle.store import MANIFEST
from churn.errors import SourceError
from churn.sources import RUN_MARK
from churn.web.store import Store


@dataclass(frozen=True)
class Opened:
    """A folder that can be served.

    Attributes:
        folder: where it is.
        bundle_folder: where its bundle is.
        bundle: the model.
        store: everything of the run; None for a bundle alone.
        card: the model card, as it was at the start.
    """

    folder: Path
    bundle_folder: Path
    bundle: Bundle
    store: Store | None
    card: str


def open_folder(folder: Path) -> Opened:
    """Open a run or a bundle.

    Raises:
        SourceError: if the folder is neither, or is a run without its file for the page.
        BundleError: if the bundle is damaged.
    """
    if (folder / MANIFEST).is_file():
        return Opened(folder, folder, load(folder), None, _card(folder))
    if (folder / NAME).is_file():
        bundle = folder / "bundle"
        return Opened(folder, bundle, load(bundle), Store(folder / NAME), _card(bundle))
    if (folder / RUN_MARK).is_dir():
        what = f"{folder} is a run without {NAME}: unfinished, or made by an older version"
        bundle = folder / "bundle"
        also = f", or serve its model alone: churn serve {bundle}" if (bundle / MANIFEST).is_file() else ""
        raise SourceError(what, f"run the same churn run again{also}")
    what = f"{folder} is neither the folder of a run nor a bundle"
    raise SourceError(what, "name the --out of churn run, or a folder with manifest.json")


def _card(bundle: Path) -> str:
    """The model card; read once, since the next run writes another one to the same place."""
    card = bundle / "card.md"
    return card.read_text(encoding="utf-8") if card.is_file() else ""
