"""Switching flags over the API, on a control plane of fakes."""

from collections.abc import AsyncIterator

import httpx
import pytest

from abreast.model.event import EventKind
from abreast.model.flag import BOOLEAN, Flag, FlagRule
from abreast.model.rollout import Phase
from tests.api.test_server import client, problem
from tests.operations.desk import Desk, running
from tests.rollout.play import under_way

NEW = Flag("new", BOOLEAN, "off", (FlagRule("on", candidate=True),))


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with running(under_way(Phase.PROGRESSING)) as made:
        await made.control.flags.adopt([NEW], 0)
        yield made


@pytest.fixture
async def http(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    async with client(desk.control) as made:
        yield made


async def test_every_flag_with_its_rules_and_since_when(http: httpx.AsyncClient, desk: Desk) -> None:
    assert (await http.get("/flags")).json() == [
        {
            "name": "new",
            "on": True,
            "default": "off",
            "variants": {"on": True, "off": False},
            "rules": ["on: users on the candidate", "off: everybody else"],
            "at": desk.control.clock.now(),
            "actor": "abreast",
            "reason": "the spec says so",
        }
    ]


async def test_off_and_on_are_audited(http: httpx.AsyncClient, desk: Desk) -> None:
    answer = await http.post("/flags/new/off", json={"actor": "ada", "reason": "it loses carts"})
    assert (answer.status_code, answer.json()) == (200, {"message": "new is off: everybody gets 'off'"})
    assert [each["on"] for each in (await http.get("/flags")).json()] == [False]
    assert (await http.post("/flags/new/on", json={"actor": "bob"})).json() == {"message": "new is on"}
    events = [event for _, event in await desk.stage.store.events("shop") if event.kind is EventKind.FLAG]
    assert [(event.actor, event.rollout) for event in events] == [("abreast", 0), ("ada", 1), ("bob", 1)]


@pytest.mark.parametrize("body", [{"actor": "ada"}, {"actor": "ada", "reason": ""}])
async def test_off_needs_a_reason(http: httpx.AsyncClient, body: dict[str, str]) -> None:
    answer = await http.post("/flags/new/off", json=body)
    assert answer.status_code == 400
    assert "body.reason" in problem(answer)["detail"]
    assert [each["on"] for each in (await http.get("/flags")).json()] == [True]


async def test_an_unknown_flag_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post("/flags/nwe/off", json={"actor": "ada", "reason": "because"})
    assert answer.status_code == 400
    assert problem(answer)["detail"] == "no flag is called 'nwe'; the spec has: new"
    assert (await http.post("/flags/%20/off", json={"actor": "ada", "reason": "because"})).status_code == 400
