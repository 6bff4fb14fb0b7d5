"""Failed sign-ins by address, on a clock that a test moves."""

import pytest

from abreast.api import attempts as module
from abreast.api.attempts import MOST_FAILURES, WINDOW_S, Attempts
from abreast.api.problems import TooManyError
from tests.fakes.clock import FakeClock


async def test_after_so_many_failures_an_address_waits_for_the_rest_of_the_window() -> None:
    clock = FakeClock()
    attempts = Attempts(clock)
    for _ in range(MOST_FAILURES):
        attempts.require_patience("192.0.2.1")
        attempts.failed("192.0.2.1")
        await clock.advance(2.0)
    with pytest.raises(TooManyError, match=r"10 sign-ins from 192\.0\.2\.1 failed within 60 s") as refused:
        attempts.require_patience("192.0.2.1")
    assert refused.value.retry_after_s == WINDOW_S - 2.0 * MOST_FAILURES
    attempts.require_patience("192.0.2.2")
    await clock.advance(refused.value.retry_after_s)
    attempts.require_patience("192.0.2.1")


async def test_only_failures_within_the_window_count() -> None:
    clock = FakeClock()
    attempts = Attempts(clock)
    for _ in range(5 * MOST_FAILURES):
        attempts.failed("192.0.2.1")
        attempts.require_patience("192.0.2.1")
        await clock.advance(WINDOW_S / (MOST_FAILURES - 2))


@pytest.mark.parametrize(("other", "waits"), [("2001:db8::2", True), ("2001:db8:0:1::1", False), ("the socket", False)])
def test_an_ipv6_address_counts_with_its_64(other: str, waits: bool) -> None:
    attempts = Attempts(FakeClock())
    for number in range(MOST_FAILURES):
        attempts.failed(f"2001:db8::{number:x}")
    if waits:
        with pytest.raises(TooManyError):
            attempts.require_patience(other)
    else:
        attempts.require_patience(other)


def test_many_addresses_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ADDRESSES", 3)
    attempts = Attempts(FakeClock())
    for _ in range(MOST_FAILURES):
        attempts.failed("first")
    for address in ("second", "third"):
        attempts.failed(address)
    with pytest.raises(TooManyError):
        attempts.require_patience("first")
    attempts.failed("fourth")
    attempts.require_patience("first")
