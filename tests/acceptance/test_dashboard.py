"""The dashboard in a real browser: the story of a rollout as an operator steers it, and as a viewer sees it.

``SCREENSHOTS`` names a directory where the pictures are kept; they are to be looked at by people.
"""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from abreast.bench.target import free_port
from tests.acceptance.browsing import chromium, looked_at, page_of
from tests.e2e.service import Service
from tests.e2e.shadowing import begin, shadowed

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]

STEPS = [{"shadow": "100%", "for": "1h"}, {"weight": "10%", "shadow": "100%"}, {"weight": "50%"}, {"bake": "1h"}]
GATES = {"differences": {"tolerance": "100%", "window": "1s", "ignore": ["header:x-version"]}}
API = re.compile(r"API: (http://127\.0\.0\.1:\d+)\n")
TITLE = "total is a string, was a number"


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
def service(short_tmp: Path) -> Iterator[Service]:
    """A candidate that changes the type of a field, with tokens for two people; users ask all the time."""
    made = shadowed(short_tmp, "type", steps=STEPS, gates=GATES, step_time={"at_least": "1h", "at_most": "2h"})
    yield made
    if made.process is not None:
        made.close()


@contextmanager
def users(service: Service) -> Iterator[None]:
    """Two hundred users, each with requests of their own, about a hundred a second."""
    over = threading.Event()

    def ask() -> None:
        number = 0
        with httpx.Client(base_url=service.url) as user:
            while not over.wait(0.01):
                user.get(f"/orders/{number % 90}", headers={"x-user-id": str(number % 200)})
                number += 1

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def token(service: Service, name: str, role: str) -> str:
    """The secret of a new one."""
    return service.run("token", "create", name, "--role", role).stdout.strip()


def address(service: Service) -> str:
    """Where the API listens."""
    found = API.findall(service.log)
    assert found, service.log
    return str(found[-1])


def sign_in(page: Page, secret: str) -> None:
    """As somebody who has a token."""
    page.get_by_label("Token").fill(secret)
    page.get_by_role("button", name="Sign in").click()


def badge(page: Page, words: str) -> None:
    """Wait for the phase."""
    expect(page.locator("header .badge")).to_have_text(words)


def ordered(page: Page, verb: str, *will: str) -> None:
    """Press a button, read what will happen, and confirm it."""
    page.locator(f"button[data-verb='{verb}']").click()
    dialog = page.get_by_role("dialog")
    for words in will:
        expect(dialog).to_contain_text(words)
    dialog.locator("button[type=submit]").click()
    expect(dialog).to_have_count(0)
    expect(page.locator(".toast[data-tone=good]").last).to_contain_text("every gateway")


def test_an_operator_steers_a_rollout(browser: Browser, service: Service, pictures: Path) -> None:
    secret = token(service, "ada", "operator")
    service.up()
    with page_of(browser, address(service)) as page, users(service):
        page.goto("/")
        expect(page.get_by_label("Token")).to_be_focused()
        sign_in(page, "abreast_nonsense")
        expect(page.get_by_role("alert").filter(has_text="This token signs nobody in")).to_be_visible()
        looked_at(page, "sign-in", pictures)
        sign_in(page, secret)
        badge(page, "completed")
        expect(page.get_by_text("ada · operator")).to_be_visible()
        looked_at(page, "rest", pictures)

        ordered(page, "start", "v2 is started beside v1")
        badge(page, "progressing")
        a_finding_is_accepted(page, service, pictures)
        a_shift_is_seen(page, service, pictures)

        ordered(page, "pause")
        badge(page, "paused")
        ordered(page, "resume")
        badge(page, "progressing")
        page.locator("button[data-verb='abort']").click()
        expect(page.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_focused()
        looked_at(page, "abort", pictures)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert service.status()["phase"] == "progressing", "a cancelled order is none"
        ordered(page, "abort", "All users go back to v1 at once (10 % of users are on v2 now)")
        badge(page, "rolled back")
        assert service.status()["weight"] == 0
        expect(page.locator("#log")).to_contain_text("ada")
        looked_at(page, "rolled-back", pictures)


def a_finding_is_accepted(page: Page, service: Service, pictures: Path) -> None:
    """It appears by itself, shows both answers, wants a reason, and counts no longer."""
    row = page.locator("#findings").get_by_role("button", name=TITLE)
    expect(row).to_contain_text("open")
    row.click()
    dialog = page.get_by_role("dialog")
    differing = dialog.locator(".row[data-mark=differs]").filter(has_text='"total"')
    expect(differing).to_be_visible()
    assert re.search(r'"total": \d+ *"total": "\d+"', differing.inner_text().replace("\n", " "))
    looked_at(page, "finding", pictures)
    accept = dialog.get_by_role("button", name="Accept")
    accept.click()
    expect(dialog.get_by_role("alert").filter(has_text="needs a reason")).to_be_visible()
    dialog.get_by_label("Why it is meant (required)").fill("prices are text from v2 on")
    accept.click()
    expect(dialog).to_have_count(0)
    expect(row).to_contain_text("accepted")
    found = service.client().get("/findings")["findings"][0]
    assert (found["state"], found["actor"]) == ("accepted", "ada")


def a_shift_is_seen(page: Page, service: Service, pictures: Path) -> None:
    """Users arrive at the candidate while one looks."""
    candidate = page.locator("article[data-side=candidate]")
    ordered(page, "promote", "the next one begins: weight 10 %")
    expect(page.locator("#progress")).to_contain_text("10 % of users on v2")
    expect(candidate.locator(".figures")).to_contain_text(re.compile(r"rate\s*[1-9]"))
    expect(page.locator("#progress")).to_contain_text(re.compile(r"seen\s*\d+(\.\d+)? % of"))
    looked_at(page, "shift", pictures)
    assert service.status()["weight"] == 1000


def test_a_viewer_sees_everything_and_changes_nothing(browser: Browser, service: Service, pictures: Path) -> None:
    secret = token(service, "grafana", "viewer")
    service.up()
    begin(service)
    with page_of(browser, address(service)) as page, users(service):
        page.goto("/")
        sign_in(page, secret)
        badge(page, "progressing")
        expect(page.locator("#findings").get_by_role("button", name=TITLE)).to_be_visible()
        assert page.locator("[data-verb]").count() == 0
        page.locator("#findings").get_by_role("button", name=TITLE).click()
        expect(page.get_by_role("dialog").locator(".row[data-mark=differs]").first).to_be_visible()
        assert page.get_by_role("dialog").get_by_role("button", name="Accept").count() == 0
        looked_at(page, "viewer", pictures)
        page.keyboard.press("Escape")
        refused = page.evaluate(
            """() => Promise.all(["commands/abort", "findings/1/accept", "alerts/test"].map((path) =>
                fetch(`/api/v1/${path}`, {method: "POST", body: JSON.stringify({reason: "stolen"}),
                    headers: {"content-type": "application/json", "x-abreast-csrf": "1"}}).then((done) => done.status)
            ))"""
        )
        assert refused == [403, 403, 403]
        assert service.status()["phase"] == "progressing"
        service.run("token", "revoke", "grafana")
        expect(page.get_by_label("Token")).to_be_visible(timeout=40_000)


def test_a_page_outlives_the_control_plane(browser: Browser, service: Service, pictures: Path) -> None:
    secret = token(service, "ada", "operator")
    service.spec["api"] = {"listen": f"127.0.0.1:{free_port()}"}
    service.write()
    service.up()
    with page_of(browser, address(service)) as page, users(service):
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
