"""A real Chromium by Playwright, and what every page that it shows must hold."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

LOOKS: Final = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
"""Widths in pixels and colours in which every page is looked at."""

QUIET: Final = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""A browser that asks nobody but the page's own address."""

AXE: Final = (resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
"""axe-core itself."""

BEYOND: Final = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
    [...document.querySelectorAll("body *")].filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
        .map((each) => `${each.tagName} ${each.className.baseVal ?? each.className} ${each.id}`)"""
"""What reaches beyond the right edge, where the page can be scrolled sideways."""

HEIGHT: Final = 900
PATIENCE_MS: Final = 20_000
GRAVE: Final = {"serious", "critical"}


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's own."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.fail("this needs a Chromium on the PATH: apt-get install chromium")
    expect.set_options(timeout=PATIENCE_MS)
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=[*QUIET, *sandbox])
        yield browser
        browser.close()


@contextmanager
def page_of(browser: Browser, url: str) -> Iterator[Page]:
    """A page of a browser that knows nothing yet; whatever it complains of fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": HEIGHT}, base_url=url)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    context.close()
    assert faults == []


def fits(page: Page, what: str) -> None:
    """Charts are drawn anew a moment after the width has changed."""
    limit_s = time.monotonic() + PATIENCE_MS / 1000
    while beyond := page.evaluate(BEYOND):
        assert time.monotonic() < limit_s, f"{what}: {beyond}"


def looked_at(page: Page, name: str, directory: Path) -> None:
    """Every look of the page as it is: kept as a picture, nothing beyond its edge, nothing grave for axe-core."""
    for width, colours in LOOKS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.emulate_media(color_scheme="dark" if colours == "dark" else "light")
        fits(page, f"{name} at {width}")
        page.screenshot(path=directory / f"{name}-{width}-{colours}.png", full_page=True)
        page.evaluate(AXE)
        found = page.evaluate("axe.run()")["violations"]
        grave = [(each["id"], [node["html"] for node in each["nodes"]]) for each in found if each["impact"] in GRAVE]
        assert grave == [], f"{name} at {width}, {colours}"
    page.set_viewport_size({"width": 1280, "height": HEIGHT})
    page.emulate_media(color_scheme="light")
