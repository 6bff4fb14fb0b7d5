"""A failure under a real `abreast up` reaches real receivers by all three ways, and is resolved."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.alerts.server import Receiver
from tests.alerts.test_notify import WAYS, told
from tests.e2e.service import Service, origin

SECRET = "pl4nted-secret"  # to be found nowhere
IN_TIME_S = 15.0

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Takes what is told."""
    with Receiver() as running:
        yield running


@pytest.fixture
def service(short_tmp: Path, receiver: Receiver) -> Iterator[Service]:
    """Its v2 never becomes ready, and is given up after a second."""
    never = {
        "run": f"{sys.executable} -m http.server {{port}}",
        "ready": "GET /none",
        "start_timeout": "1s",
        "timeout": "4s",
    }
    made = Service.of(short_tmp, {"v1": origin("v1"), "v2": never}, steps=[{"weight": "10%"}])
    made.spec["alerts"] = [f"{way}://{SECRET}@{receiver.address}" for way in WAYS]
    made.write()
    yield made
    made.close()


def test_a_failure_is_told_by_all_three_ways_and_resolved(service: Service, receiver: Receiver) -> None:
    service.up()
    tried = service.run("alerts", "test")
    assert (tried.returncode, tried.stdout.count("✔")) == (0, 3), tried
    receiver.posted.clear()
    service.give("start", version="v2")
    service.until(lambda: service.status()["phase"] == "rolled-back")
    service.until(lambda: all(told(receiver).values()), IN_TIME_S)
    service.kill()
    service.up()
    service.give("retry")
    service.until(lambda: all(heard[-1][1] for heard in told(receiver).values()), IN_TIME_S)
    first, second = told(receiver)["webhook+http"][:2]
    assert (first, second) == (("rolled-back", False), ("rolled-back", True)), "told once, also over a restart"
    bodies = str([posted.body for posted in receiver.posted])
    assert SECRET not in bodies + service.log + tried.stdout
    for file in (service.directory / ".abreast").rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file
