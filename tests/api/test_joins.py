"""The endpoints of agents, over TCP."""

from collections.abc import AsyncIterator

import httpx
import pytest

from abreast.model.agent import AgentKind, AgentName, JoinToken
from abreast.model.token import Role
from abreast.operations.joins import JoinDesk
from tests.api.served import Served, browser, serving
from tests.api.test_server import problem
from tests.operations.test_joins import FakeAgents


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as made:
        yield made


@pytest.fixture
def agents(served: Served) -> FakeAgents:
    made = FakeAgents()
    served.desk.control.joins = JoinDesk(made, "f" * 64, served.desk.stage.clock)
    return made


@pytest.fixture
async def http(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(served, **served.by(Role.ADMIN)) as made:
        yield made


async def test_an_admin_lets_an_agent_in_and_sends_it_away(
    http: httpx.AsyncClient, served: Served, agents: FakeAgents
) -> None:
    made = await http.post("/join-tokens", json={"kind": "gateway", "name": "g1", "valid_s": 60, "actor": "forged"})
    assert made.status_code == 201
    told = made.json()
    assert JoinToken.parse(told["token"]) == agents.invited[0][0]
    assert (told["kind"], told["name"], told["expires_at"]) == ("gateway", "g1", served.desk.stage.clock.now() + 60)
    assert agents.invited[0][3] == "admin"
    said = await http.post("/agents/gateway/g1/revoke", json={})
    assert said.json()["message"].startswith("gateway/g1 is revoked")
    assert agents.revoked[0][:2] == (AgentName(AgentKind.GATEWAY, "g1"), "admin")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"kind": "gateway"}, "body.name"),
        ({"kind": "tractor", "name": "g1"}, "body.kind"),
        ({"kind": "gateway", "name": "a/b"}, "body.name"),
        ({"kind": "gateway", "name": "g1", "valid_s": 0}, "body.valid_s"),
    ],
)
async def test_what_makes_no_sense_is_named(
    http: httpx.AsyncClient, agents: FakeAgents, body: dict[str, object], words: str
) -> None:
    answer = await http.post("/join-tokens", json=body)
    assert answer.status_code == 400
    assert words in problem(answer)["detail"]
    assert agents.invited == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_others_may_not(served: Served, agents: FakeAgents, role: Role) -> None:
    async with browser(served, **served.by(role)) as http:
        answer = await http.post("/join-tokens", json={"kind": "gateway", "name": "g1"})
        assert answer.status_code == 403
        assert (await http.post("/agents/gateway/g1/revoke", json={})).status_code == 403
    assert (agents.invited, agents.revoked) == ([], [])


async def test_a_single_control_plane_lets_nobody_in(http: httpx.AsyncClient) -> None:
    answer = await http.post("/join-tokens", json={"kind": "gateway", "name": "g1"})
    assert answer.status_code == 400
    assert "is no fleet" in problem(answer)["detail"]
