"""The server: who may connect by the socket, over TCP, and how both end."""

import asyncio
import contextlib
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from abreast.api.server import PREFIX, ApiServer, create_app
from abreast.api.shield import by_socket
from abreast.model.api_settings import ApiSettings
from abreast.model.errors import PortInUseError, UsageError
from abreast.model.rollout import Phase
from abreast.model.service import Endpoint, Tls
from abreast.model.token import Role
from abreast.operations.control import Control
from tests.api.served import ANYWHERE, browser, serving
from tests.operations.desk import Desk, running
from tests.rollout.play import under_way


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A rollout of v2 at 10 %."""
    async with running(under_way(Phase.PROGRESSING)) as made:
        yield made


@contextlib.asynccontextmanager
async def client(control: Control) -> AsyncIterator[httpx.AsyncClient]:
    """A client of this control plane's API."""
    transport = httpx.ASGITransport(by_socket(create_app(control)), raise_app_exceptions=False)
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


class TestSocket:
    """Only the user who runs it may connect."""

    async def test_it_is_private_answers_and_goes_away(self, desk: Desk, short_tmp: Path) -> None:
        path = short_tmp / "api.sock"
        path.touch()  # as a killed process leaves it
        server = ApiServer(desk.control, path, ANYWHERE)
        await server.listen()
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        serving = asyncio.create_task(server.serve())
        transport = httpx.AsyncHTTPTransport(uds=str(path))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://abreast{PREFIX}") as http:
            assert (await http.get("/status")).json()["service"] == "shop"
        server.stop()
        await asyncio.wait_for(serving, 5)
        assert not path.exists()


class TestTcp:
    """Whoever has a token may connect, where the spec says."""

    async def test_without_an_address_it_takes_any_port_of_this_machine(self) -> None:
        async with serving(settings=ApiSettings()) as one, serving(settings=ApiSettings()) as two:
            assert one.origin != two.origin
            for each in (one, two):
                assert each.origin.startswith("http://127.0.0.1:")
                async with browser(each, **each.by(Role.VIEWER)) as http:
                    assert (await http.get("/status")).json()["service"] == "shop"

    async def test_an_address_that_is_taken_is_one_clear_error(self, desk: Desk, short_tmp: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as holder:
            port = holder.getsockname()[1]
            server = ApiServer(desk.control, short_tmp / "api.sock", ApiSettings(Endpoint("127.0.0.1", port)))
            with pytest.raises(PortInUseError, match=f"api.listen: 127.0.0.1:{port} cannot be listened on"):
                await server.listen()
        assert not (short_tmp / "api.sock").exists()
        assert (server.url, server.make_link()) == ("", "")

    async def test_elsewhere_than_here_it_is_refused_without_a_token(self, desk: Desk, short_tmp: Path) -> None:
        everywhere = ApiSettings(Endpoint("0.0.0.0", 0), Tls("chain.pem", "key.pem"))  # noqa: S104  # it is refused
        server = ApiServer(desk.control, short_tmp / "api.sock", everywhere)
        with pytest.raises(UsageError, match="there is no token"):
            await server.listen()

    async def test_it_ends_at_once_although_somebody_listens_to_the_stream(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            served = await stack.enter_async_context(serving())
            http = await stack.enter_async_context(browser(served, **served.by(Role.VIEWER)))
            stream = await stack.enter_async_context(http.stream("GET", "/stream"))
            lines = stream.aiter_lines()
            assert await anext(lines) == "retry: 2000"
            served.server.stop()
            async with asyncio.timeout(2):
                assert [line async for line in lines][-1] == ""
