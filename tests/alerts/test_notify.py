"""What is told to real addresses on loopback: apprise's, an Alertmanager, a webhook."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from abreast.alerts.channel import Timing
from abreast.alerts.notify import Notifier
from abreast.findings.report import ShownDifference
from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase, Rollout
from tests.alerts.server import Receiver, eventually
from tests.alerts.test_causes import BACK, an_instance, well
from tests.contracts.test_findings import TOTAL, a_finding
from tests.rollout.play import BEGIN, under_way

LINK = "abreast finding {finding}"
NOW = 1_763_000_500.0
WAYS = ("json", "alertmanager", "webhook+http")

# apprise imports it for one of its plug-ins, where Python still has it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@contextmanager
def notifying(*urls: str, repeat_s: float = 0.05, file: Path = Path("/nonexistent/alerts.json")) -> Iterator[Notifier]:
    """Without a file nothing survives a restart, and all else works."""
    timing = Timing(limit_s=2.0, repeat_s=repeat_s)
    notifier = Notifier(urls, LINK, service="shop", file=file, timing=timing, now=lambda: NOW)
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
        notifier.hear(BACK)
        notifier.look(ROLLED_BACK, well(ROLLED_BACK))
        assert dict(notifier.failures) == {}
        assert notifier.test() == []


def told(receiver: Receiver) -> dict[str, list[tuple[str, bool]]]:
    """By way: what was told, and whether as over; of what an Alertmanager was told again only the changes."""
    heard: dict[str, list[tuple[str, bool]]] = {way: [] for way in WAYS}
    for posted in receiver.posted:
        if isinstance(posted.body, list):
            news = [(each["labels"]["alertname"], "endsAt" in each) for each in posted.body]
            heard["alertmanager"] += [each for each in news if each not in heard["alertmanager"]]
        elif "alerts" in posted.body:
            heard["webhook+http"] += [(each["cause"], each["status"] == "resolved") for each in posted.body["alerts"]]
        else:
            heard["json"].append((posted.body["title"], posted.body["type"] == "success"))
    return heard


ROLLED_BACK = under_way(Phase.ROLLED_BACK)
RETRIED = under_way(Phase.PENDING)


def test_a_rolling_back_is_told_by_all_three_ways_and_resolved_by_the_next_attempt(receiver: Receiver) -> None:
    with notifying(*(f"{way}://{receiver.address}" for way in WAYS)) as notifier:
        notifier.hear(BACK)
        for _ in range(3):
            notifier.look(ROLLED_BACK, well(ROLLED_BACK))
        eventually(lambda: all(told(receiver).values()))
        assert [heard[0][1] for heard in told(receiver).values()] == [False, False, False]
        notifier.look(RETRIED, well(RETRIED))
        eventually(lambda: all(heard[-1][1] for heard in told(receiver).values()))
    assert told(receiver) == {
        "json": [("shop: v2 was rolled back", False), ("shop: over: v2 was rolled back", True)],
        "alertmanager": [("AbreastRolledBack", False), ("AbreastRolledBack", True)],
        "webhook+http": [("rolled-back", False), ("rolled-back", True)],
    }


@pytest.mark.parametrize(
    "event",
    [
        replace(BACK, actor="ada"),
        replace(BACK, data={"after": "progressing"}),
        replace(BACK, kind=EventKind.WEIGHT),
        replace(BACK, rollout=7),
    ],
)
def test_what_a_person_did_is_no_alarm(event: Event, receiver: Receiver) -> None:
    with notifying(f"webhook+http://{receiver.address}") as notifier:
        notifier.hear(event)
        notifier.look(ROLLED_BACK, well(ROLLED_BACK))
    assert receiver.posted == []


def test_a_person_who_takes_it_back_ends_the_alarm_of_before(receiver: Receiver) -> None:
    with notifying(f"webhook+http://{receiver.address}") as notifier:
        notifier.hear(BACK)
        notifier.hear(replace(BACK, actor="ada", at=BEGIN + 9.0))
        notifier.look(ROLLED_BACK, well(ROLLED_BACK))
    assert receiver.posted == []


def test_after_a_restart_people_are_not_told_again_but_an_alertmanager_is(receiver: Receiver, tmp_path: Path) -> None:
    file = tmp_path / "alerts.json"
    urls = [f"{way}://{receiver.address}" for way in WAYS]
    with notifying(*urls, file=file) as notifier:
        notifier.hear(BACK)
        notifier.look(ROLLED_BACK, well(ROLLED_BACK))
        eventually(lambda: all(told(receiver).values()))
    receiver.posted.clear()
    with notifying(*urls, file=file, repeat_s=30.0) as again:
        again.hear(BACK)
        again.look(ROLLED_BACK, well(ROLLED_BACK))
        again.look(ROLLED_BACK, well(ROLLED_BACK))
        receiver.wait(1)
    assert told(receiver) == {"json": [], "alertmanager": [("AbreastRolledBack", False)], "webhook+http": []}
    receiver.posted.clear()
    with notifying(*urls, file=file, repeat_s=30.0) as third:
        third.look(RETRIED, well(RETRIED))
        receiver.wait(3)
    assert [heard[0][1] for heard in told(receiver).values()] == [True, True, True]


def test_findings_and_causes_do_not_end_each_other(receiver: Receiver) -> None:
    with notifying(f"alertmanager://{receiver.address}") as notifier:
        notifier.finding("shop", a_finding(7), "new")
        notifier.hear(BACK)
        notifier.look(ROLLED_BACK, well(ROLLED_BACK))
        notifier.standing("shop", [a_finding(7)])
        eventually(lambda: receiver.posted and len(receiver.posted[-1].body) == 2)
        notifier.look(RETRIED, well(RETRIED))
        eventually(lambda: ("AbreastRolledBack", True) in told(receiver)["alertmanager"])
    assert ("AbreastFinding", True) not in told(receiver)["alertmanager"]


def test_a_webhook_hears_of_the_end_of_a_finding(receiver: Receiver) -> None:
    with notifying(f"webhook+http://{receiver.address}") as notifier:
        notifier.finding("shop", a_finding(7), "new")
        notifier.finding("shop", a_finding(7), "resolved")
        eventually(lambda: len(told(receiver)["webhook+http"]) == 2)
    assert told(receiver)["webhook+http"] == [("finding", False), ("finding", True)]


def looking(notifier: Notifier, rollout: Rollout, second: int, restarts: int, losses: int) -> None:
    observed = well(rollout, now=BEGIN + second)
    crashing = an_instance("v2", 2, restarts=restarts, detail="exited with 1")
    notifier.look(rollout, replace(observed, instances=(*observed.instances, crashing)), relay_losses=losses)


def test_what_happens_again_and_again_is_told_and_ends_when_it_is_over(receiver: Receiver) -> None:
    rollout = under_way(Phase.PROGRESSING)
    with notifying(f"webhook+http://{receiver.address}") as notifier:
        looking(notifier, rollout, 0, restarts=50, losses=0)
        for second in (1, 2, 3):
            looking(notifier, rollout, second, restarts=50 + second, losses=second)
        eventually(lambda: told(receiver)["webhook+http"] == [("instances-fail", False), ("relay", False)])
        looking(notifier, rollout, 304, restarts=53, losses=3)
        looking(notifier, rollout, 365, restarts=53, losses=3)
        eventually(lambda: len(told(receiver)["webhook+http"]) == 4)
    assert told(receiver)["webhook+http"][2:] == [("instances-fail", True), ("relay", True)]


def test_a_store_that_fails_is_told_in_its_own_words(receiver: Receiver) -> None:
    rollout = under_way(Phase.PROGRESSING)
    with notifying(f"webhook+http://{receiver.address}") as notifier:
        for second in range(3):
            notifier.look(rollout, well(rollout, now=BEGIN + second), store_error="no space left on device")
        (posted,) = receiver.wait(1)
    assert posted.body["alerts"][0]["summary"] == "no space left on device"


def test_secrets_of_addresses_are_in_no_message_no_log_and_no_failure(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    urls = [
        f"webhook+http://hunter2@{receiver.address}/pl4nted",
        f"alertmanager://ada:hunter2@{receiver.address}",
        f"json://ada:hunter2@{receiver.address}/pl4nted",
    ]
    file = tmp_path / "alerts.json"
    said: list[str] = []
    for status in (200, 500):
        receiver.status = status
        with notifying(*urls, file=file) as notifier:
            notifier.hear(BACK)
            notifier.look(ROLLED_BACK, well(ROLLED_BACK))
            notifier.finding("shop", a_finding(7), "new")
            eventually(lambda: len(receiver.posted) >= 5)
            if status == 500:
                eventually(lambda: len(notifier.failures) == 3)
            said += [str(notifier.failures), str(notifier.test()), repr(notifier)]
    said += [str([posted.body for posted in receiver.posted]), caplog.text, file.read_text("utf-8")]
    assert not any(secret in each for each in said for secret in ("hunter2", "pl4nted"))


def test_a_test_goes_past_what_waits(receiver: Receiver) -> None:
    with notifying(f"webhook+http://{receiver.address}", "json://127.0.0.1:1") as notifier:
        trials = notifier.test()
    assert [bool(trial.failure) for trial in trials] == [False, True]
    assert receiver.posted[0].body["alerts"][0]["cause"] == "test"
