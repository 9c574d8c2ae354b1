"""How the pages look and who can use them: both widths, both themes, the keyboard alone, axe, hostile texts."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.serving import make_server

from churn.web.jobs import Job, Jobs
from churn.web.store import RiskList
from tests.axe import serious
from tests.report.logs import HOSTILE
from tests.web.browser.conftest import OpenVisit
from tests.web.conftest import TOKEN, MakeApp, rows_of, serving

pytestmark = pytest.mark.slow

LOOKS = ((1280, "light"), (390, "dark"), (1280, "dark"), (390, "light"))
PATHS = (
    "/",
    "/risk",
    "/risk?q=nobody-at-all",
    "/user",
    "/ask",
    "/go",
    "/go?avgSongs=900&avgEvents=950",
    "/score",
    "/model",
    "/api",
)


def path_of(path: str, finished: Path) -> str:
    user = rows_of(finished / "risk.csv")[0]["userId"]
    return f"/user?{urlencode({'id': user})}" if path == "/user" else path


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_page_fits_and_axe_finds_nothing_serious(
    visit: OpenVisit, finished: Path, width: int, scheme: str
) -> None:
    one = visit(width, scheme)
    for path in PATHS:
        page = one.open(path_of(path, finished))
        page.evaluate("document.querySelectorAll('details').forEach((one, i) => { one.open = i < 5; })")
        assert serious(page) == [], (path, width, scheme)
        one.check()


def test_the_pages_that_are_rarely_seen_pass_axe_too(visit: OpenVisit, finished: Path, browser: Any) -> None:
    with serving(finished / "bundle", "--token", TOKEN) as (_, port):
        one = visit(at=f"http://127.0.0.1:{port}")
        page = one.open("/")
        assert page.url.split("?")[0].endswith("/login")
        assert serious(page) == []
        page.fill("#token", TOKEN)
        page.press("#token", "Enter")
        page.wait_for_selector("text=There is no run behind this page")
        assert "churn serve RUN" in page.inner_text("main")
        assert serious(page) == []
        page.click("text=ask about one customer")
        page.wait_for_selector("#avgSongs")
        one.check()
        page.goto("/nothing-here")
        assert serious(page) == []
        page.click("text=Log out")
        page.wait_for_selector("#token")


@pytest.fixture
def states(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Jobs]]:
    """A server in this process, whose jobs can be put into any state, and which misses an engine."""
    app = make_app()
    monkeypatch.setattr("churn.web.jobs.ENGINE", ("no_such_engine",))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}", app.extensions["churn"].jobs
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_pages_of_jobs_pass_axe_in_every_state(
    visit: OpenVisit, states: tuple[str, Jobs], finished: Path, width: int, scheme: str
) -> None:
    address, jobs = states
    risks = RiskList(finished / "app.sqlite")
    warnings = ["the figure songs_7d has moved: 0.31", "the figure recency_hours has moved: 0.42"]
    for job in (
        Job("running", finished, None, "running", "reading the log", 0.4),
        Job("failed", finished, None, "failed", error="the log is a binary file; " + "x" * 300),
        Job("cancelled", finished, None, "cancelled"),
        Job("done", finished, None, "done", "done", 1.0, warnings=warnings, seconds=2.0, risks=risks),
    ):
        jobs._jobs[job.id] = job
    one = visit(width, scheme, at=address)
    for path, words in [
        ("/jobs/running", "reading the log"),
        ("/jobs/failed", "It failed: the log is a binary file"),
        ("/jobs/cancelled", "It was cancelled"),
        ("/jobs/done", "Before you use this list"),
        ("/score", "no_such_engine is not installed"),
    ]:
        page = one.open(path)
        assert words in page.inner_text("main")
        assert serious(page) == [], (path, width)
        one.check()
    jobs._jobs.clear()


def test_the_theme_follows_the_system_until_the_reader_chooses_and_is_kept(visit: OpenVisit) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    one = visit(scheme="dark")
    page = one.open("/ask")
    assert page.evaluate(paper) == "rgb(17, 21, 26)"
    page.click("#theme")
    assert page.evaluate(paper) == "rgb(245, 246, 248)"
    page = one.open("/risk")
    assert page.evaluate(paper) == "rgb(245, 246, 248)"
    bare = visit(scheme="dark", java_script_enabled=False)
    bare.open("/ask")
    assert "rgb(17, 21, 26)" in _paper_without_scripts(bare)
    one.check()


def _paper_without_scripts(one: Any) -> str:
    # Scripts of the page are off; those of the driver run all the same.
    return str(one.page.evaluate("getComputedStyle(document.body).backgroundColor"))


def press_until(page: Any, selector: str, key: str = "Tab", most: int = 80) -> None:
    """Press a key until the focus is on what a selector names."""
    for _ in range(most):
        page.keyboard.press(key)
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"{most} times {key} do not lead to {selector}")


def test_the_keyboard_alone_is_enough(visit: OpenVisit) -> None:
    one = visit()
    page = one.open("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    press_until(page, "nav a[href='/risk']")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/risk"))
    press_until(page, "input[type=range]")
    before = page.inner_text("#reach b >> nth=0")
    page.keyboard.press("ArrowRight")
    page.locator("#reach p", has_text=f"Contacting the {int(before) + 1} users").wait_for()
    press_until(page, "#q")
    page.keyboard.type("4")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q=4"))
    press_until(page, "#list tbody a")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/user"))
    press_until(page, ".drawing")
    page.keyboard.press("ArrowRight")
    assert page.locator(".tip:visible").inner_text()
    press_until(page, ".fields input[type=number]")
    page.keyboard.press("Control+a")
    page.keyboard.type("7")
    page.locator("#moved", has_text="figure changed").wait_for()
    page.keyboard.press("Shift+Tab")
    one.check()
    one.open("/ask")
    press_until(page, "#avgSongs")
    page.keyboard.press("Control+a")
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/go"))
    assert page.inner_text(".big").endswith("%")
    one.check()


@pytest.fixture(scope="module")
def hostile_server(hostile: Path) -> Iterator[str]:
    with serving(hostile) as (_, port):
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("width", [390, 1280])
def test_hostile_texts_are_shown_as_texts(visit: OpenVisit, hostile: Path, hostile_server: str, width: int) -> None:
    one = visit(width, at=hostile_server)
    for path in ("/", "/risk", "/risk?sort=userId", "/model"):
        one.open(path)
        one.check()
    users = [row["userId"] for row in rows_of(hostile / "risk.csv")]
    strange = [user for user in users if not user.isdigit()]
    assert len(strange) >= len(HOSTILE) - 2
    for user in strange:
        query = urlencode({"id": user})
        if len(query) < 8_000:  # a browser's address, and the server's, have their limits
            page = one.open(f"/user?{query}")
            assert page.evaluate("document.title") != "owned"
            one.check()
    text = "<script>window.owned=1</script>"
    for path in ("/risk", "/go", "/user"):
        one.page.goto(f"{path}?{urlencode({'q': text, 'id': text, 'avgSongs': text, 'level': text})}")
        assert one.page.evaluate("window.owned") is None
