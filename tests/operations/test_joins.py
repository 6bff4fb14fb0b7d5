"""Letting agents in, and sending them away."""

from dataclasses import dataclass, field

import pytest

from abreast.model.agent import AgentKind, AgentName, JoinToken
from abreast.model.errors import UsageError
from abreast.operations.joins import LONGEST_S, VALID_S, JoinDesk, invite, revoke
from tests.fakes.clock import FakeClock

G1 = AgentName(AgentKind.GATEWAY, "g1")


@dataclass
class FakeAgents:
    """`abreast.operations.joins.Agents`: remembers what it was asked."""

    invited: list[tuple[JoinToken, AgentName, float, str, float]] = field(default_factory=list)
    revoked: list[tuple[AgentName, str, float]] = field(default_factory=list)

    async def invite(self, token: JoinToken, agent: AgentName, valid_s: float, actor: str, at: float) -> None:
        self.invited.append((token, agent, valid_s, actor, at))

    async def revoke(self, agent: AgentName, actor: str, at: float) -> None:
        self.revoked.append((agent, actor, at))


async def test_a_token_names_the_authority_and_is_never_the_same() -> None:
    agents, clock = FakeAgents(), FakeClock()
    desk = JoinDesk(agents, "f" * 64, clock)
    made = [await invite(desk, G1, "ada") for _ in range(2)]
    tokens = [JoinToken.parse(each.token) for each in made]
    assert [each for each, *_ in agents.invited] == tokens
    assert all(token is not None and token.authority == "f" * 64 for token in tokens)
    assert len({str(token) for token in tokens}) == 2
    assert agents.invited[0][1:] == (G1, VALID_S, "ada", clock.time)
    assert made[0].expires_at == clock.time + VALID_S
    assert made[0].token not in repr(made[0])


async def test_revoking_says_that_what_is_there_serves_on() -> None:
    agents, clock = FakeAgents(), FakeClock()
    said = await revoke(JoinDesk(agents, "f" * 64, clock), G1, "ada")
    assert agents.revoked == [(G1, "ada", clock.time)]
    assert "gateway/g1 is revoked" in said
    assert "serves as it was told last" in said


async def test_nobody_waits_for_an_agent_for_longer_than_a_month() -> None:
    agents = FakeAgents()
    with pytest.raises(UsageError, match="30 days at most"):
        await invite(JoinDesk(agents, "f" * 64, FakeClock()), G1, "ada", LONGEST_S + 1)
    assert agents.invited == []


async def test_where_there_is_no_fleet_nothing_joins() -> None:
    for work in (invite(None, G1, "ada"), revoke(None, G1, "ada")):
        with pytest.raises(UsageError, match="is no fleet"):
            await work
