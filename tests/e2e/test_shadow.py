"""A user's days with shadowing: what a candidate answers differently is found before any user meets it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote_plus

import httpx
import pytest

from tests.e2e.planted import SECRETS, leaks
from tests.e2e.service import Service
from tests.e2e.shadowing import LASTING, Webhook, begin, ledger, living, obeying, relay, settled, shadowed, typed

pytestmark = pytest.mark.timeout(120)

TITLE = r"GET /orders/\{id\}: /total is a string, was a number, in \d+ % of answers"


@pytest.fixture
def directory(short_tmp: Path) -> Iterator[Path]:
    """Where a service is; whatever runs there is ended."""
    yield short_tmp
    for made in _MADE:
        if made.process is not None:
            made.close()
    _MADE.clear()


_MADE: list[Service] = []


def made(directory: Path, **rollout: object) -> Service:
    """A service whose candidate changes the type of a field for some orders; ended with the test."""
    service = shadowed(directory, "type", **rollout)
    _MADE.append(service)
    return service


def ordered(service: Service, count: int) -> set[str]:
    """Look at so many orders; which versions answered."""
    with httpx.Client(base_url=service.url) as user:
        return {user.get(f"/orders/{number % 90}").headers["x-version"] for number in range(count)}


def rolled_back(service: Service) -> None:
    """Users ask until the candidate is given up, and never meet it."""
    versions = set()

    def over() -> bool:
        versions.update(ordered(service, 10))
        return bool(service.status()["phase"] == "rolled-back")

    service.until(over)
    assert versions == {"v1"}


def test_a_changed_type_is_found_explained_accepted_and_then_passes(directory: Path) -> None:
    gates = {"differences": {"tolerance": "10%", "window": "1s", "ignore": ["header:x-version"]}}
    with Webhook() as hook:
        service = made(directory, gates=gates)
        service.spec["alerts"] = [hook.url]
        service.write()
        service.up()
        begin(service)
        rolled_back(service)
        assert re.search(r"phase +progressing → rolling-back: gate differences: .* first of all " + TITLE, service.log)
        assert re.search(
            r"shadow +0 % of requests +\d+ of \d+ compared +findings: 1 open", typed(service, "status", code=5)
        )
        log = typed(service, "events", "-n", "100")
        assert re.search(rf"#1 finding +finding 1: {TITLE}", log)
        assert re.search(rf"#1 verdict +gate differences: .*of the candidate's answers differ.*{TITLE}", log)
        assert [row["weight"] for row in service.client().get("/events", limit=1000) if row.get("weight")] == []

        settled(service, 1)
        assert re.search(rf"^1  open +{TITLE}", typed(service, "findings"), re.MULTILINE)
        shown_in_full(service)
        service.until(lambda: bool(found_by(hook)))
        assert [re.search(TITLE, each) is not None for each in found_by(hook)] == [True], hook.bodies
        assert [each["title"] for each in hook.messages if "rolled back" in each["title"]] == [
            "shop: v2 was rolled back"
        ]
        decided(service)
        service.until(lambda: len(found_by(hook)) > 1)
        assert len(found_by(hook)) == 2, "told once that it is new, and once that it is back"


def found_by(hook: Webhook) -> list[str]:
    """What was told of findings."""
    return [each["message"] for each in hook.messages if "(finding " in each["title"]]


def shown_in_full(service: Service) -> None:
    """One finding in its forms, and rules for the noise that it is not."""
    shown = typed(service, "finding", "1")
    assert re.search(r'^✘ +"total": (\d+) +"total": "\1" *$', shown, re.MULTILINE), shown
    detail = json.loads(typed(service, "finding", "1", "--json"))
    # In the first of them noise is not known for what it is.
    newest = typed(service, "finding", "1", "--sample", str(len(detail["samples"])))
    assert not re.search(r"^✘ (?!.*total|differs)", newest, re.MULTILINE), newest
    assert detail["finding"]["keys"] == [{"pattern": "/total", "kind": "type"}]
    assert detail["finding"]["confirmed"] > 0
    assert detail["finding"]["transient"] == 0
    command = ("sh", "-c", typed(service, "finding", "1", "--curl"))
    asked = subprocess.run(command, capture_output=True, text=True, check=True)
    assert asked.stdout.startswith("HTTP/1.1 200")
    assert f'"id": {detail["samples"][0]["path"].rpartition("/")[2]},' in asked.stdout
    rules = typed(service, "findings", "--suggest")
    for noisy in ("/at ", "/trace ", "/pid ", "/host ", "/tags ", "header:x-features "):
        assert f"- {noisy}" in rules
    assert "total" not in rules


def decided(service: Service) -> None:
    """What is accepted counts no longer; reopened, it does again."""
    assert "finding 1 is accepted" in typed(service, "accept", "1", "-m", "prices are text from v2 on")
    assert "finding 1 is already accepted" in typed(service, "accept", "1", "-m", "again", code=6)
    typed(service, "retry")
    service.until(lambda: service.status()["phase"] == "progressing")

    def passed() -> bool:
        ordered(service, 20)
        return bool(service.status()["weight"])

    service.until(passed, 30)
    assert re.search(r"^1  accepted +GET", typed(service, "findings", "--state", "accepted"), re.MULTILINE)
    assert "no open finding" in typed(service, "findings")
    assert "finding 1 is reopened" in typed(service, "reopen", "1", "-m", "not agreed after all")
    assert re.search(r"^1  open +GET", typed(service, "findings"), re.MULTILINE)


@contextmanager
def users(service: Service) -> Iterator[list[int]]:
    """Somebody who looks at an order each few milliseconds; the list has as many elements as were answered."""
    over = threading.Event()
    answered: list[int] = []

    def ask() -> None:
        with httpx.Client(base_url=service.url) as user:
            while not over.wait(0.01):
                answered.append(user.get(f"/orders/{len(answered) % 90}").status_code)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answered
    finally:
        over.set()
        thread.join()


def test_deaths_in_the_middle_lose_no_count(directory: Path) -> None:
    service = made(directory, **LASTING)
    service.up()
    begin(service)
    held = relay(service)
    assert held is not None
    with users(service) as answered:
        service.until(lambda: bool(service.client().get("/findings")["findings"]))
        before = service.client().get("/findings")["findings"][0]
        service.kill()
        dead = len(answered)
        awaited(lambda: len(answered) > dead + 50)
        service.up()
        assert (relay(service), living(held)) == (held, True), "the next control plane takes over the same relay"
        service.until(lambda: len(answered) > dead + 100)
        told = settled(service, len(answered) - 50)
        assert told["lost"] == 0, "nothing was forgotten while nobody asked the relay"
        after = service.client().get("/findings")["findings"][0]
        assert (after["number"], after["keys"], after["first_at"]) == (1, before["keys"], before["first_at"])
        assert after["exchanges"] > before["exchanges"]
        another = killed_while_it_holds(service, held, answered)
        comparing = ledger(service)["compared"]
        service.until(lambda: ledger(service)["compared"] > comparing + 20)
    told = settled(service, len(answered), 40)
    assert told["seen"] == len(answered), "each counts once, also while nobody counted, or a batch came twice"
    assert told["lost"] > 0
    assert set(answered) == {200}
    assert relay(service) == another
    assert f"relay       the relay (process {held}) was lost: " in service.log


def killed_while_it_holds(service: Service, held: int, answered: list[int]) -> int:
    """Kill the relay with what it has; the next one's process."""
    os.kill(held, signal.SIGSTOP)
    stopped = len(answered)
    awaited(lambda: len(answered) > stopped + 20)
    os.kill(held, signal.SIGKILL)
    service.until(lambda: not living(held) and (relay(service) or held) != held and obeying(service))
    another = relay(service)
    assert another is not None
    return another


def awaited(true: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Wait for what does not depend on the control plane."""
    limit_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < limit_s, f"not within {timeout_s} s"
        time.sleep(0.01)


def test_recorded_requests_tell_the_same_without_a_gateway(directory: Path) -> None:
    service = made(directory, **LASTING)
    service.up()
    recorded(service, "alone.ndjson")
    service.give("start", version="v2")
    service.until(lambda: service.status()["phase"] == "progressing")
    recorded(service, "beside.ndjson")
    addresses = {
        version["name"]: [instance["address"] for instance in version["instances"]]
        for version in service.status()["versions"]
    }
    (a, control), (b,) = ([f"http://{each}" for each in addresses[name]] for name in ("v1", "v2"))
    for file in ("alone.ndjson", "beside.ndjson"):
        said = typed(service, "compare", a, b, "--control", control, "--requests", file, code=13)
        assert "GET /orders/{id}: /total is a string, was a number" in said
    same = typed(service, "compare", a, control, "--control", control, "--requests", "alone.ndjson")
    assert "no difference beyond noise" in same


def recorded(service: Service, name: str) -> None:
    """Twenty requests of users in a file, without what is secret in them."""
    command = (sys.executable, "-m", "abreast", "compare", "--record", name, "--count", "20")
    with subprocess.Popen(command, cwd=service.directory, stdout=subprocess.PIPE, text=True) as taking:
        with httpx.Client(base_url=service.url, headers={"authorization": f"Bearer {SECRETS['bearer']}"}) as user:
            number = 0
            while taking.poll() is None:
                user.get(f"/orders/{number % 90}?access_token={quote_plus(SECRETS['parameter'])}")
                number += 1
                time.sleep(0.01)
        assert taking.stdout is not None
        assert f"20 requests in {name}; compare with: abreast compare" in taking.stdout.read()
        assert taking.returncode == 0
    content = (service.directory / name).read_bytes()
    assert len(content.splitlines()) == 20
    assert all(json.loads(line)["path"].startswith("/orders/") for line in content.splitlines())
    assert leaks({name: content}) == []
