"""The page as a reader has it: no errors, no requests, both widths, both themes, nothing executed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from churn.report import compare_runs
from tests.axe import serious

pytestmark = pytest.mark.slow

WIDTHS = (390, 1280)


class Opened:
    """A page, with every complaint and every request it made."""

    def __init__(self, browser: Any, path: Path, width: int, scheme: str) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.resolve().as_uri())

    def draw_all(self) -> None:
        """Scroll to every plot, so that it is drawn."""
        for figure in self.page.query_selector_all("figure.plot"):
            figure.scroll_into_view_if_needed()
            figure.wait_for_selector(".live .main-svg", state="attached")


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Opened]]:
    opened: list[Opened] = []

    def open_(path: Path, width: int = 1280, scheme: str = "light") -> Opened:
        opened.append(Opened(browser, path, width, scheme))
        return opened[-1]

    yield open_
    for one in opened:
        one.page.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["finished", "hostile", "bare"])
def test_it_opens_without_an_error_or_a_request_and_fits(
    open_page: Callable[..., Opened], request: pytest.FixtureRequest, name: str, width: int
) -> None:
    path = request.getfixturevalue(name) / "report.html"
    opened = open_page(path, width, "dark" if width == 390 else "light")
    opened.draw_all()
    page = opened.page
    for summary in page.query_selector_all("summary"):
        summary.click()
    assert opened.complaints == []
    assert opened.requests == [path.resolve().as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") == width  # tables scroll inside themselves
    assert page.evaluate("window.owned") is None
    assert page.title() == "Churn report"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_serious(
    open_page: Callable[..., Opened], finished: Path, hostile: Path, tmp_path: Path, width: int, scheme: str
) -> None:
    for path in (finished / "report.html", compare_runs(finished, hostile, tmp_path / "both.html")):
        opened = open_page(path, width, scheme)
        opened.draw_all()
        opened.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        assert serious(opened.page) == []


def test_every_plot_has_shapes_and_can_show_each_choice(open_page: Callable[..., Opened], finished: Path) -> None:
    opened = open_page(finished / "report.html")
    opened.draw_all()
    figures = opened.page.query_selector_all("figure.plot")
    assert len(figures) >= 14
    for figure in figures:
        select = figure.query_selector("select")
        for value in range(len(figure.query_selector_all("option")) or 1):
            if select:
                select.select_option(str(value))
            figure.wait_for_selector(".live .trace path", state="attached")
    assert opened.complaints == []


def test_the_theme_follows_the_system_until_the_reader_chooses(
    open_page: Callable[..., Opened], finished: Path
) -> None:
    page = open_page(finished / "report.html", 1280, "dark").page
    paper = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(paper) == "rgb(22, 25, 29)"
    page.click("#theme")
    assert page.evaluate(paper) == "rgb(255, 255, 255)"


def test_in_print_the_pictures_stand_in_for_the_plots(open_page: Callable[..., Opened], finished: Path) -> None:
    page = open_page(finished / "report.html").page
    assert not page.is_visible("figure .still svg")
    page.emulate_media(media="print")
    assert page.is_visible("figure .still svg")
    assert not page.is_visible("figure .live")


def test_a_script_that_was_not_escaped_would_not_run_either(
    open_page: Callable[..., Opened], finished: Path, tmp_path: Path
) -> None:
    text = (finished / "report.html").read_text(encoding="utf-8")
    attack = "<script>window.owned=1</script><img src='https://example.invalid/x.png' onerror='window.owned=1'>"
    (tmp_path / "page.html").write_text(text.replace('<main id="content">', f'<main id="content">{attack}', 1))
    opened = open_page(tmp_path / "page.html")
    opened.page.wait_for_timeout(300)
    assert opened.page.evaluate("window.owned") is None
    assert any("Content Security Policy" in said for said in opened.complaints)


@pytest.mark.parametrize("width", WIDTHS)
def test_two_runs_side_by_side(
    open_page: Callable[..., Opened], finished: Path, hostile: Path, tmp_path: Path, width: int
) -> None:
    opened = open_page(compare_runs(finished, hostile, tmp_path / "both.html"), width)
    opened.draw_all()
    assert opened.complaints == []
    assert len(opened.requests) == 1
    assert opened.page.evaluate("document.documentElement.scrollWidth") == width
