"""Whether people with a screen reader, or weak eyes, can use a page."""

from __future__ import annotations

from typing import Any

import pytest


def serious(page: Any) -> list[tuple[str, list[str]]]:
    """What axe finds that is serious or critical, with where it is."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed: make venv")
    found = axe.Axe().run(page).response["violations"]
    return [
        (one["id"], [node["html"][:200] for node in one["nodes"]][:3])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
