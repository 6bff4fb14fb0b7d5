"""What is posted to webhooks, and what their answers mean."""

import asyncio
import json
from typing import Final

import pytest

from abreast.checks import webhooks
from abreast.checks.exchange import Exchange
from abreast.checks.webhooks import BACK_OFF_S, event_payload, payload
from abreast.model.checks import Check, Webhook
from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase
from tests.checks.given import BEGIN, hook, under_way
from tests.checks.server import Server, eventually
from tests.fakes.clock import FakeClock

FLAGGER: Final = {"Initialized", "Waiting", "Progressing", "Promoting", "Finalising", "Succeeded", "Failed"}
"""The phases that Flagger's documentation names."""


async def asked(webhook: Webhook, exchange: Exchange, clock: FakeClock) -> Check:
    return await webhooks.ask(webhook, {"name": "shop"}, exchange, clock)


def test_the_payload_is_flaggers() -> None:
    told = payload(hook("pre-rollout", metadata=(("cmd", "test"),)), under_way(Phase.PENDING))
    assert set(told) == {"name", "namespace", "phase", "checksum", "metadata"}
    assert (told["name"], told["namespace"], told["phase"]) == ("shop", "default", "Progressing")
    assert told["metadata"] == {"cmd": "test"}


@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_has_flaggers_word(phase: Phase) -> None:
    assert payload(hook("event"), under_way(phase))["phase"] in FLAGGER


def test_who_is_to_confirm_reads_that_it_is_waited_for() -> None:
    assert payload(hook("confirm-rollout"), under_way(Phase.PENDING))["phase"] == "Waiting"
    assert payload(hook("confirm-promotion"), under_way(Phase.PROGRESSING))["phase"] == "Waiting"
    assert payload(hook("post-rollout"), under_way(Phase.COMPLETED))["phase"] == "Succeeded"
    assert payload(hook("post-rollout"), under_way(Phase.ROLLED_BACK))["phase"] == "Failed"


def test_the_checksum_tells_rollouts_apart_and_nothing_else() -> None:
    def checksum(phase: Phase, number: int = 3, **fields: str) -> object:
        return payload(hook("event"), under_way(phase, number=number, **fields))["checksum"]

    assert checksum(Phase.PENDING) == checksum(Phase.BAKING)
    assert len({checksum(Phase.PENDING), checksum(Phase.PENDING, 4), checksum(Phase.PENDING, candidate="v3")}) == 3


def test_an_event_goes_with_its_message_its_type_and_its_time() -> None:
    event = Event(BEGIN + 0.25, 3, EventKind.WEIGHT, "abreast", "step 1", {"before": 0, "after": 1000})
    told = event_payload(
        hook("event", metadata=(("team", "a"), ("eventType", "mine"))), under_way(Phase.PENDING), event
    )
    assert told["metadata"] == {
        "team": "a",
        "eventMessage": "0 % → 10 %: step 1",
        "eventType": "Normal",
        "timestamp": "1000000250",
    }
    worse = Event(BEGIN, 3, EventKind.VERDICT, "abreast", "worse")
    told = event_payload(hook("event"), under_way(Phase.PENDING), worse)
    assert json.loads(json.dumps(told))["metadata"]["eventType"] == "Warning"


async def test_it_is_posted_as_json(server: Server, exchange: Exchange, clock: FakeClock) -> None:
    found = await asked(hook("rollout", f"{server.url}/gate"), exchange, clock)
    detail = f"{server.url} answered 200: 'so it is'"
    assert found == Check("rollout", "rollout", passed=True, at=BEGIN, detail=detail)
    (request,) = server.asked
    assert (request.path, request.document) == ("/gate", {"name": "shop"})
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("status", "passed"),
    [(200, True), (204, True), (299, True), (302, None), (400, False), (403, False), (404, False), (500, False)],
)
async def test_2xx_passes_and_who_points_elsewhere_says_nothing(
    server: Server, exchange: Exchange, clock: FakeClock, status: int, passed: bool | None
) -> None:
    server.status, server.body = status, b""
    assert (await asked(hook("rollout", server.url), exchange, clock)).passed is passed


async def test_a_closed_gate_is_not_asked_again(server: Server, exchange: Exchange, clock: FakeClock) -> None:
    server.status = 403
    assert (await asked(hook("rollout", server.url, retries=5), exchange, clock)).passed is False
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_what_may_pass_is_tried_again(server: Server, exchange: Exchange, clock: FakeClock, status: int) -> None:
    server.status = status
    asking = asyncio.create_task(asked(hook("rollout", server.url, retries=2), exchange, clock))
    for attempts in (1, 2):
        await eventually(lambda: clock.sleepers)
        assert len(server.asked) == attempts
        if attempts == 2:
            server.status = 200
        await clock.advance(BACK_OFF_S)
    found = await asking
    assert (found.passed, found.at, len(server.asked)) == (True, BEGIN, 3)


async def test_retries_end(server: Server, exchange: Exchange, clock: FakeClock) -> None:
    server.hangs = True
    webhook = hook("rollout", f"{server.url}/secret", retries=1, timeout_s=0.1)
    asking = asyncio.create_task(asked(webhook, exchange, clock))
    await eventually(lambda: clock.sleepers)
    await clock.advance(BACK_OFF_S)
    found = await asking
    assert (found.passed, found.detail) == (None, f"{server.url} did not answer within 0.1 s")
    assert len(server.asked) == 2


async def test_what_a_receiver_says_is_shortened(server: Server, exchange: Exchange, clock: FakeClock) -> None:
    server.status, server.body = 403, b"no " * 100_000
    assert len((await asked(hook("rollout", server.url), exchange, clock)).detail) < 300
