"""One address: what a slow, a hanging and a refusing one do to whoever has something to tell."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from abreast.alerts.channel import QUEUED, Channel, DeliveryError, Send, Timing
from abreast.alerts.outbox import Batch, Once, Outbox, Standing
from tests.alerts.server import eventually
from tests.alerts.test_alert import an_alert

QUICK = Timing(limit_s=0.1, repeat_s=0.02, retry_s=0.01)


class Address:
    """Somebody who is told: refuses while ``refusing`` says why, hangs while ``going_on`` is not set."""

    def __init__(self) -> None:
        self.told: list[int] = []
        self.attempts = 0
        self.refusing = ""
        self.unknown = ""
        self.defect: Exception | None = None
        self.going_on = threading.Event()
        self.going_on.set()

    def connect(self) -> Send:
        if self.unknown:
            raise DeliveryError(self.unknown)
        return self.send

    def send(self, batch: Batch) -> None:
        self.attempts += 1
        self.going_on.wait()
        if self.defect:
            raise self.defect
        if self.refusing:
            raise DeliveryError(self.refusing)
        self.told += [int(alert.name.subject) for alert in batch]


@contextmanager
def channel_to(address: Address, outbox: Outbox | None = None, timing: Timing = QUICK) -> Iterator[Channel]:
    channel = Channel("test://…", outbox or Once(), address.connect, timing)
    try:
        yield channel
    finally:
        address.going_on.set()
        channel.close()
        channel.join(5.0)


def putting(number: int) -> Callable[[Outbox], None]:
    return lambda outbox: outbox.put(an_alert(number))


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_what_is_posted_is_told_in_order() -> None:
    address = Address()
    with channel_to(address) as channel:
        for number in (1, 2, 3):
            channel.post(putting(number))
        eventually(lambda: len(address.told) == 3)
        assert (address.told, channel.failure) == ([1, 2, 3], "")


def test_closing_sends_what_was_posted_before() -> None:
    address = Address()
    with channel_to(address) as channel:
        for number in range(1, 20):
            channel.post(putting(number))
    assert address.told == list(range(1, 20))


def test_a_refusal_is_logged_once_shown_meanwhile_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    address = Address()
    address.refusing = "it answered 503"
    with channel_to(address) as channel:
        channel.post(putting(1))
        channel.post(putting(2))
        eventually(lambda: channel.failure == "it answered 503")
        eventually(lambda: address.attempts >= 6)
        assert len(warnings(caplog)) == 1
        assert "test://…: it answered 503" in warnings(caplog)[0]
        address.refusing = ""
        eventually(lambda: not channel.failure)
        assert address.told == [1, 2]
        address.refusing = "again"
        channel.post(putting(3))
        eventually(lambda: len(warnings(caplog)) == 2)


def test_one_that_hangs_is_left_behind_and_nobody_waits_for_it(caplog: pytest.LogCaptureFixture) -> None:
    address = Address()
    address.going_on.clear()
    with channel_to(address) as channel:
        for number in range(1, 6):
            channel.post(putting(number))
        eventually(lambda: channel.failure == "an earlier message is still being sent")
        assert [line for line in warnings(caplog) if "no answer within 0.1 s" in line] == warnings(caplog)
        senders = [thread for thread in threading.enumerate() if thread.name == "alerts test://… sending"]
        assert len(senders) == 1
        assert senders[0].daemon
        address.going_on.set()
        # It did arrive after all, too late to know: it is told once more rather than not at all.
        eventually(lambda: address.told == [1, 1, 2, 3, 4, 5])
        eventually(lambda: not channel.failure)


def test_more_than_can_wait_is_dropped_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    address = Address()
    address.going_on.clear()
    with channel_to(address, timing=Timing(limit_s=30.0, repeat_s=30.0)) as channel:
        channel.post(putting(1))
        eventually(channel._posts.empty)
        for number in range(QUEUED + 5):
            channel.post(putting(number))
        assert channel.failure == "5 alerts were dropped because too many waited"
        assert len(warnings(caplog)) == 1


def test_an_address_that_can_never_work_is_known_before_anything_is_told() -> None:
    address = Address()
    address.unknown = "there is no such service"
    with channel_to(address) as channel:
        eventually(lambda: channel.failure == "there is no such service")
        channel.post(putting(1))
        address.unknown = ""
        eventually(lambda: address.told == [1])
        eventually(lambda: not channel.failure)


def test_what_stands_is_told_again_and_again() -> None:
    address = Address()
    with channel_to(address, Standing()) as channel:
        channel.post(putting(1))
        eventually(lambda: len(address.told) >= 4)
        assert set(address.told) == {1}
        channel.post(lambda outbox: outbox.put(an_alert(1, "resolved")))
        eventually(channel._posts.empty)
        told = len(address.told)
        eventually(lambda: not list(channel._outbox.batches()))
        assert len(address.told) <= told + 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_in_sending_is_a_failure_and_not_taken_for_success() -> None:
    address = Address()
    address.defect = ZeroDivisionError()
    with channel_to(address) as channel:
        channel.post(putting(1))
        eventually(lambda: channel.failure.startswith("sending broke off"))
        assert address.told == []


def test_one_that_refuses_is_asked_later_and_later_and_not_for_each_new_alert() -> None:
    address = Address()
    address.refusing = "it answered 503"
    with channel_to(address, timing=Timing(limit_s=1.0, repeat_s=30.0, retry_s=0.05)) as channel:
        channel.post(putting(1))
        began = time.monotonic()
        eventually(lambda: address.attempts >= 4)
        waited_s = time.monotonic() - began
        assert waited_s >= 0.05 + 0.1 + 0.2
        for number in range(2, 30):
            channel.post(putting(number))
        eventually(channel._posts.empty)
        assert address.attempts <= 5
        address.refusing = ""
        eventually(lambda: len(address.told) == 29 and channel.failure == "")


def test_the_end_does_not_wait_for_the_next_attempt() -> None:
    address = Address()
    address.refusing = "it answered 503"
    with channel_to(address, timing=Timing(limit_s=1.0, repeat_s=30.0, retry_s=30.0)) as channel:
        channel.post(putting(1))
        eventually(lambda: channel.failure)
        address.refusing = ""
        channel.post(putting(2))
        channel.close()
        channel.join(5.0)
        assert not channel._thread.is_alive()
        assert address.told == [1, 2]
