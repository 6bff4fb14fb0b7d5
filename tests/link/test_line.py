"""An agent's end: connected to some server whenever one answers; over real TLS."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from abreast.clock import SystemClock
from abreast.link import line
from abreast.link.certificates import FleetAuthority
from abreast.link.credentials import Credentials
from abreast.model.agent import Position
from abreast.model.traffic import Split
from abreast.nodes.second import NodeSecond
from abreast.rollout.observed import NodeState
from tests.link.world import G1, FakeServer, Fleet, fleet, until


@pytest.fixture
async def two(short_tmp: Path) -> AsyncIterator[Fleet]:
    async with fleet(short_tmp, "ab") as made:
        for server in made.servers:
            server.tell(2000)
        yield made


def named(made: Fleet, name: str) -> FakeServer:
    return next(each for each in made.servers if each.name == name)


async def test_it_is_connected_to_one_and_hears_what_that_tells(two: Fleet) -> None:
    agent = two.agent(await two.joined()).start()
    await until(lambda: agent.weight == 2000)
    assert agent.line.server in {"a", "b"}
    assert agent.line.position == Position(1, 1)
    for server in two.servers:
        server.tell(0, Position(1, 2))
    await until(lambda: agent.weight == 0)
    assert agent.line.position == Position(1, 2)


async def test_what_its_nodes_obey_is_reported_as_soon_as_that_changes(two: Fleet) -> None:
    agent = two.agent(await two.joined()).start()
    await until(lambda: agent.weight == 2000)
    agent.nodes[:] = [NodeState("gateway-1.0", Split("v1"), connected=True)]
    agent.line.wake()
    row = await two.until_row(lambda row: any(node.acked == Split("v1") for node in row.nodes))
    assert row.server == agent.line.server


async def test_it_goes_on_at_another_server_at_once_and_an_older_connection_changes_nothing(two: Fleet) -> None:
    agent = two.agent(await two.joined()).start()
    await until(lambda: agent.weight == 2000)
    first = agent.line.server
    await two.until_row(lambda row: row.server == first)
    for server in two.servers:
        server.tell(500, Position(1, 2))
    began = asyncio.get_running_loop().time()
    await named(two, first).stop()
    await two.until_row(lambda row: row.server not in {first, ""})
    assert asyncio.get_running_loop().time() - began < 3
    assert any("is lost" in each for each in agent.said)
    assert agent.weight == 500


async def test_while_no_server_answers_it_tries_again_and_says_so_once(two: Fleet) -> None:
    credentials = await two.joined()
    for server in two.servers:
        await server.stop()
    agent = two.agent(credentials).start()
    await asyncio.sleep(1.5)
    assert agent.told == []
    server = named(two, "b")
    await server.start(server.address.port)
    server.tell(100)
    await until(lambda: agent.weight == 100)


async def test_a_server_that_sees_the_store_is_preferred(two: Fleet) -> None:
    named(two, "a").current = False
    agents = [two.agent(await two.joined()).start()]
    await until(lambda: agents[0].line.server == "b")
    named(two, "a").current, named(two, "b").current = True, False
    await until(lambda: agents[0].line.server == "a")
    assert any("does not see the store" in each for each in agents[0].said)


async def test_without_a_better_one_a_server_that_does_not_see_the_store_will_do(two: Fleet) -> None:
    for server in two.servers:
        server.current = False
    agent = two.agent(await two.joined()).start()
    await until(lambda: agent.weight == 2000)


async def test_who_is_refused_waits_and_is_served_once_that_is_mended(two: Fleet) -> None:
    credentials = await two.joined()
    agent, copy = two.agent(credentials).start(), two.agent(credentials)
    await two.until_row(lambda row: row.name == "g1")
    copy.start()
    await asyncio.sleep(1.0)
    row = await two.until_row(lambda row: row.name == "g1")
    assert row.identity == agent.line._identity
    await agent.stop()
    await two.until_row(lambda row: row.identity == copy.line._identity)


async def test_the_end_is_told(two: Fleet) -> None:
    agent = two.agent(await two.joined()).start()
    await two.until_row(lambda row: row.name == "g1")
    assert await agent.line.leave(5.0)
    assert await two.rows() == []
    other = two.agent(Credentials(two.directory / "none.json", G1))
    assert not await other.line.leave(5.0), "it was not connected"


async def test_a_certificate_is_renewed_when_a_third_of_its_time_is_left(
    two: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = await two.joined()
    kept = credentials.kept
    assert kept is not None
    until_ = kept.valid_until()
    monkeypatch.setattr(type(kept), "renewal_due", lambda self, _now: self.certificate == kept.certificate)
    agent = two.agent(credentials).start()
    await until(lambda: credentials.kept != kept)
    assert credentials.kept is not None
    assert credentials.kept.valid_until() >= until_
    assert Credentials(two.directory / "agent.json", G1).kept == credentials.kept
    assert agent.line.server


async def test_a_certificate_whose_time_is_over_asks_nobody(two: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    credentials = await two.joined()
    monkeypatched = two.agent(credentials)
    monkeypatched.line._clock = Late()
    monkeypatched.start()
    await until(lambda: "the certificate's time is over" in caplog.text)
    assert monkeypatched.told == []
    assert caplog.text.count("the certificate's time is over") == 1


class Late(SystemClock):
    """Half a year from now."""

    def now(self) -> float:
        return super().now() + 180 * 86_400.0


async def test_a_server_of_another_fleet_is_told_nothing(two: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    credentials = await two.joined()
    impostor = await two.serve("x", FleetAuthority.make(SystemClock().now()))
    impostor.tell(10_000)
    agent = two.agent(credentials, [impostor]).start()
    await until(lambda: "its certificate is none of this fleet's" in caplog.text)
    assert agent.told == []


async def test_what_was_counted_is_handed_in_and_again_at_the_next_server(two: Fleet) -> None:
    agent = two.agent(await two.joined())
    agent.counted += [NodeSecond("", 5.0, number, 5.0 + number) for number in range(1, 51)]
    agent.start()
    await until(lambda: agent.line.server)
    first = named(two, agent.line.server)
    await until(lambda: len(first.counted) == 50)
    assert {each.node for each in first.counted} == {"gateway/g1"}
    agent.counted.append(NodeSecond("", 5.0, 51, 56.0))
    await until(lambda: len(first.counted) == 51)
    await first.stop()
    other = next(each for each in two.servers if each is not first)
    await until(lambda: [each.number for each in other.counted] == list(range(1, 52)))


async def test_the_pauses_between_rounds_are_short(two: Fleet) -> None:
    assert max(line.BACK_OFF_S) <= 2.0
    assert list(line.BACK_OFF_S) == sorted(line.BACK_OFF_S)
    assert two.servers
