"""Who may join, who has, and whose report counts: on SQLite here, with the database's clock in hand."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from abreast.model.agent import AgentKind, AgentName, Enrolment, JoinToken, Presence
from abreast.model.errors import JoinError, UsageError
from abreast.model.traffic import Split
from abreast.rollout.observed import NodeState
from abreast.store.agents import FREE_S, KEEP_S, SqlAgents
from abreast.store.fleet import FORGET_S, SERVER, SqlFleet
from abreast.store.sql import SqlStore
from abreast.store.sqlite import open_store
from tests.contracts.test_store import a_rollout
from tests.store.lease_world import CLOCK, World, make_clock

G1 = AgentName(AgentKind.GATEWAY, "g1")
TOKEN = JoinToken("0123456789ab", "s" * 43, "f" * 64)
NODES = (NodeState("g1/gateway-1.0", Split("v1"), connected=True),)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    opened = await open_store(tmp_path / "abreast.db")
    await make_clock(opened)
    yield opened
    await opened.close()


@pytest.fixture
def world(store: SqlStore) -> World:
    return World(store, "shop")


@pytest.fixture
def agents(store: SqlStore) -> SqlAgents:
    return SqlAgents(store, "shop", database_now=CLOCK)


@pytest.fixture
def fleet(store: SqlStore) -> SqlFleet:
    return SqlFleet(store, "shop", database_now=CLOCK)


async def joined(agents: SqlAgents, enrolment: str = "e1", token: JoinToken = TOKEN) -> Enrolment:
    await agents.invite(token, G1, 60.0, "ada", 1.0)
    return await agents.redeem(token, G1, f"key of {enrolment}", enrolment, 2.0)


async def test_a_token_lets_one_key_in_and_both_are_events(agents: SqlAgents, store: SqlStore) -> None:
    await store.save(a_rollout(), [])
    enrolment = await joined(agents)
    assert enrolment == Enrolment(G1, "shop", "e1")
    assert await agents.entry(Presence(enrolment, "start", 1)) == "kept"
    assert await agents.redeem(TOKEN, G1, "key of e1", "e2", 3.0) == enrolment, "the answer was lost"
    with pytest.raises(JoinError, match="was used already"):
        await agents.redeem(TOKEN, G1, "another key", "e3", 3.0)
    told = [(each.actor, each.reason) for _, each in await store.events("shop")]
    assert told == [
        ("ada", "a join token for gateway/g1 was created"),
        ("gateway/g1", "gateway/g1 joined with the token that ada made"),
    ]


async def test_of_a_token_only_the_hash_is_kept(agents: SqlAgents, store: SqlStore) -> None:
    await joined(agents)
    rows = await store.transact(lambda connection: connection.execute(text("SELECT * FROM join_tokens")).all())
    assert TOKEN.secret not in str(rows)


async def test_a_token_lets_nobody_else_in_nor_later_nor_elsewhere(
    agents: SqlAgents, store: SqlStore, world: World
) -> None:
    await agents.invite(TOKEN, G1, 60.0, "ada", 1.0)
    other = JoinToken(TOKEN.id, "t" * 43, TOKEN.authority)
    bakery = SqlAgents(store, "bakery", database_now=CLOCK)
    for where, token, agent, words in (
        (agents, other, G1, "is unknown here"),
        (bakery, TOKEN, G1, "is unknown here"),
        (agents, TOKEN, AgentName(AgentKind.GATEWAY, "g2"), "is for gateway/g1, not for gateway/g2"),
    ):
        with pytest.raises(JoinError, match=words):
            await where.redeem(token, agent, "key", "e", 2.0)
    await world.pass_(60.0)
    with pytest.raises(JoinError, match="has expired"):
        await agents.redeem(TOKEN, G1, "key", "e", 2.0)
    await world.pass_(KEEP_S + 1)
    await agents.invite(JoinToken("a" * 12, "s" * 43, "f" * 64), G1, 60.0, "ada", 3.0)
    with pytest.raises(JoinError, match="is unknown here"):
        await agents.redeem(TOKEN, G1, "key", "e", 2.0)


async def test_who_joins_anew_ends_the_certificate_before(agents: SqlAgents, fleet: SqlFleet) -> None:
    first = await joined(agents)
    assert await agents.report(Presence(first, "start", 1), "a", NODES) == "kept"
    second = await joined(agents, "e2", JoinToken("b" * 12, "s" * 43, "f" * 64))
    assert await agents.entry(Presence(first, "start", 2)) == "unknown"
    assert await fleet.replicas() == []
    assert await agents.report(Presence(first, "start", 2), "a", NODES) == "unknown"
    assert await agents.report(Presence(second, "other", 1), "a", NODES) == "kept"


async def test_revoking_ends_certificate_token_and_row(agents: SqlAgents, fleet: SqlFleet) -> None:
    with pytest.raises(UsageError, match="no gateway is called 'g1'") as unknown:
        await agents.revoke(G1, "ada", 1.0)
    assert "there are: none" in unknown.value.message
    enrolment = await joined(agents)
    unused = JoinToken("b" * 12, "s" * 43, "f" * 64)
    await agents.invite(unused, G1, 60.0, "ada", 3.0)
    await agents.report(Presence(enrolment, "start", 1), "a", NODES)
    await agents.revoke(G1, "ada", 4.0)
    assert await agents.entry(Presence(enrolment, "start", 2)) == "unknown"
    assert await fleet.replicas() == []
    with pytest.raises(JoinError, match="is unknown here"):
        await agents.redeem(unused, G1, "key", "e", 5.0)


async def test_gateways_are_told_beside_servers_of_whatever_name(agents: SqlAgents, fleet: SqlFleet) -> None:
    await fleet.report("g1", "g1#1", ())
    await agents.report(Presence(await joined(agents), "start", 1), "a", NODES)
    server, gateway = await fleet.replicas()
    assert (server.kind, server.name, server.nodes, server.server) == (SERVER, "g1", (), "")
    assert (gateway.kind, gateway.name, gateway.nodes, gateway.server) == ("gateway", "g1", NODES, "a")
    await fleet.leave("g1", "g1#1")
    assert [each.kind for each in await fleet.replicas()] == ["gateway"]


async def test_the_newest_connection_of_a_start_counts(agents: SqlAgents, fleet: SqlFleet) -> None:
    enrolment = await joined(agents)
    old, new = Presence(enrolment, "start", 1), Presence(enrolment, "start", 2)
    await agents.report(old, "a", NODES)
    await agents.report(new, "b", ())
    assert await agents.report(old, "a", NODES) == "kept"
    (row,) = await fleet.replicas()
    assert (row.server, row.nodes) == ("b", ())
    await agents.part(old)
    await agents.leave(old)
    (row,) = await fleet.replicas()
    assert row.identity == "start", "what an older connection says does not count"


async def test_another_start_has_the_name_only_once_the_one_before_has_parted_or_is_silent(
    agents: SqlAgents, fleet: SqlFleet, world: World
) -> None:
    enrolment = await joined(agents)
    first, second = Presence(enrolment, "first", 1), Presence(enrolment, "second", 1)
    await agents.report(first, "a", NODES)
    assert await agents.report(second, "a", NODES) == await agents.entry(second) == "taken"
    await agents.part(first)
    (row,) = await fleet.replicas()
    assert (row.identity, row.nodes) == ("", NODES), "its Envoys may still be there"
    assert await agents.report(second, "a", NODES) == "kept"
    await world.pass_(FREE_S + 0.1)
    assert await agents.report(first, "a", NODES) == "kept"
    await agents.leave(first)
    assert await fleet.replicas() == []


async def test_who_is_silent_for_long_is_forgotten(agents: SqlAgents, fleet: SqlFleet, world: World) -> None:
    await agents.report(Presence(await joined(agents), "start", 1), "a", NODES)
    await world.pass_(FORGET_S + 1)
    await fleet.report("a", "a#1", ())
    assert [each.name for each in await fleet.replicas()] == ["a"]
