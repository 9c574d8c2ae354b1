"""Each page's job, done as a person would do it, in a real browser."""

from __future__ import annotations

import csv
import gzip
import math
import re
from pathlib import Path
from typing import Any

import pytest

from tests.web.browser.conftest import OpenVisit
from tests.web.conftest import rows_of

pytestmark = pytest.mark.slow

ROWS = "#list tbody tr:not(.tight)"


def percent(text: str) -> str:
    return f"{float(text):.1%}".replace("%", " %")


def shown_users(page: Any) -> list[str]:
    return [cell.inner_text() for cell in page.query_selector_all(f"{ROWS} td:nth-child(2) a")]


def said(page: Any) -> list[float]:
    """The numbers of the sentence on who is reached: contacted, leavers, all, share, false alarms."""
    return [float(part.inner_text().rstrip(" %").replace(",", "")) for part in page.query_selector_all("#reach b")]


def test_the_list_is_that_of_the_csv_and_pages_through_all_of_it(visit: OpenVisit, finished: Path) -> None:
    wanted = rows_of(finished / "risk.csv")
    one = visit()
    page = one.open("/risk?size=10")
    found: list[str] = []
    while True:
        rows = page.query_selector_all(ROWS)
        for row, truth in zip(rows, wanted[len(found) :], strict=False):
            cells = [cell.inner_text().strip() for cell in row.query_selector_all("td")]
            assert cells[:3] == [truth["rank"], truth["userId"], percent(truth["probability"])]
            assert cells[3] == truth["band"]
            assert cells[4].lower().startswith(truth["reason_1"].lower() or "nothing unusual")
            assert cells[7] == truth["last_seen"][:10]
        found += shown_users(page)
        following = page.query_selector("text=Next")
        if not following:
            break
        following.click()
        page.wait_for_load_state()
    assert found == [row["userId"] for row in wanted]
    assert len(found) > 20
    one.check()


def test_filters_act_when_chosen_and_are_kept_when_sorting(visit: OpenVisit, finished: Path) -> None:
    wanted = rows_of(finished / "risk.csv")
    one = visit()
    page = one.open("/risk")
    with page.expect_navigation():
        page.select_option("#level", "paid")
    with page.expect_navigation():
        page.select_option("#band", "low")
    kept = [row for row in wanted if row["level"] == "paid" and row["band"] == "low"]
    assert kept
    assert shown_users(page) == [row["userId"] for row in kept][:50]
    page.click("thead >> text=Last seen")
    page.wait_for_url(re.compile("sort=last_seen"))
    assert page.get_attribute("th[aria-sort=ascending]", "aria-sort")
    by_date = sorted(kept, key=lambda row: (row["last_seen"], int(row["rank"])))
    assert shown_users(page) == [row["userId"] for row in by_date][:50]
    page.click("thead >> text=Last seen")
    page.wait_for_url(re.compile("sort=-last_seen"))
    assert shown_users(page)[0] == max(kept, key=lambda row: row["last_seen"])["userId"]
    one.check()


def test_a_search_that_finds_nobody_says_how_to_go_on(visit: OpenVisit) -> None:
    one = visit()
    page = one.open("/risk")
    page.fill("#q", "nobody is called that")
    page.press("#q", "Enter")
    page.wait_for_selector("text=No user is like that")
    page.click(".empty >> text=clear the filters")
    page.wait_for_selector(ROWS)
    assert "q=" not in page.url
    one.check()


def test_the_slider_says_how_many_are_reached(visit: OpenVisit, finished: Path) -> None:
    p = [float(row["probability"]) for row in rows_of(finished / "risk.csv")]
    one = visit()
    page = one.open("/risk")
    slider = page.locator("input[type=range]")
    for contacted in (0, 5, len(p)):
        slider.fill(str(contacted))
        page.locator("#reach p", has_text=re.compile(f"Contacting the {contacted} users")).wait_for()
        leavers = sum(p[:contacted])
        n, reached, everyone, share, alarms = said(page)
        assert n == contacted
        assert reached == pytest.approx(leavers, abs=0.051)
        assert everyone == pytest.approx(sum(p), abs=0.051)
        assert share == pytest.approx(100 * leavers / sum(p), abs=0.51)
        assert alarms == pytest.approx(contacted - leavers, abs=0.051)
        assert page.input_value("#contact") == str(contacted)
        assert f"contact={contacted}" in page.url
        assert len(page.query_selector_all(f"{ROWS}.within")) == min(contacted, 50)
    one.check()


def test_the_number_to_contact_outlives_a_filter(visit: OpenVisit) -> None:
    one = visit()
    page = one.open("/risk")
    page.locator("input[type=range]").fill("4")
    with page.expect_navigation():
        page.select_option("#band", "low")
    assert page.input_value("#contact") == "4"
    assert "contact=4" in page.url
    assert said(page)[0] == 4
    assert len(page.query_selector_all(f"{ROWS}.within")) == 4
    one.check()


def test_the_download_is_the_list_as_shown(visit: OpenVisit, finished: Path, tmp_path: Path) -> None:
    wanted = rows_of(finished / "risk.csv")
    one = visit()
    page = one.open("/risk?level=free&sort=userId")
    with page.expect_download() as loading:
        page.click("text=Download this list")
    loading.value.save_as(tmp_path / "list.csv")
    kept = sorted((row for row in wanted if row["level"] == "free"), key=lambda row: row["userId"])
    assert kept
    found = rows_of(tmp_path / "list.csv")
    assert [row["userId"] for row in found] == [row["userId"] for row in kept]
    assert [float(row["probability"]) for row in found] == [float(row["probability"]) for row in kept]
    one.check()


def test_a_user_has_reasons_a_timeline_and_a_what_if(visit: OpenVisit, finished: Path) -> None:
    (first, *_) = rows_of(finished / "risk.csv")
    one = visit()
    page = one.open("/risk")
    page.click(f"{ROWS} a")
    page.wait_for_selector(".big")
    assert page.inner_text(".big") == percent(first["probability"])
    reasons = [row.inner_text() for row in page.query_selector_all(".reasons strong")]
    given = [first[name] for name in ("reason_1", "reason_2", "reason_3") if first[name]]
    assert [text.lower() for text in reasons] == [text.lower() for text in given]  # the page begins with a capital
    page.select_option("#chart-timeline select", label="things done")
    assert page.locator("#chart-timeline .drawing.broad svg rect:visible").count() > 3
    moved = page.locator("#moved-probability")
    assert moved.inner_text() == percent(first["probability"])
    assert "Nothing has been changed yet" in page.inner_text("#moved")
    knob = page.locator(".fields input[type=number]").first
    slider = page.locator(".fields input[type=range]").first
    usual = float(re.search(r"usual ([\d.e-]+)", page.inner_text(".fields .form-text"))[1])
    knob.fill(str(usual))
    page.locator("#moved", has_text="1 figure changed").wait_for()
    assert re.search(r"points (more|less) than", page.inner_text("#moved"))
    assert "set." in page.url
    slider.fill(slider.get_attribute("max"))
    page.wait_for_url(re.compile(f"set.[a-z_0-9]+={re.escape(slider.input_value())}(&|$)"))
    page.click("text=Back to the user")
    page.locator("#moved", has_text="Nothing has been changed yet").wait_for()
    one.check()


def test_a_what_if_is_what_the_api_says(visit: OpenVisit, finished: Path) -> None:
    (first, *_) = rows_of(finished / "risk.csv")
    one = visit()
    page = one.open("/risk")
    features = one.context.request.get(f"/api/v1/users/{first['userId']}").json()["features"]
    name = next(name for name, value in features.items() if value is not None and name.startswith("thumbs_down_"))
    changed = features | {name: features[name] + 25}
    told = one.context.request.post("/api/v1/predict", data={"rows": [changed], "fill": "none"}).json()
    page = one.open(f"/user?id={first['userId']}&set.{name}={changed[name]}")
    assert page.inner_text("#moved-probability") == percent(told["predictions"][0]["probability"])
    assert page.inner_text(".big >> nth=0") == percent(first["probability"])
    one.check()


def test_asking_gives_an_answer_and_changing_a_figure_another(visit: OpenVisit) -> None:
    one = visit()
    page = one.open("/ask")
    assert "reference value" in page.inner_text("main")
    page.fill("#avgEvents", "5")
    page.fill("#avgSongs", "2")
    page.fill("#last_seen", "0")
    page.fill("#thumbsdown", "3")
    page.select_option("#level", "free")
    page.click("main button:has-text('Ask')")
    page.wait_for_url(re.compile("/go"))
    first = page.inner_text(".big")
    assert re.fullmatch(r"\d+\.\d %", first)
    assert page.inner_text(".answer .band") in ("high", "medium", "low")
    assert "Of 100 users like this one" in page.inner_text("main")
    page.click("details summary")
    follow = page.inner_text("details")
    assert "songs played in the last 7 days: 14" in follow
    assert "songs played in the last 30 days: 60" in follow
    page.click("text=Change a figure")
    page.wait_for_url(re.compile("/ask"))
    assert page.input_value("#thumbsdown") == "3"
    page.fill("#thumbsdown", "0")
    page.click("main button:has-text('Ask')")
    page.wait_for_url(re.compile("thumbsdown=0"))
    assert page.inner_text(".big") != first
    one.check()


def test_a_figure_out_of_range_is_refused_at_its_field(visit: OpenVisit) -> None:
    one = visit()
    page = one.open("/ask")
    page.fill("#avgSongs", "-4")
    page.click("main button:has-text('Ask')")
    assert not page.evaluate("document.querySelector('#avgSongs').checkValidity()")  # the browser says so itself
    assert "/ask" in page.url
    one.check()
    page.goto("/go?avgSongs=-4")  # and so does the server
    assert page.get_attribute("#avgSongs", "aria-invalid") == "true"
    assert "Songs must be from 0" in page.inner_text("#about-avgSongs")
    assert page.input_value("#avgSongs") == "-4"


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_a_log_is_uploaded_with_progress_and_its_list_can_be_used(
    visit: OpenVisit, finished: Path, log: Path, tmp_path: Path, packed: bool
) -> None:
    file = log
    if packed:
        file = tmp_path / "log.json.gz"
        file.write_bytes(gzip.compress(log.read_bytes()))
    one = visit()
    page = one.open("/score")
    page.set_input_files("#file", file)
    page.click("#send")
    page.wait_for_url(re.compile("/jobs/"))
    page.wait_for_selector("#list", timeout=120_000)
    wanted = rows_of(finished / "risk.csv")
    cells = [row.query_selector_all("td") for row in page.query_selector_all(ROWS)]
    found = [(row[1].inner_text().strip(), row[2].inner_text().strip()) for row in cells]
    assert found == [(row["userId"], percent(row["probability"])) for row in wanted[:50]]
    with page.expect_navigation():
        page.select_option("#band", "high")
    with page.expect_download() as loading:
        page.click("text=Download this list")
    loading.value.save_as(tmp_path / "list.csv")
    high = [row["userId"] for row in wanted if row["band"] == "high"]
    assert [row["userId"] for row in rows_of(tmp_path / "list.csv")] == high
    page = one.open("/score")
    assert "done" in page.inner_text("#jobs ~ table")
    one.check()


WATCH = """
addEventListener("DOMContentLoaded", () => setInterval(() => {
  for (const id of ["sent", "share"]) {
    const bar = document.getElementById(id);
    if (bar && !bar.hidden) window.noted(id, bar.value);
  }
}, 20));
"""


def test_the_bars_move(visit: OpenVisit, log: Path) -> None:
    seen: dict[str, list[float]] = {"sent": [], "share": []}
    one = visit()
    one.page.expose_function("noted", lambda name, value: seen[name].append(float(value)))
    one.page.add_init_script(WATCH)
    page = one.open("/score")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": log.stat().st_size / 2}
    one.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)  # so that it takes two seconds
    page.set_input_files("#file", log)
    page.click("#send")
    page.wait_for_url(re.compile("/jobs/"))
    page.wait_for_selector("#list", timeout=120_000)
    for name, values in seen.items():
        assert values == sorted(values), name
        assert len({value for value in values if 0 < value < 1}) >= 3, (name, values)
    one.check()


def test_a_file_that_is_too_large_is_not_sent(visit: OpenVisit, tmp_path: Path) -> None:
    one = visit()
    page = one.open("/score")
    page.evaluate("document.querySelector('[data-upload]').dataset.most = '1000000'")
    big = tmp_path / "big.json"
    big.write_bytes(b"x" * 1_500_000)
    page.set_input_files("#file", big)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method))
    page.click("#send")
    page.wait_for_selector(".mistake")
    assert page.inner_text("#sent-words") == "The file has 1.5 MB; at most 1 MB are taken here."
    assert asked == []
    one.check()


def test_a_file_that_is_no_log_is_refused_in_words(visit: OpenVisit, tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(2000))
    one = visit()
    page = one.open("/score")
    page.set_input_files("#file", tmp_path / "picture.png")
    page.click("#send")
    page.wait_for_selector("[role=alert], .mistake", timeout=60_000)
    assert page.inner_text("[role=alert], .mistake").strip()


def test_the_overview_shows_the_figures_of_the_run(visit: OpenVisit, finished: Path) -> None:
    one = visit()
    page = one.open("/")
    (best,) = [row for row in rows_of(finished / "metrics/models.csv")
               if row["task"] == "forecast" and row["selected"] == "1"]  # fmt: skip
    table = page.inner_text("table >> nth=0")
    assert f"{float(best['roc_auc']):.3f} ({float(best['roc_auc_low']):.3f}" in table
    risk = rows_of(finished / "risk.csv")
    high = sum(row["band"] == "high" for row in risk)
    assert f"{high} users" in page.inner_text("main")
    days = [row for row in rows_of(finished / "statistics/activity_by_date.csv") if row["group"] == "all"]
    spots = page.evaluate("JSON.parse(document.querySelector('#chart-activity_by_date .broad').dataset.spots)")
    assert len(spots) == len(days)
    assert [_last_number(text) for _, _, text in spots] == [float(day["users"]) for day in days]
    lift = [row for row in rows_of(finished / "metrics/lift.csv")
            if row["task"] == "forecast" and row["model"] == best["model"]]  # fmt: skip
    spots = page.evaluate("JSON.parse(document.querySelector('#chart-lift .broad').dataset.spots)")
    recalls = [float(re.search(r": ([\d.]+)%", text)[1]) for _, _, text in spots][1:]
    assert recalls == pytest.approx([100 * float(row["recall"]) for row in lift], abs=0.051)
    assert len(page.query_selector_all(".chart")) >= 6
    one.check()


def _last_number(text: str) -> float:
    return float(text.rsplit(": ", 1)[1].replace(",", ""))


def test_a_chart_can_be_chosen_from_and_pointed_at(visit: OpenVisit) -> None:
    one = visit()
    page = one.open("/")
    chart = page.locator("#chart-activity_by_date")
    before = chart.locator("svg:visible").get_attribute("aria-label")
    chart.locator("select").select_option(label="songs played")
    assert chart.locator("svg:visible").count() == 1
    assert chart.locator("svg:visible").get_attribute("aria-label") != before
    drawing = chart.locator(".drawing:visible")
    drawing.hover()
    assert "songs played" in drawing.locator(".tip").inner_text()
    drawing.focus()
    page.keyboard.press("ArrowRight")
    told = drawing.locator(".tip").inner_text()
    page.keyboard.press("ArrowRight")
    assert drawing.locator(".tip").inner_text() != told
    page.keyboard.press("Escape")
    assert not drawing.locator(".tip").is_visible()
    one.check()


def test_the_model_page_has_the_metrics_of_the_bundle(visit: OpenVisit, finished: Path) -> None:
    one = visit()
    page = one.open("/model")
    model = one.context.request.get("/api/v1/model").json()
    names = [tile.inner_text() for tile in page.query_selector_all(".tiles dt")]
    figures = [tile.inner_text() for tile in page.query_selector_all(".tiles dd:not(.more)")]
    tiles = dict(zip(names, figures, strict=True))
    assert float(tiles["roc_auc"]) == pytest.approx(model["metrics"]["roc_auc"], abs=0.0006)
    assert len(page.query_selector_all("#inputs ~ .wide tbody tr")) == len(model["features"])
    page.click("summary")
    card = (finished / "bundle/card.md").read_text(encoding="utf-8")
    assert card.split("\n")[0] in page.inner_text("pre")
    assert page.query_selector_all("#limits ~ ul li")
    one.check()


def test_the_api_page_names_every_path(visit: OpenVisit) -> None:
    one = visit()
    page = one.open("/api")
    paths = one.context.request.get("/api/v1/openapi.json").json()["paths"]
    text = page.inner_text("main")
    assert all(path in text for path in paths)
    one.check()


def test_without_scripts_every_form_still_works(visit: OpenVisit, finished: Path, log: Path) -> None:
    (first, *_) = rows_of(finished / "risk.csv")
    one = visit(java_script_enabled=False)
    page = one.open("/risk")
    page.fill("#contact", "3")
    page.click("text=Show >> visible=true")
    page.wait_for_url(re.compile("contact=3"))
    assert page.locator("#reach b").first.inner_text() == "3"
    page.select_option("#band", "high")
    page.click("text=Filter >> visible=true")
    page.wait_for_url(re.compile("band=high"))
    page.click(f"{ROWS} a")
    page.locator(".fields input[type=number]").first.fill("1")
    page.click("text=Judge again")
    page.wait_for_url(re.compile(r"set\."))
    assert page.inner_text("#moved-probability").endswith("%")
    assert page.inner_text(".big >> nth=0") == percent(first["probability"])
    page.goto("/")
    assert page.locator("#chart-activity_by_date svg:visible").count() > 1  # all choices, one below the other
    page.goto("/score")
    page.set_input_files("#file", log)
    page.click("#send")
    page.wait_for_selector("#list", timeout=120_000)  # the page of the job loads itself again and again
    assert one.outside == []


def test_the_csv_module_reads_what_a_spreadsheet_would(visit: OpenVisit, finished: Path) -> None:
    one = visit()
    text = one.context.request.get("/risk.csv").text()
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == len(rows_of(finished / "risk.csv"))
    assert not any(math.isnan(float(row["probability"])) for row in rows)
