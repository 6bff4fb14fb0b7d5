"""The HTTP API over a control plane of fakes: each route, each error's problem document, and who may connect."""

import asyncio
import contextlib
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from abreast.api.server import PREFIX, ApiServer, create_app
from abreast.model import errors
from abreast.model.errors import AbreastError, DriverError
from abreast.model.rollout import Phase
from abreast.operations.control import Control
from abreast.rollout.observed import Verb
from tests.controller.stage import FULL
from tests.operations.desk import Desk, running
from tests.rollout.play import under_way

ERRORS = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, AbreastError)]


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


@contextlib.asynccontextmanager
async def client(control: Control) -> AsyncIterator[httpx.AsyncClient]:
    """A client of this control plane's API."""
    transport = httpx.ASGITransport(create_app(control), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://abreast{PREFIX}") as made:
        yield made


def problem(answer: httpx.Response) -> dict[str, Any]:
    """The problem document of an answer that must be one (RFC 9457)."""
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert set(document) == {"type", "title", "status", "detail", "remedy", "exit_code"}
    assert document["status"] == answer.status_code
    assert document["type"] == f"urn:abreast:error:{document['title']}"
    return document


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
        for name in ("body.actor", "body.weight", "body.reason", "body.colour"):
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


class TestProblems:
    """One shape for every error."""

    @pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
    async def test_each_error_keeps_its_status_and_exit_code(self, desk: Desk, kind: type[AbreastError]) -> None:
        async def failing() -> str:
            faults = (errors.Fault("abreast.yaml", 3, "stable", "no such version", "name one"),)
            if kind is errors.SpecError:
                raise errors.SpecError(faults)
            if kind is errors.RequestsError:
                raise errors.RequestsError(faults)
            raise kind("it failed", "mend it")

        desk.control.restart_gateway = failing
        async with client(desk.control) as http:
            answer = await http.post("/restart-gateway", json={"actor": "ada"})
        document = problem(answer)
        assert (answer.status_code, document["exit_code"]) == (kind.http_status, kind.exit_code)
        assert document["title"] == kind.__name__
        assert document["remedy"]

    async def test_a_refusal_names_what_is_possible(self, http: httpx.AsyncClient) -> None:
        answer = await http.post("/commands/undo", json={"actor": "ada"})
        assert answer.status_code == 409
        assert "possible now: promote" in problem(answer)["remedy"]

    async def test_a_version_that_cannot_be_started(self) -> None:
        async with running(under_way(Phase.COMPLETED)) as desk, client(desk.control) as http:
            desk.stage.driver.hopeless.add("v3")
            answer = await http.post("/commands/start", json={"actor": "ada", "version": "v3"})
        assert answer.status_code == DriverError.http_status
        assert "there is no command for 'v3'" in problem(answer)["detail"]

    async def test_a_store_that_is_full(self, http: httpx.AsyncClient, desk: Desk) -> None:
        desk.stage.store.broken = FULL
        answer = await http.post("/commands/weight", json={"actor": "ada", "weight": 5000})
        assert answer.status_code == 507
        assert "disk full" in problem(answer)["detail"]

    async def test_a_defect_is_a_problem_document_too(self, desk: Desk) -> None:
        async def failing() -> str:
            raise ZeroDivisionError("by nothing")

        desk.control.restart_gateway = failing
        async with client(desk.control) as http:
            answer = await http.post("/restart-gateway", json={"actor": "ada"})
        assert answer.status_code == 500
        assert "ZeroDivisionError" in problem(answer)["detail"]

    async def test_a_path_that_does_not_exist(self, http: httpx.AsyncClient) -> None:
        answer = await http.get("/nothing")
        assert answer.status_code == 404
        assert problem(answer)["detail"] == f"GET {PREFIX}/nothing: Not Found"

    async def test_a_method_that_does_not_exist(self, http: httpx.AsyncClient) -> None:
        answer = await http.get("/commands/pause")
        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST"
        assert "GET" in problem(answer)["detail"]


class TestDescription:
    """The OpenAPI document that is published."""

    @pytest.fixture
    async def document(self, http: httpx.AsyncClient) -> dict[str, Any]:
        """The document."""
        found: dict[str, Any] = (await http.get("/openapi.json")).json()
        return found

    async def test_every_reference_in_it_leads_somewhere(self, document: dict[str, Any]) -> None:
        found = list(references(document))
        assert found
        for reference in found:
            place: Any = document
            for part in reference.removeprefix("#/").split("/"):
                place = place[part]
            assert place

    async def test_every_operation_says_what_it_does_and_how_it_fails(self, document: dict[str, Any]) -> None:
        assert document["openapi"].startswith("3.")
        operations = {
            f"{method} {path}": operation
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        }
        assert len(operations) == 13
        for name, operation in operations.items():
            assert operation["description"], name
            assert "application/problem+json" in operation["responses"]["default"]["content"], name
            assert "422" not in operation["responses"], f"{name}: no answer has that shape"

    async def test_every_command_is_described(self, document: dict[str, Any]) -> None:
        order = document["paths"][f"{PREFIX}/commands/{{verb}}"]["post"]
        verb = next(each for each in order["parameters"] if each["name"] == "verb")
        assert verb["schema"]["enum"] == list(get_args(Verb))
        fields = document["components"]["schemas"]["OrderBody"]["properties"]
        assert all(field["description"] for field in fields.values())


def references(node: object) -> Iterator[str]:
    """Every `$ref` below that node."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


class TestSocket:
    """Only the user who runs it may connect."""

    async def test_it_is_private_answers_and_goes_away(self, desk: Desk, short_tmp: Path) -> None:
        path = short_tmp / "api.sock"
        path.touch()  # as a killed process leaves it
        server = ApiServer(desk.control, path)
        server.listen()
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        serving = asyncio.create_task(server.serve())
        transport = httpx.AsyncHTTPTransport(uds=str(path))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://abreast{PREFIX}") as http:
            assert (await http.get("/status")).json()["service"] == "shop"
        server.stop()
        await asyncio.wait_for(serving, 5)
        assert not path.exists()
