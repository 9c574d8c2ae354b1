"""Take a picture of each section of a report: python docs/make_screenshots.py RUN docs/report.

Of a section that is taller than one picture, a second one shows the plots that the first one has no room for.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from playwright.sync_api import ElementHandle, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
TALLEST = 1500
TALLEST_PLOTS = 3600


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
            name, look = section.get_attribute("id"), f"{chosen.width}-{scheme}.png"
            box = on_page(page, section)
            whole = {**box, "height": min(box["height"], TALLEST)}
            page.screenshot(path=chosen.target / f"{name}-{look}", clip=whole, full_page=True)
            plots = [on_page(page, figure) for figure in section.query_selector_all("figure.plot")]
            cut = [plot for plot in plots if plot["y"] + plot["height"] > box["y"] + TALLEST]
            if cut:
                end = max(plot["y"] + plot["height"] for plot in cut if fits(plot, cut[0]))
                rest = {**box, "y": cut[0]["y"], "height": end - cut[0]["y"]}
                page.screenshot(path=chosen.target / f"{name}-plots-{look}", clip=rest, full_page=True)
        browser.close()


def on_page(page: Page, element: ElementHandle) -> dict[str, float]:
    """Where an element lies on the whole page."""
    box = element.bounding_box()
    return {**box, "y": box["y"] + page.evaluate("scrollY")}


def fits(plot: dict[str, float], first: dict[str, float]) -> bool:
    """Whether a plot ends inside the picture that starts with another one."""
    return plot["y"] + plot["height"] <= first["y"] + max(TALLEST_PLOTS, first["height"])


def draw_all(page: Page) -> None:
    """Scroll every plot into view, so that it is drawn."""
    for figure in page.query_selector_all("figure.plot"):
        figure.scroll_into_view_if_needed()
        figure.wait_for_selector(".live .main-svg", state="attached")
    page.wait_for_timeout(300)


if __name__ == "__main__":
    main()
