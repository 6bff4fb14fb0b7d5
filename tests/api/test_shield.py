"""What every request passes: the limit of its size, and the headers of every answer."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from abreast.api.server import PREFIX, create_app
from abreast.api.shield import HEADERS, MOST_BYTES, Shield, by_socket
from abreast.model.rollout import Phase
from abreast.model.token import Role
from tests.api.served import Served, browser, serving
from tests.api.test_server import problem
from tests.operations.desk import running
from tests.rollout.play import under_way


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as made:
        yield made


async def pieces(size: int) -> AsyncIterator[bytes]:
    """A body that does not say how large it is."""
    for _ in range(size // 1024):
        yield b" " * 1024


@pytest.mark.parametrize("role", [None, *Role])
async def test_a_body_that_is_too_large_is_refused_before_who_sends_it_is_asked(
    served: Served, role: Role | None
) -> None:
    async with browser(served, **(served.by(role) if role else {})) as http:
        for content in (b" " * (MOST_BYTES + 1), pieces(2 * MOST_BYTES)):
            answer = await http.post("/commands/pause", content=content)
            assert answer.status_code == 413
            assert problem(answer)["detail"] == "the request has more than 65,536 bytes"
    assert served.desk.stage.rollout.phase is Phase.PROGRESSING


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_at_the_limit_comes_through_whole(served: Served, chunked: bool) -> None:
    order = json.dumps({"reason": "because"}).encode()
    body = order + b" " * (MOST_BYTES - len(order))

    async def whole() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    async with browser(served, **served.by(Role.OPERATOR)) as http:
        headers = {"content-type": "application/json"}
        answer = await http.post("/commands/pause", content=whole() if chunked else body, headers=headers)
    assert answer.status_code == 200
    assert any("because" in event.reason for _, event in await served.desk.stage.store.events("shop"))


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def never(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError("it must not be asked")

    async def endless() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    transport = httpx.ASGITransport(Shield(never, patience_s=0.05))
    async with httpx.AsyncClient(transport=transport, base_url="http://abreast") as http:
        answer = await http.post("/", content=endless())
    assert answer.status_code == 408
    assert problem(answer)["detail"] == "the body did not come within 0.05 s"
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


async def test_every_answer_has_the_headers(served: Served) -> None:
    async with browser(served) as http:
        answers = [
            await http.get("/status", headers=served.by(Role.VIEWER)),
            await http.get("/status"),
            await http.get("/nothing"),
            await http.get("/openapi.json"),
            await http.post("/session", json={"token": served.tokens[Role.VIEWER]}),
            await http.post("/session", content=b" " * (MOST_BYTES + 1)),
        ]
    assert [answer.status_code for answer in answers] == [200, 401, 404, 200, 200, 413]
    for answer in answers:
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert "server" not in answer.headers
        assert "strict-transport-security" not in answer.headers
    assert "frame-ancestors 'none'" in HEADERS["content-security-policy"]


async def test_a_defect_has_them_too() -> None:
    async with running(under_way(Phase.PROGRESSING)) as desk:

        async def failing() -> str:
            raise ZeroDivisionError("by nothing")

        desk.control.restart_gateway = failing
        transport = httpx.ASGITransport(by_socket(create_app(desk.control)), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://abreast{PREFIX}") as http:
            answer = await http.post("/restart-gateway", json={"actor": "ada"})
    assert answer.status_code == 500
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
