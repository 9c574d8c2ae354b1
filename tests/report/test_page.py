"""The HTML: self-contained, escaped, guarded by a policy, and in order for those who listen to it."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from churn.report.blocks import Axis, Code, Missing, Plot, Section, Series, Table, Tiles, Words
from churn.report.page import render
from tests.report.logs import HOSTILE, SCRIPT

LARGEST = 8_000_000


class Elements(HTMLParser):
    """Every start tag with its attributes, and the text of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag == "script":
            self._inside = True
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.scripts[-1] += data


@pytest.fixture(scope="module", params=["finished", "hostile", "bare"])
def text(request: pytest.FixtureRequest) -> str:
    folder: Path = request.getfixturevalue(request.param)
    return (folder / "report.html").read_text(encoding="utf-8")


def test_it_is_one_file_of_a_bearable_size(text: str) -> None:
    assert len(text.encode()) <= LARGEST
    for tag, attributes in Elements(text).found:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            value = attributes.get(name) or ""
            assert not re.match(r"(?:[a-z]+:)?//", value), (tag, value)
            assert ":" not in value or value == "data:,", (tag, value)
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)


def test_scripts_run_by_their_hash_alone(text: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    allowed = policy[1].replace("&#39;", "'")
    assert "default-src 'none'" in allowed
    data, *scripts = Elements(text).scripts
    assert len(scripts) == 2
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in allowed
    assert isinstance(json.loads(data), list)
    assert "'unsafe-inline'" not in allowed.split("script-src")[1].split(";")[0]


def test_headings_go_down_one_step_at_a_time_and_parts_have_names(text: str) -> None:
    elements = Elements(text).found
    levels = [int(tag[1]) for tag, _ in elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = {attributes["id"] for _, attributes in elements if "id" in attributes}
    for tag, attributes in elements:
        if tag == "section":
            assert attributes["aria-labelledby"] in ids
        if attributes.get("role") == "img":
            assert attributes.get("aria-label")
        if attributes.get("aria-describedby"):
            assert attributes["aria-describedby"] in ids
    tables = sum(tag == "table" for tag, _ in elements)
    assert sum(tag == "caption" for tag, _ in elements) == tables


@pytest.mark.parametrize("texts", HOSTILE)
def test_every_kind_of_block_escapes_what_it_is_given(texts: str) -> None:
    choices = {texts: [Series(texts, [texts], [1.0], "bar", notes=[texts])], "b": []}
    blocks = [
        Words(texts),
        Missing(texts),
        Code(texts),
        Tiles([(texts, texts)]),
        Plot("p", texts, texts, Axis(texts), Axis(texts), choices, "a.csv", flat=True),
        Table(texts, [texts], [[texts]], [False]),
        Table(texts, [texts], [[texts]], [True], "a.csv", folded=True),
    ]
    page = render(texts, texts, [Section("s", texts, blocks)])
    elements = Elements(page)
    assert len(elements.scripts) == 3
    assert not [tag for tag, _ in elements.found if tag in ("img", "iframe", "object")]
    assert json.loads(elements.scripts[0])[0]["title"] == texts


def test_what_this_file_forbids_would_be_seen() -> None:
    assert len(Elements(f"<p>{SCRIPT}</p>").scripts) == 1
