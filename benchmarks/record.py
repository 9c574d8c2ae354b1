"""Take what `make bench` wrote into the docs: JSON beside them, tables between the marks of docs/benchmarks.md."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.figures import SIZES, Report, reports
from benchmarks.machine import ROOT
from benchmarks.tables import growth_page, size_page

PAGE: Final = ROOT / "docs" / "benchmarks.md"
STORED: Final = ROOT / "docs" / "benchmarks"


def sections(stored: Sequence[Report]) -> dict[str, str]:
    """What stands between which marks: the table of each size that was stored, and the growth."""
    found = {report.size: size_page(report) for report in stored}
    return {**found, "growth": growth_page(stored)} if stored else found


def with_sections(page: str, sections: dict[str, str]) -> str:
    """A page with new text between its marks; sections without a new one stay as they are.

    Raises:
        SystemExit: if the page lacks a mark.
    """
    for name, text in sections.items():
        start, end = f"<!-- bench {name} -->", f"<!-- end of bench {name} -->"
        if page.count(start) != 1 or page.count(end) != 1:
            raise SystemExit(f"bench: docs/benchmarks.md must hold {start} and {end} once each")
        before, __, rest = page.partition(start)
        page = f"{before}{start}\n{text}{end}{rest.partition(end)[2]}"
    return page


def main(made: Path = ROOT / "build" / "bench") -> None:
    new = [size for size in SIZES if (made / f"{size}.json").exists()]
    if not new:
        raise SystemExit(f"bench: nothing in {made}; say make bench first")
    STORED.mkdir(exist_ok=True)
    for size in new:
        shutil.copyfile(made / f"{size}.json", STORED / f"{size}.json")
    PAGE.write_text(with_sections(PAGE.read_text(encoding="utf-8"), sections(reports(STORED))), encoding="utf-8")
    print(f"bench: {', '.join(new)} taken into {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
