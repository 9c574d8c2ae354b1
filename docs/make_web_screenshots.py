"""Take a picture of each page of a running server: python docs/make_web_screenshots.py URL docs/web."""

from __future__ import annotations

import argparse
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
TALLEST = {1280: 1250, 390: 1400}
PAGES = {
    "overview": "/",
    "risk": "/risk?contact=40",
    "user": "",
    "ask": "/ask",
    "go": "/go?avgEvents=10&avgSongs=8&thumbsup=0.1&thumbsdown=0.6&add_friend=0&level=free&last_seen=9&location=CA",
    "score": "/score",
    "model": "/model",
    "api": "/api",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("server")
    parser.add_argument("target", type=Path)
    parser.add_argument("--width", type=int, default=1280, choices=TALLEST)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--pages", nargs="*", default=[*PAGES], choices=PAGES)
    parser.add_argument("--whole", action="store_true", help="to the end of the page")
    chosen = parser.parse_args()
    chosen.server = chosen.server.rstrip("/")
    chosen.target.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        for name in chosen.pages:
            take(browser, name, chosen)
        browser.close()


def opened(page: Page, address: str) -> None:
    """Open a page; a picture of an error is worse than none."""
    response = page.goto(address)
    if response is None or not response.ok:
        raise SystemExit(f"{address} answered {response.status if response else 'nothing'}")


def take(browser: Browser, name: str, chosen: argparse.Namespace) -> None:
    scheme = "dark" if chosen.dark else "light"
    page = browser.new_page(viewport={"width": chosen.width, "height": 900}, color_scheme=scheme)
    if name == "user":
        opened(page, f"{chosen.server}/risk")
        opened(page, f"{chosen.server}{page.get_attribute('table.list tbody a', 'href')}")
    else:
        opened(page, f"{chosen.server}{PAGES[name]}")
    height = page.evaluate("document.documentElement.scrollHeight")
    clipped = height if chosen.whole else min(height, TALLEST[chosen.width])
    clip = {"x": 0, "y": 0, "width": chosen.width, "height": clipped}
    page.screenshot(path=chosen.target / f"{name}-{chosen.width}-{scheme}.png", clip=clip, full_page=True)
    page.close()


if __name__ == "__main__":
    main()
