"""A real server on a finished run, and a real browser that notes every complaint and every request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from churn.pipeline import run
from churn.settings import Settings
from tests.conftest import write_log
from tests.report.logs import HOSTILE, hostile_rows
from tests.web.conftest import serving


class Visit:
    """A page of a server in a browser of its own.

    Attributes:
        page: Playwright's page.
        complaints: what the console said, and errors of scripts.
        outside: requests that went elsewhere.
    """

    def __init__(self, browser: Any, server: str, width: int, scheme: str, **options: Any) -> None:
        self.context = browser.new_context(
            base_url=server, viewport={"width": width, "height": 900}, color_scheme=scheme, **options
        )
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.outside: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._note(request.url, server))

    def _note(self, url: str, server: str) -> None:
        if not url.startswith(f"{server}/"):
            self.outside.append(url)

    def open(self, path: str) -> Any:
        response = self.page.goto(path)
        assert response.ok, (path, response.status)
        return self.page

    def check(self) -> None:
        """Nothing was complained of, nobody else was asked, and the page fits."""
        assert self.complaints == []
        assert self.outside == []
        inner, width = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert inner <= width, self.page.url
        assert self.page.evaluate("window.owned") is None


OpenVisit = Callable[..., Visit]


@pytest.fixture(scope="session")
def server(finished: Path) -> Iterator[str]:
    """The address of a server on the finished run."""
    with serving(finished) as (_, port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run on a log in which every text is hostile, ids as well."""
    base = tmp_path_factory.mktemp("hostile-pages")
    rows = hostile_rows()
    names = {str(user): f"{text}{user}" for user, text in zip(range(46, 46 + len(HOSTILE)), HOSTILE, strict=True)}
    for row in rows:
        row["userId"] = names.get(row["userId"], row["userId"])
    log = write_log(base / "hostile.json", rows)
    run(Settings((str(log),), base / "run", families=("logistic_regression",)))
    return base / "run"


@pytest.fixture
def visit(browser: Any, server: str) -> Iterator[OpenVisit]:
    """Opens visits to the server, or another one."""
    opened: list[Visit] = []

    def open_(width: int = 1280, scheme: str = "light", at: str = server, **options: Any) -> Visit:
        opened.append(Visit(browser, at, width, scheme, **options))
        return opened[-1]

    yield open_
    for one in opened:
        one.context.close()
