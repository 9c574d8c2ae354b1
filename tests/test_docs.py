from __future__ import annotations

import re
import tomllib

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
