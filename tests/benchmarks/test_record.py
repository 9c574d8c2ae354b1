from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import record
from benchmarks.figures import Figure, reports
from benchmarks.record import PAGE, STORED, sections, with_sections
from tests.benchmarks.reports import report

MARKED = "above\n<!-- bench mini -->\nold\n<!-- end of bench mini -->\nbelow\n"


def test_the_docs_show_what_the_stored_figures_make() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_sections(page, sections(reports(STORED))), "run: make bench-docs"


def test_a_section_takes_the_place_of_the_old_one_and_nothing_else() -> None:
    assert with_sections(MARKED, {"mini": "new\n"}) == MARKED.replace("old", "new")
    assert with_sections(MARKED, {}) == MARKED


def test_text_that_looks_like_a_pattern_stays_as_it_is() -> None:
    assert "\\1 \\g<0>" in with_sections(MARKED, {"mini": "\\1 \\g<0>\n"})


@pytest.mark.parametrize("page", ["nothing", MARKED + MARKED, MARKED.replace("end of", "")])
def test_a_page_without_its_marks_is_refused(page: str) -> None:
    with pytest.raises(SystemExit, match="once each"):
        with_sections(page, {"mini": "new\n"})


def test_what_a_benchmark_wrote_is_stored_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, made, stored = tmp_path / "page.md", tmp_path / "made", tmp_path / "stored"
    page.write_text(MARKED + MARKED.replace("mini", "growth"))
    made.mkdir()
    (made / "mini.json").write_text(report("mini", 600, Figure("ingest", "churn", (3.0,))).to_json())
    for name, value in (("PAGE", page), ("STORED", stored), ("ROOT", tmp_path)):
        monkeypatch.setattr(record, name, value)
    record.main(made)
    assert "| ingest | churn | 3.00 |" in page.read_text()
    assert [found.size for found in reports(stored)] == ["mini"]


def test_without_a_benchmark_there_is_nothing_to_show(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="make bench first"):
        record.main(tmp_path)
