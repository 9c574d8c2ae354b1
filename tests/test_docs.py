from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from churn.aws.wheel import wheel
from churn.cli import COMMANDS
from churn.cli.reference import reference
from tests.conftest import ROOT


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_command_reference_is_what_help_says() -> None:
    assert text("docs/cli.md") == reference(), "run: make docs"


def test_every_command_shows_an_example() -> None:
    for section in reference().split("\n## ")[1:]:
        assert "Example:\n" in section, section.splitlines()[0]


def test_the_readme_names_every_command() -> None:
    for name in COMMANDS:
        assert f"churn {name}" in text("README.md"), name


def test_every_module_has_its_place_in_the_architecture() -> None:
    page = text("docs/architecture.md")
    for path in sorted((ROOT / "src" / "churn").iterdir()):
        name = f"{path.name}/" if path.is_dir() else path.name
        if not name.startswith("__") and name != "py.typed":
            assert f"`{name}`" in page, name


def test_every_dependency_has_a_reason() -> None:
    page = text("docs/architecture.md").lower()
    project = tomllib.loads(text("pyproject.toml"))["project"]
    for entry in project["dependencies"] + project["optional-dependencies"]["dev"]:
        name = re.split(r"[<>=;\[ ]", entry)[0].removesuffix("-framework")
        assert name in page.replace("onnx runtime", "onnxruntime"), name


def test_links_of_the_readme_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", text("README.md")):
        assert (ROOT / target).exists(), target


PAGES = sorted([*(ROOT / "docs" / "emr").glob("*.md"), *(ROOT / "docs" / "elsewhere").glob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_pages_about_clusters_lead_somewhere_and_hold_valid_pieces(page: Path) -> None:
    content = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", content):
        assert (page.parent / target).exists(), target
    for block in re.findall(r"```json\n(.*?)```", content, re.S):
        json.loads(block)
    for block in re.findall(r"```python\n(.*?)```", content, re.S):
        compile("\n".join(line for line in block.splitlines() if not line.startswith("%")), page.name, "exec")
    for name in re.findall(r"sparkify_churn-[\w.-]+\.whl", content):
        assert name == wheel()[0]


NAMES = r"(?<![\w.-])((?:job|init|bootstrap)\.(?:py|sh|json)|Dockerfile)(?![\w.])"
"""Files that the commands of such a page take for granted."""

UPLOADED = ("bootstrap.sh", "job.py", "constraints.txt", "Dockerfile")
"""What `job_files` makes; test_wheel looks at it."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_every_file_that_a_page_uses_is_made_on_it(page: Path) -> None:
    content = page.read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"```\w*\n(.*?)```", content, re.S))
    made = set(UPLOADED) if "job_files(" in content else set()
    made |= set(re.findall(rf"> {NAMES}", content)) | set(re.findall(rf"^{NAMES}:\n\n```", content, re.M))
    assert set(re.findall(NAMES, blocks)) - made == set()
    assert "hdfs:///" not in blocks and "dbfs:///" not in blocks  # addresses that the program does not know


def test_every_page_about_a_cluster_is_listed() -> None:
    listed = text("docs/elsewhere/README.md")
    for page in (ROOT / "docs" / "elsewhere").glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in listed, page.name
