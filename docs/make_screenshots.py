"""Take a picture of each section of a report: python docs/make_screenshots.py RUN docs/report."""

from __future__ import annotations

import argparse
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
TALLEST = 1500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--file", default="report.html")
    chosen = parser.parse_args()
    chosen.target.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        scheme = "dark" if chosen.dark else "light"
        page = browser.new_page(viewport={"width": chosen.width, "height": 900}, color_scheme=scheme)
        page.goto((chosen.run / chosen.file).resolve().as_uri())
        draw_all(page)
        for section in page.query_selector_all("main > section"):
            name = f"{section.get_attribute('id')}-{chosen.width}-{scheme}.png"
            box = section.bounding_box()
            clip = {**box, "y": box["y"] + page.evaluate("scrollY"), "height": min(box["height"], TALLEST)}
            page.screenshot(path=chosen.target / name, clip=clip, full_page=True)
        browser.close()


def draw_all(page: Page) -> None:
    """Scroll every plot into view, so that it is drawn."""
    for figure in page.query_selector_all("figure.plot"):
        figure.scroll_into_view_if_needed()
        figure.wait_for_selector(".live .main-svg", state="attached")
    page.wait_for_timeout(300)


if __name__ == "__main__":
    main()
