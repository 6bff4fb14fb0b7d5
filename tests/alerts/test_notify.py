"""Findings told to real addresses on loopback: a webhook by apprise, and an Alertmanager."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from abreast.alerts.channel import Timing
from abreast.alerts.notify import Notifier
from abreast.findings.report import ShownDifference
from tests.alerts.server import Receiver, eventually
from tests.contracts.test_findings import TOTAL, a_finding

LINK = "abreast finding {finding}"
NOW = 1_763_000_500.0

# apprise imports it for one of its plug-ins, where Python still has it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@contextmanager
def notifying(*urls: str, repeat_s: float = 0.05) -> Iterator[Notifier]:
    notifier = Notifier(urls, LINK, timing=Timing(limit_s=2.0, repeat_s=repeat_s), now=lambda: NOW)
    try:
        yield notifier
    finally:
        notifier.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def test_a_finding_is_one_message_when_new_and_one_when_it_is_back(receiver: Receiver) -> None:
    with notifying(f"json://{receiver.address}") as notifier:
        notifier.finding("shop", a_finding(7), "new")
        notifier.finding("shop", a_finding(7), "accepted")
        notifier.finding("shop", a_finding(7), "reopened")
        notifier.finding("shop", a_finding(7), "resolved")
        notifier.standing("shop", [a_finding(7)])
        receiver.wait(2)
    titles = [posted.body["title"] for posted in receiver.posted]
    assert titles == [
        "shop: the candidate answers differently (finding 7)",
        "shop: a difference is back (finding 7)",
    ]
    assert all(posted.body["message"].endswith("see abreast finding 7") for posted in receiver.posted)


def test_an_alertmanager_is_told_again_while_it_stands_and_once_that_it_is_over(receiver: Receiver) -> None:
    with notifying(f"alertmanager://{receiver.address}") as notifier:
        notifier.finding("shop", a_finding(7), "new")
        receiver.wait(4)
        assert all("endsAt" not in document for posted in receiver.posted for document in posted.body)
        notifier.finding("shop", a_finding(7), "accepted")
        eventually(lambda: "endsAt" in receiver.posted[-1].body[0])
    ends = [posted.body[0].get("endsAt") for posted in receiver.posted]
    assert ends.count("2025-11-13T02:21:40.000Z") == 1
    assert len({str(posted.body[0]["labels"]) for posted in receiver.posted}) == 1


def test_after_a_start_what_stands_is_told_on_and_the_rest_ends(receiver: Receiver) -> None:
    with notifying(f"alertmanager://{receiver.address}", repeat_s=30.0) as notifier:
        notifier.standing("shop", [a_finding(1), a_finding(2)])
        receiver.wait(1)
        notifier.standing("shop", [a_finding(2)])
        receiver.wait(2)
    told = [{each["labels"]["finding"]: "endsAt" in each for each in posted.body} for posted in receiver.posted]
    assert told == [{"1": False, "2": False}, {"1": True, "2": False}]


def test_one_dead_address_does_not_keep_another_from_hearing(receiver: Receiver) -> None:
    dead, unknown = "json://127.0.0.1:1/secret", "nonsense://secret"
    with notifying(dead, unknown, f"json://{receiver.address}") as notifier:
        notifier.finding("shop", a_finding(7), "new")
        receiver.wait(1)
        eventually(lambda: len(notifier.failures) == 2)
        failures = dict(notifier.failures)
    assert set(failures) == {"json://… (1 of 3)", "nonsense://… (2 of 3)"}
    assert "apprise knows no such address" in failures["nonsense://… (2 of 3)"]
    assert "secret" not in str(failures)


def test_it_never_waits_for_an_address_that_hangs(receiver: Receiver) -> None:
    receiver.going_on.clear()
    with notifying(f"alertmanager://{receiver.address}", f"json://{receiver.address}") as notifier:
        for number in range(1, 1000):
            notifier.finding("shop", a_finding(number), "new")
        assert len(receiver.posted) <= 2
        receiver.going_on.set()


def test_nothing_of_a_sample_is_told_beyond_the_title(receiver: Receiver) -> None:
    example = ShownDifference("/total", TOTAL, '"planted-left"', '"planted-right"')
    with notifying(f"json://{receiver.address}", f"alertmanager://{receiver.address}") as notifier:
        notifier.finding("shop", a_finding(7, example=example, reason="planted-reason", actor="planted-actor"), "new")
        receiver.wait(2)
    told = str([posted.body for posted in receiver.posted])
    title = a_finding(7, example=example).title
    assert title in told
    assert "planted" not in told.replace(title, "")


def test_nobody_to_tell_is_no_thread_and_no_failure() -> None:
    with notifying() as notifier:
        notifier.finding("shop", a_finding(7), "new")
        notifier.standing("shop", [])
        assert dict(notifier.failures) == {}
