"""The form of "Ask": figures that people know become features, and nothing that is typed breaks it."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from churn.app_data import NAME
from churn.bundle import FeatureEntry, Manifest, load
from churn.regions import REGIONS, STATES
from churn.web.fields import Form, Quantiles
from churn.web.store import Store


def quantiles_of(run: Path) -> Quantiles:
    columns = Store(run / NAME).reference()
    found: dict[str, dict[float, float]] = {}
    for feature, quantile, value in zip(columns["feature"], columns["quantile"], columns["value"], strict=True):
        found.setdefault(feature, {})[round(quantile, 4)] = value
    return found


@pytest.fixture(scope="module")
def manifest(finished: Path) -> Manifest:
    return load(finished / "bundle").manifest


@pytest.fixture(scope="module")
def form(finished: Path, manifest: Manifest) -> Form:
    return Form(manifest, quantiles_of(finished))


def test_the_fields_of_the_old_form_are_there_with_unit_range_and_default(form: Form) -> None:
    fields = {field.name: field for field in form.fields}
    old = {"gender", "avgEvents", "avgSongs", "thumbsup", "thumbsdown", "add_friend", "level", "location"}
    assert old | {"reg_days"} <= set(fields)
    for field in form.fields:
        assert field.label
        assert field.help
        if field.kind == "number":
            assert field.unit
            assert field.usual is not None
            assert field.least <= float(field.default) <= field.most
        else:
            assert field.default in [value for value, _ in field.choices]
    assert len([value for value, _ in fields["location"].choices if value]) == 51


def test_an_empty_form_has_the_defaults(form: Form) -> None:
    asked = form.read({})
    assert not asked.errors
    assert asked.values == {field.name: field.default for field in form.fields}
    assert form.read({name: "  " for name in asked.values}) == asked


def test_a_daily_rate_fills_every_window(form: Form, manifest: Manifest) -> None:
    given = {"avgSongs": "20", "avgEvents": "30", "thumbsup": "2", "reg_days": "40", "last_seen": "0"}
    asked = form.read(given)
    observed = min(40.0, next(f.usual for f in manifest.features if f.name == "observed_days"))
    for days, name in ((7, "7d"), (14, "14d"), (30, "30d"), (observed, "all")):
        assert asked.features[f"songs_{name}"] == pytest.approx(20 * days)
        assert asked.features[f"thumbs_up_{name}"] == pytest.approx(2 * days)
    assert asked.features["thumbs_up_per_1000_songs_30d"] == pytest.approx(100)
    assert asked.features["tenure_days"] == 40
    assert set(asked.features) <= {f.name for f in manifest.features}


RATES = st.floats(0, 1000).map(lambda value: f"{value:.3f}")
DAYS = st.floats(0, 500).map(lambda value: f"{value:.2f}")


@given(events=RATES, songs=RATES, reg_days=DAYS, last_seen=DAYS)
def test_what_follows_is_possible(finished: Path, events: str, songs: str, reg_days: str, last_seen: str) -> None:
    form = Form(load(finished / "bundle").manifest, {})
    asked = form.read({"avgEvents": events, "avgSongs": songs, "reg_days": reg_days, "last_seen": last_seen})
    if float(songs) > float(events):
        assert "cannot be more than Actions" in asked.errors["avgSongs"]
        return
    ends = ("7d", "14d", "30d", "all")
    for column in ("songs", "events", "thumbs_up"):
        counts = [asked.features[f"{column}_{end}"] for end in ends if f"{column}_{end}" in asked.features]
        assert counts == sorted(counts)  # a longer window never holds less
        assert min(counts) >= 0
    for end, days in zip(ends, (7, 14, 30, 10**6), strict=True):
        most = max(0.0, min(days, float(reg_days)) - float(last_seen)) * float(songs)
        assert asked.features[f"songs_{end}"] <= most + 1e-6
        assert asked.features[f"songs_{end}"] <= asked.features[f"events_{end}"] + 1e-6
        if not asked.features[f"songs_{end}"]:
            assert f"thumbs_up_per_1000_songs_{end}" not in asked.features


def test_examples_of_what_was_impossible(form: Form) -> None:
    new = form.read({"avgSongs": "10", "avgEvents": "20", "reg_days": "3", "last_seen": "0"}).features
    assert (new["songs_7d"], new["songs_30d"], new["songs_all"]) == (30, 30, 30)
    gone = form.read({"avgSongs": "8", "avgEvents": "20", "last_seen": "9", "reg_days": "100"}).features
    assert (gone["songs_7d"], gone["songs_14d"], gone["recency_hours"]) == (0, 40, 216)


def test_the_defaults_lead_to_what_is_usual(form: Form, manifest: Manifest) -> None:
    usual = {entry.name: entry.usual for entry in manifest.features}
    found = form.read({}).features
    for name in ("songs_30d", "events_30d"):
        assert found[name] == pytest.approx(usual[name], rel=0.02)


def test_without_songs_no_rate_per_song_is_made_up(form: Form) -> None:
    asked = form.read({"avgSongs": "0", "thumbsup": "2"})
    assert not [name for name in asked.features if "per_1000" in name]
    assert asked.features["songs_7d"] == 0


def test_every_state_is_in_one_region(form: Form) -> None:
    assert len(STATES) == len(set(STATES)) == 51
    for state in STATES:
        features = form.read({"location": state}).features
        lives = [name for name in REGIONS if features.get(f"region_{name}") == 1]
        assert lives == [name for name, states in REGIONS.items() if state in states.split()]
    assert not [name for name in form.read({}).features if name.startswith("region_")]


def test_choices_become_flags(form: Form) -> None:
    assert form.read({"level": "paid"}).features["paid_now"] == 1
    assert form.read({"level": "free"}).features["paid_now"] == 0
    features = form.read({"gender": "female"}).features
    assert (features["female"], features["male"]) == (1, 0)
    assert "female" not in form.read({"gender": ""}).features


@pytest.mark.parametrize("text", ["x", "nan", "inf", "-1", "1_000", "\uff11", "1e9", "1,5", "--1", "1x", "0x10", "<b>"])
def test_a_figure_that_is_none_is_named(form: Form, text: str) -> None:
    asked = form.read({"avgSongs": text, "thumbsup": "1"})
    assert set(asked.errors) == {"avgSongs"}
    assert asked.features == {}
    assert asked.values["avgSongs"] == text


def test_a_choice_that_is_none_is_named(form: Form) -> None:
    assert set(form.read({"level": "gold", "location": "XX", "gender": "x"}).errors) == {"level", "location", "gender"}


def test_figures_that_hardly_anybody_has_are_pointed_out(form: Form) -> None:
    usual = next(field.usual for field in form.fields if field.name == "avgSongs")
    assert usual is not None
    assert "avgSongs" in form.read({"avgSongs": str(usual[1] * 3 + 5), "avgEvents": "9000"}).unusual
    assert "avgSongs" not in form.read({"avgSongs": str((usual[0] + usual[1]) / 2), "avgEvents": "9000"}).unusual


@given(given=st.dictionaries(st.sampled_from(["avgSongs", "level", "location", "reg_days", "other"]), st.text()))
def test_nothing_typed_breaks_it(finished: Path, given: dict[str, str]) -> None:
    form = Form(load(finished / "bundle").manifest, {})
    asked = form.read(given)
    assert bool(asked.errors) != bool(asked.features)


def test_a_model_of_somebodys_table_has_its_own_fields(manifest: Manifest) -> None:
    entry = FeatureEntry("age", "age in years", "age", 41.0, 10.0, False, False)
    form = Form(replace(manifest, features=(entry,), problem={"label": "y"}), {})
    assert form.generic
    assert [(field.name, field.default) for field in form.fields] == [("age", "41")]
    assert form.read({"age": "-3"}).features == {"age": -3.0}


def test_the_answer_is_that_of_the_api(client: FlaskClient, form: Form) -> None:
    typed = {"avgSongs": "3", "avgEvents": "9", "thumbsdown": "2", "level": "free", "location": "CA"}
    page = unescape(client.get("/go", query_string=typed).get_data(as_text=True))
    body = {"rows": [form.read(typed).features], "fill": "reference", "reasons": True}
    (told,) = client.post("/api/v1/predict", json=body).get_json()["predictions"]
    assert f"{told['probability']:.1%}".replace("%", " %") in page
    for reason in told["reasons"]:
        assert reason["text"] in page


def test_a_wrong_figure_leads_back_to_the_form_with_what_was_typed(client: FlaskClient) -> None:
    response = client.get("/go", query_string={"avgSongs": '"><script>alert(1)</script>', "thumbsup": "7"})
    assert response.status_code == 422
    page = response.get_data(as_text=True)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert re.search(r'value="7"', page)
