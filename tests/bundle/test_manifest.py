"""The manifest: strict JSON there and back, and refusals that say what to do."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest

from churn.bundle import FORMAT, FeatureEntry, Manifest
from churn.bundle.card import SHOWN
from churn.bundle.manifest import LATER
from churn.errors import BundleError

SONGS = FeatureEntry("songs_7d", "songs played in the last 7 days", "activity", 31.0, 120.5, False, False)
PAID = FeatureEntry("paid_now", "is on the paid level", "level", 1.0, 1.0, True, False)


def manifest(**changes: Any) -> Manifest:
    """A manifest with something in every field, but for `files`."""
    made = Manifest(
        model="logistic_regression",
        task="forecast",
        problem={
            "churn_pages": ["Cancellation Confirmation"],
            "horizon": 14,
            "gap": 0,
            "windows": [7, 14, 30],
            "every": 7,
        },
        features=(SONGS, PAID),
        threshold=0.41,
        base_rate=0.1,
        calibration={"slope": 1.1, "intercept": -0.2},
        training={
            "rows": 1500,
            "users": 400,
            "leavers": 52,
            "base_rate": 0.1,
            "cutoffs": ["2018-10-15", "2018-10-22"],
            "seed": 0,
            "enough": True,
            "test": "all users eligible at the cut-off 2018-11-17",
        },
        fingerprint="f00d",
        metrics={**{name: 0.25 for name in SHOWN}, "roc_auc": 0.7519, "lift_10": None},
        parity={"rows": 300, "max_abs_difference": 1.5e-8},
        versions={"python": "3.11.2", "sparkify-churn": "0.1.0"},
        created="2026-11-21T03:00:00+00:00",
        files={},
    )
    return replace(made, **changes)


def content(**changes: Any) -> dict[str, Any]:
    """What `manifest().to_json()` holds, with some fields changed."""
    return json.loads(manifest().to_json()) | changes


def test_what_is_written_is_what_is_read() -> None:
    assert Manifest.from_json(manifest().to_json()) == manifest()
    assert Manifest.from_json(manifest().to_json()).features == (SONGS, PAID)


def test_fields_are_written_in_their_order_and_text_as_people_read_it() -> None:
    text = manifest(fingerprint="größer als 中").to_json()
    assert list(json.loads(text)) == [field.name for field in fields(Manifest)]
    assert "größer als 中" in text
    assert text.endswith("}\n")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_does_not_have_are_never_written(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        manifest(metrics={"roc_auc": value}).to_json()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        manifest().to_json()[:200],
        "[]",
        "null",
        "3",
        '"format"',
        "{}",
        '{"format": null}',
        '{"format": "one"}',
        '{"format": Infinity}',
        '{"format": [1]}',
    ],
)
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(BundleError, match=r"manifest\.json is no manifest of a bundle .*; fetch or make it again"):
        Manifest.from_json(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"features": None},
        {"features": [5]},
        {"features": {}},
        {"features": [None]},
        {"threshold": "0.5"},
        {"threshold": None},
        {"files": None},
        {"problem": []},
        {"model": 3},
        {"digest": 7},
    ],
    ids=str,
)
def test_a_field_of_another_kind_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match=r"manifest\.json is no manifest of a bundle .*; fetch or make it again"):
        Manifest.from_json(json.dumps(content(**wrong)))


@pytest.mark.parametrize("value", ["31", None, [1]])
def test_a_usual_value_that_is_no_number_is_refused(value: object) -> None:
    found = content()
    found["features"][0]["usual"] = value
    with pytest.raises(BundleError, match="usual is"):
        Manifest.from_json(json.dumps(found))


@pytest.mark.parametrize("name", [field.name for field in fields(Manifest) if field.name not in ("format", *LATER)])
def test_a_missing_field_is_named(name: str) -> None:
    found = content()
    del found[name]
    with pytest.raises(BundleError, match=rf"manifest\.json lacks {name}; "):
        Manifest.from_json(json.dumps(found))


def test_all_missing_fields_are_named_at_once() -> None:
    with pytest.raises(BundleError, match="lacks model, task, problem"):
        Manifest.from_json(json.dumps({"format": FORMAT}))


@pytest.mark.parametrize("name", [field.name for field in fields(FeatureEntry)])
def test_a_missing_field_of_a_feature_is_named(name: str) -> None:
    found = content()
    del found["features"][1][name]
    with pytest.raises(BundleError, match=rf"lacks {name}"):
        Manifest.from_json(json.dumps(found))


@pytest.mark.parametrize("newer", [FORMAT + 1, 99])
def test_a_newer_format_is_refused_before_anything_else_with_the_advice_to_update(newer: int) -> None:
    for text in (json.dumps({"format": newer}), json.dumps(content(format=newer))):
        with pytest.raises(BundleError) as caught:
            Manifest.from_json(text)
        assert f"format {newer}" in str(caught.value)
        assert f"up to {FORMAT}" in str(caught.value)
        assert caught.value.remedy == "update sparkify-churn"


def test_fields_of_a_later_version_are_ignored() -> None:
    found = content(colour="blue")
    found["features"][0]["unit"] = "songs"
    assert Manifest.from_json(json.dumps(found)) == manifest()
