"""Ending the control plane: only at the word of its own machine."""

import os

import httpx

from abreast.api.server import PREFIX
from abreast.model.token import Role
from tests.api.served import Served, browser, serving
from tests.api.test_server import problem


def by_socket(served: Served) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(uds=str(served.server._path))
    return httpx.AsyncClient(transport=transport, base_url=f"http://abreast{PREFIX}")


async def test_by_the_socket_it_ends_and_says_which_process_that_is() -> None:
    async with serving() as served:
        told: list[str] = []
        served.desk.control.end = told.append
        async with by_socket(served) as http:
            assert (await http.post("/end", json={})).status_code == 400, "who asks?"
            answer = await http.post("/end", json={"actor": "ada"})
        assert (answer.status_code, answer.json()["pid"], told) == (200, os.getpid(), ["ada"])


async def test_over_the_network_nobody_may() -> None:
    async with serving() as served:
        told: list[str] = []
        served.desk.control.end = told.append
        async with browser(served, **served.by(Role.ADMIN)) as http:
            answer = await http.post("/end", json={})
        assert answer.status_code == 409
        assert "only at the word of the machine" in problem(answer)["detail"]
        assert told == []


async def test_a_server_of_a_fleet_is_for_others_to_end() -> None:
    async with serving() as served, by_socket(served) as http:
        answer = await http.post("/end", json={"actor": "ada"})
        assert answer.status_code == 409
        assert "a server of the fleet of shop" in problem(answer)["detail"]
        assert problem(answer)["remedy"].endswith(f"kill {os.getpid()}")
