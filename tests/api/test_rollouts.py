"""The endpoints of the rollout over a control plane of fakes: what can be read, and people's commands."""

import asyncio
from collections.abc import AsyncIterator
from typing import get_args

import httpx
import pytest

from abreast.api.problems import PREFIX
from abreast.model.rollout import Phase
from abreast.rollout.observed import Verb
from tests.api.test_server import client, problem
from tests.operations.desk import Desk, running
from tests.rollout.play import under_way


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A rollout of v2 at 10 %."""
    async with running(under_way(Phase.PROGRESSING)) as made:
        yield made


@pytest.fixture
async def http(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the desk's API."""
    async with client(desk.control) as made:
        yield made


class TestReading:
    """What can be read."""

    async def test_the_status_with_its_revision(self, http: httpx.AsyncClient, desk: Desk) -> None:
        answer = await http.get("/status")
        state = answer.json()
        assert (state["service"], state["phase"], state["weight"]) == ("shop", "progressing", 1000)
        assert answer.headers["etag"] == f'"{desk.stage.rollout.revision}"' == f'"{state["revision"]}"'

    async def test_events_with_their_bounds(self, http: httpx.AsyncClient) -> None:
        for weight in (2000, 3000):
            await http.post("/commands/weight", json={"actor": "ada", "weight": weight})
        events = (await http.get("/events")).json()
        assert {(each["kind"], each["actor"]) for each in events} >= {("weight", "ada"), ("phase", "ada")}
        assert (await http.get("/events", params={"limit": 1})).json() == events[-1:]
        assert (await http.get("/events", params={"after": events[0]["id"]})).json() == events[1:]

    @pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 10_001}, {"after": -1}, {"limit": "many"}])
    async def test_bounds_that_make_no_sense(self, http: httpx.AsyncClient, query: dict[str, str]) -> None:
        answer = await http.get("/events", params=query)
        assert answer.status_code == 400
        assert next(iter(query)) in problem(answer)["detail"]

    async def test_the_history(self, http: httpx.AsyncClient) -> None:
        rows = (await http.get("/history")).json()
        assert [(row["number"], row["candidate"], row["phase"]) for row in rows] == [
            (0, None, "completed"),
            (1, "v2", "progressing"),
        ]

    async def test_the_doctors_findings(self, http: httpx.AsyncClient) -> None:
        findings = (await http.get("/doctor")).json()
        assert {"state": "ok", "what": "the store can be written", "remedy": ""} in findings

    async def test_how_it_stands_in_its_group(self, http: httpx.AsyncClient) -> None:
        said = (await http.get("/group")).json()
        assert (said["format"], said["service"], said["group"], said["stage"]) == (1, "shop", "", "walking")

    async def test_the_testers_headers(self, http: httpx.AsyncClient) -> None:
        assert (await http.get("/tester")).json() == {"stable": "stable:secret", "candidate": "candidate:secret"}


class TestCommands:
    """People's commands."""

    @pytest.mark.parametrize(
        ("phase", "verb", "body", "after", "weight"),
        [
            (Phase.COMPLETED, "start", {"version": "v3"}, "pending", 0),
            (Phase.PROGRESSING, "promote", {}, "progressing", 1000),
            (Phase.PROGRESSING, "promote", {"full": True}, "promoting", 10_000),
            (Phase.PROGRESSING, "pause", {}, "paused", 1000),
            (Phase.PROGRESSING, "weight", {"weight": 25}, "paused", 25),
            (Phase.PROGRESSING, "abort", {}, "rolling-back", 0),
            (Phase.PAUSED, "resume", {}, "progressing", 1000),
            (Phase.BAKING, "undo", {}, "rolling-back", 0),
            (Phase.ROLLED_BACK, "retry", {}, "progressing", 100),
            (Phase.ROLLED_BACK, "retire", {}, "rolled-back", 0),
        ],
    )
    async def test_each_does_what_it_says(
        self, phase: Phase, verb: str, body: dict[str, object], after: str, weight: int
    ) -> None:
        async with running(under_way(phase)) as desk, client(desk.control) as http:
            answer = await http.post(f"/commands/{verb}", json={"actor": "ada", "reason": "because", **body})
            done = answer.json()
            assert answer.status_code == 200, done
            events = await desk.stage.store.events("shop")
            assert any(event.actor == "ada" and "because" in event.reason for _, event in events)
            assert (done["phase"], done["weight"]) == (after, weight)

    async def test_a_restart_of_the_gateway(self, http: httpx.AsyncClient, desk: Desk) -> None:
        answer = await http.post("/restart-gateway", json={"actor": "ada"})
        assert answer.json() == {"message": "gateway-2 serves; the one before it drains"}
        assert "restarted" in desk.stage.log

    async def test_an_unknown_verb_is_told_with_those_that_there_are(self, http: httpx.AsyncClient) -> None:
        answer = await http.post("/commands/explode", json={"actor": "ada"})
        detail = problem(answer)["detail"]
        assert answer.status_code == 400
        assert all(verb in detail for verb in get_args(Verb))

    async def test_a_body_with_many_faults_is_told_all_of_them(self, http: httpx.AsyncClient, desk: Desk) -> None:
        body = {"weight": 10_001, "reason": 5, "colour": "red"}
        answer = await http.post("/commands/weight", json=body)
        document = problem(answer)
        assert (answer.status_code, document["exit_code"]) == (400, 2)
        for name in ("body.weight", "body.reason", "body.colour"):
            assert name in document["detail"]
        assert document["remedy"] == f"see {PREFIX}/openapi.json"
        assert desk.stage.rollout.weight == 1000

    async def test_a_body_that_is_no_json(self, http: httpx.AsyncClient) -> None:
        answer = await http.post("/commands/pause", content="{", headers={"content-type": "application/json"})
        assert answer.status_code == 400
        assert "JSON" in problem(answer)["detail"]


class TestIfMatch:
    """Who had read an older revision does not overwrite what came after it."""

    @pytest.mark.parametrize("form", ['"{}"', "{}"])
    async def test_the_present_revision(self, http: httpx.AsyncClient, desk: Desk, form: str) -> None:
        tag = form.format(desk.stage.rollout.revision)
        answer = await http.post("/commands/pause", json={"actor": "ada"}, headers={"if-match": tag})
        assert answer.status_code == 200

    async def test_an_etag_can_be_sent_as_it_came(self, http: httpx.AsyncClient) -> None:
        tag = (await http.get("/status")).headers["etag"]
        orders = [http.post("/commands/pause", json={"actor": each}, headers={"if-match": tag}) for each in ("a", "b")]
        assert sorted([answer.status_code for answer in await asyncio.gather(*orders)]) == [200, 412]

    async def test_an_older_revision(self, http: httpx.AsyncClient, desk: Desk) -> None:
        answer = await http.post("/commands/pause", json={"actor": "ada"}, headers={"if-match": '"999"'})
        assert answer.status_code == 412
        assert "you had read 999" in problem(answer)["detail"]
        assert desk.stage.rollout.phase is Phase.PROGRESSING

    @pytest.mark.parametrize("tag", ["*", '"abc"', "-1"])
    async def test_what_is_no_revision(self, http: httpx.AsyncClient, tag: str) -> None:
        answer = await http.post("/commands/pause", json={"actor": "ada"}, headers={"if-match": tag})
        assert answer.status_code == 400
        assert "is no revision" in problem(answer)["detail"]
