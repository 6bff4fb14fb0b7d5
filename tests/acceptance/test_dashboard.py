"""The dashboard in a real browser: a rollout of the demo's shop as an operator steers it, and as a viewer sees it.

``SCREENSHOTS`` names a directory where the pictures are kept; they are to be looked at by people.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from abreast.bench.target import free_port
from tests.acceptance.browsing import chromium, looked_at, page_of
from tests.acceptance.exploring import Demo, exploring
from tests.e2e.service import Service, origin

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]

API = re.compile(r"API: (http://127\.0\.0\.1:\d+)\n")
FOUND = re.compile("price_cents is a string, was a number")
SHIFT_MS = 60_000
"""How long proofs may take with the demo's few users."""

STEAL = """() => Promise.all(["commands/abort", "commands/start", "findings/1/accept", "alerts/test"].map((path) =>
    fetch(`/api/v1/${path}`, {method: "POST", body: JSON.stringify({reason: "stolen"}),
        headers: {"content-type": "application/json", "x-abreast-csrf": "1"}}).then((done) => done.status)))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where they are kept."""
    place = Path(os.environ.get("SCREENSHOTS", tmp_path))
    place.mkdir(parents=True, exist_ok=True)
    return place


@pytest.fixture
def demo() -> Iterator[Demo]:
    """v4 serves everybody, v1 is gone, and a few users go on asking."""
    with exploring() as made:
        yield made


@pytest.fixture
def service(short_tmp: Path) -> Iterator[Service]:
    """A small one, whose API is where it was after a restart; up."""
    made = Service.of(short_tmp, {"v1": origin("v1"), "v2": origin("v2")}, steps=[{"weight": "10%"}])
    made.spec["api"] = {"listen": f"127.0.0.1:{free_port()}"}
    made.write()
    yield made
    made.close()


def sign_in(page: Page, secret: str) -> None:
    """As somebody who has a token."""
    page.get_by_label("Token").fill(secret)
    page.get_by_role("button", name="Sign in").click()


def badge(page: Page, words: str, timeout_ms: float | None = None) -> None:
    """Wait for the phase."""
    expect(page.locator("header .badge")).to_have_text(words, timeout=timeout_ms)


def ordered(page: Page, verb: str, *will: str) -> None:
    """Press a button, read what will happen, and confirm it."""
    page.locator(f"button[data-verb='{verb}']").click()
    dialog = page.get_by_role("dialog")
    for words in will:
        expect(dialog).to_contain_text(words)
    dialog.locator("button[type=submit]").click()
    expect(dialog).to_have_count(0)
    expect(page.locator(".toast[data-tone=good]").last).to_contain_text("every gateway")


def test_an_operator_steers_a_rollout_and_a_viewer_only_sees_it(browser: Browser, demo: Demo, pictures: Path) -> None:
    with page_of(browser, demo.address) as page:
        page.goto(demo.link)
        badge(page, "completed")
        expect(page.get_by_text("· operator")).to_be_visible()
        assert "token=" not in page.url, "the secret is in no history"
        looked_at(page, "rest", pictures)

        page.locator("button[data-verb='start']").click()
        page.get_by_label("Version", exact=True).select_option("v2")
        expect(page.get_by_role("dialog")).to_contain_text("v2 is started beside v4")
        looked_at(page, "start", pictures)
        page.get_by_role("dialog").locator("button[type=submit]").click()
        badge(page, "rolled back", SHIFT_MS)
        expect(page.locator("#log")).to_contain_text("gate differences: ")
        a_finding_is_accepted(page, pictures)
        ordered(page, "retry")
        a_shift_is_seen(page)
        ordered(page, "pause")
        badge(page, "paused")
        looked_at(page, "shift", pictures)
        a_viewer_changes_nothing(browser, demo, pictures)

        ordered(page, "resume")
        badge(page, "progressing")
        page.locator("button[data-verb='abort']").click()
        expect(page.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_focused()
        looked_at(page, "abort", pictures)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        badge(page, "progressing")
        ordered(page, "abort", "All users go back to v4 at once")
        badge(page, "rolled back")
        expect(page.locator("#progress")).to_contain_text("0 % of users on v2")
        looked_at(page, "rolled-back", pictures)


def a_finding_is_accepted(page: Page, pictures: Path) -> None:
    """It shows both answers, wants a reason, and counts no longer."""
    row = page.locator("#findings").get_by_role("button", name=FOUND)
    expect(row).to_contain_text("open")
    row.click()
    dialog = page.get_by_role("dialog")
    differing = dialog.locator(".row[data-mark=differs]").filter(has_text="price_cents").first
    expect(differing).to_be_visible()
    assert re.search(r'"price_cents": \d+\s+"price_cents": "\d+"', differing.inner_text()), differing.inner_text()
    looked_at(page, "finding", pictures)
    accept = dialog.get_by_role("button", name="Accept")
    accept.click()
    expect(dialog.get_by_role("alert").filter(has_text="needs a reason")).to_be_visible()
    dialog.get_by_label("Why it is meant (required)").fill("prices are text from v2 on")
    accept.click()
    expect(dialog).to_have_count(0)
    expect(row).to_contain_text("accepted")


def a_shift_is_seen(page: Page) -> None:
    """Users arrive at the candidate while one looks."""
    progress = page.locator("#progress")
    expect(progress).to_contain_text("1 % of users on v2", timeout=SHIFT_MS)
    ordered(page, "promote", "the next one begins: weight 10 %")
    expect(progress).to_contain_text("10 % of users on v2")
    candidate = page.locator("article[data-side=candidate] .figures")
    expect(candidate).to_contain_text(re.compile(r"rate\s*[1-9]"))
    expect(progress).to_contain_text(re.compile(r"seen\s*\d+(\.\d+)? % of"))


def a_viewer_changes_nothing(browser: Browser, demo: Demo, pictures: Path) -> None:
    """All is shown, no button is there, and the API refuses; a revoked token ends it."""
    secret = demo.run("token", "create", "wall", "--role", "viewer")
    with page_of(browser, demo.address) as page:
        page.goto("/")
        expect(page.get_by_label("Token")).to_be_focused()
        sign_in(page, "abreast_nonsense")
        expect(page.get_by_role("alert").filter(has_text="This token signs nobody in")).to_be_visible()
        looked_at(page, "sign-in", pictures)
        sign_in(page, secret)
        badge(page, "paused")
        page.locator("#findings").get_by_role("button", name=FOUND).click()
        expect(page.get_by_role("dialog").locator(".row[data-mark=differs]").first).to_be_visible()
        assert page.locator("[data-verb]").count() == 0
        assert page.get_by_role("dialog").get_by_role("button", name=re.compile("Accept|Reopen")).count() == 0
        looked_at(page, "viewer", pictures)
        page.keyboard.press("Escape")
        assert page.evaluate(STEAL) == [403, 403, 403, 403]
        badge(page, "paused")
        demo.run("token", "revoke", "wall")
        expect(page.get_by_label("Token")).to_be_visible(timeout=SHIFT_MS)


def test_a_page_outlives_the_control_plane(browser: Browser, service: Service, pictures: Path) -> None:
    secret = service.run("token", "create", "ada", "--role", "operator").stdout.strip()
    service.up()
    (address,) = API.findall(service.log)
    with page_of(browser, address) as page:
        page.goto("/")
        sign_in(page, secret)
        badge(page, "completed")
        service.kill()
        expect(page.get_by_text("abreast does not answer since")).to_be_visible()
        looked_at(page, "lost", pictures)
        service.up()
        expect(page.get_by_text("Connected again.")).to_be_visible()
        service.give("start", version="v2")
        badge(page, "progressing")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Token")).to_be_visible()
