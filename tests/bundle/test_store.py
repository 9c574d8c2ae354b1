"""Bundles on disk: what is saved is what is loaded, or nothing is."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import churn
from churn.bundle import FORMAT, Manifest, load, save
from churn.bundle.manifest import digest
from churn.errors import BundleError
from tests.bundle.test_manifest import manifest

FILES = ("model.onnx", "reference.parquet", "card.md")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle of bytes that are neither a model nor Parquet: nobody looks inside before they are needed."""
    save(tmp_path / "bundle", manifest(), b"a model", b"distributions")
    return tmp_path / "bundle"


def rewrite(folder: Path, **changes: object) -> None:
    """Change fields of the manifest on disk, its digest with them."""
    path = folder / "manifest.json"
    text = json.dumps(json.loads(path.read_text()) | changes)
    path.write_text(json.dumps(json.loads(text) | {"digest": digest(text)}), encoding="utf-8")


def swapped(content: dict[str, Any]) -> None:
    """Two features under each other's name."""
    first, second = content["features"]
    first["name"], second["name"] = second["name"], first["name"]


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    saved = save(tmp_path / "deep" / "bundle", manifest(), b"a model", b"distributions")
    found = load(tmp_path / "deep" / "bundle")
    assert found.model == b"a model"
    assert found.manifest == saved
    assert manifest(files=found.manifest.files, digest=found.manifest.digest) == found.manifest


def test_the_folder_holds_these_files_and_a_checksum_of_each_other(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted((*FILES, "manifest.json"))
    assert (folder / "reference.parquet").read_bytes() == b"distributions"
    found = load(folder).manifest.files
    assert found == {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}


def test_the_same_model_gives_the_same_bytes_apart_from_the_date(tmp_path: Path) -> None:
    for name, date in (("a", "2026-11-21T03:00:00+00:00"), ("b", "2026-11-21T03:00:00+00:00"), ("c", "2027-01-01")):
        save(tmp_path / name, manifest(created=date), b"a model", b"distributions")
    for name in (*FILES, "manifest.json"):
        first, same, later = ((tmp_path / folder / name).read_bytes() for folder in "abc")
        assert first == same
        assert (first == later) == (name in ("model.onnx", "reference.parquet"))
    texts = [json.loads((tmp_path / name / "manifest.json").read_text()) for name in "ac"]
    for text in texts:
        del text["created"], text["files"]["card.md"], text["digest"]
    assert texts[0] == texts[1]


def test_a_bundle_is_never_written_over_another(folder: Path) -> None:
    with pytest.raises(FileExistsError):
        save(folder, manifest(), b"another model", b"")
    assert load(folder).model == b"a model"


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_refused_and_named(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(bytes(content))
    with pytest.raises(BundleError, match=rf"{name} is not the file that the bundle was made with; fetch or make"):
        load(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(threshold=0.11),
        lambda content: content.update(base_rate=0.2),
        lambda content: content["features"][0].update(usual=3.0),
        lambda content: content["features"].pop(),
        lambda content: content.update(digest=None),
        lambda content: content.update(note="of a later version"),
        swapped,
    ],
    ids=["threshold", "base rate", "usual", "a feature gone", "no digest", "a field more", "features swapped"],
)
def test_a_changed_manifest_is_refused(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(BundleError, match=r"manifest\.json is n"):
        load(folder)


def test_a_manifest_laid_out_otherwise_is_the_same(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()), sort_keys=True), encoding="utf-8")
    assert load(folder).model == b"a model"


def test_a_manifest_from_before_there_were_digests_is_accepted(folder: Path) -> None:
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    del content["digest"]
    path.write_text(json.dumps(content), encoding="utf-8")
    assert load(folder).manifest.digest == ""


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_missing_file_is_refused_and_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match=rf"{re.escape(str(folder))} is no complete bundle: {name} cannot be read"):
        load(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_file_without_a_checksum_is_not_trusted(folder: Path, name: str) -> None:
    files = dict(load(folder).manifest.files)
    del files[name]
    rewrite(folder, files=files)
    with pytest.raises(BundleError, match=name):
        load(folder)


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"manifest\.json cannot be read"):
        load(tmp_path)
    with pytest.raises(BundleError, match="no complete bundle"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize("length", [0, 1, 100, -3])
def test_a_truncated_manifest_is_refused(folder: Path, length: int) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text()[:length], encoding="utf-8")
    with pytest.raises(BundleError, match="is no manifest of a bundle"):
        load(folder)


def test_a_manifest_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b"\xff\xfe\x00PK")
    with pytest.raises(BundleError, match="is no manifest of a bundle"):
        load(folder)


def test_a_bundle_of_a_newer_format_says_update(folder: Path) -> None:
    rewrite(folder, format=FORMAT + 1)
    with pytest.raises(BundleError, match=rf"format {FORMAT + 1}, .*; update sparkify-churn"):
        load(folder)


@pytest.mark.parametrize("name", ["../secret", "/{}/secret", "a/../../secret", "..", ".", "", "sec\0ret", "\ud800"])
def test_a_manifest_cannot_reach_outside_its_folder(folder: Path, name: str) -> None:
    # The file exists and the checksum is right: only the place is wrong.
    secret = folder.parent / "secret"
    secret.write_bytes(b"secret")
    escaping = name.format(folder.parent)
    rewrite(folder, files={**load(folder).manifest.files, escaping: hashlib.sha256(b"secret").hexdigest()})
    with pytest.raises(BundleError, match="cannot be read"):
        load(folder)


def test_an_extra_file_with_its_checksum_is_checked_too(folder: Path) -> None:
    (folder / "notes.txt").write_bytes(b"notes")
    files = dict(load(folder).manifest.files)
    rewrite(folder, files=files | {"notes.txt": hashlib.sha256(b"notes").hexdigest()})
    assert load(folder).model == b"a model"
    (folder / "notes.txt").write_bytes(b"other notes")
    with pytest.raises(BundleError, match=r"notes\.txt is not the file"):
        load(folder)


def test_the_manifest_on_disk_is_strict_json(folder: Path) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    text = (folder / "manifest.json").read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=refuse)["model"] == "logistic_regression"
    assert Manifest.from_json(text) == load(folder).manifest


def test_nothing_in_this_package_reads_or_writes_formats_that_can_run_code() -> None:
    forbidden = re.compile(
        r"^\s*(?:import|from)\s+(?:pickle|joblib|cloudpickle|dill|shelve|marshal)\b|allow_pickle\s*=\s*True",
        re.MULTILINE,
    )
    sources = sorted(Path(churn.__file__).parent.rglob("*.py"))
    assert len(sources) > 30
    assert [path for path in sources if forbidden.search(path.read_text(encoding="utf-8"))] == []
    assert forbidden.search("import os\nfrom joblib import dump\n")
