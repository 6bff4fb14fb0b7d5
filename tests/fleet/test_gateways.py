"""Gateways apart from servers, whole: they join, obey, and serve on whatever happens to servers and agents."""

import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from abreast.model.errors import JoinError
from abreast.store.rows import COUNTS_JSON
from tests.fleet.gateways import Fleet, Gateway, fleet
from tests.fleet.servers import Crowd, Server


@pytest.fixture
def two(short_tmp: Path, database: str) -> Iterator[Fleet]:
    with fleet(short_tmp, database, "ab", ["g1", "g2"]) as made:
        yield made


def have(made: Fleet, server: Server, weight: int) -> bool:
    """Whether all gateways are there with that weight, as the server shows them."""
    shown = made.shown(server)
    return len(shown) == len(made.gateways) and all(
        each["weight"] == weight and each["obeys"] and not each["lost"] for each in shown.values()
    )


def connected(made: Fleet, gateway: Gateway) -> Server:
    """The server that the gateway is connected to, by what it said last."""
    words = gateway.log.rsplit("connected to server ", 1)[1]
    return next(each for each in made.servers if each.name == words[0])


def test_an_order_reaches_all_and_they_serve_on_when_servers_are_lost(two: Fleet) -> None:
    first = two.site.decider()
    with Crowd(two.gateways[0].port) as ones, Crowd(two.gateways[1].port) as others:
        first.give("start", version="v2")
        first.until(lambda: have(two, first, 2000))
        first.until(lambda: first.status()["users_requests"] > 100)
        first.until(lambda: all(each["requests"] > 0 for each in first.status()["versions"]))
        shown = first.run("status").stdout
        assert "gateways  2: g1 20 % through " in shown
        assert [each["id"].split("/")[0] for each in first.status()["nodes"]] == ["g1", "g2"]
        first.kill()
        second = two.site.decider([each for each in two.servers if each is not first])
        done = second.give("abort", reason="enough")
        assert done["obeyed_s"] is not None
        assert set(done["unconfirmed"]) <= {first.name}, "it may be known by now that it is lost"
        second.until(lambda: have(two, second, 0))
        assert {each["server"] for each in two.shown(second).values()} == {second.name}
        second.kill()
        for gateway in two.gateways:
            gateway.said(f"server {second.name} ")
            assert gateway.version() == "v1"
    assert (ones.failures, others.failures) == ([], [])
    assert ones.answers["v2"] > 0


def in_history(database: str) -> int:
    """Requests that are in the history by the minute."""
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT body FROM abreast_store.counts").fetchall()
    return sum(COUNTS_JSON.validate_json(row[0]).requests for row in rows)


def test_the_history_has_each_request_at_gateways_apart_once_also_when_a_server_is_lost(
    two: Fleet, database: str
) -> None:
    first = two.site.decider()
    with Crowd(two.gateways[0].port) as ones, Crowd(two.gateways[1].port) as others:
        first.until(lambda: in_history(database) > 100)
        first.kill()
        second = two.site.decider([each for each in two.servers if each is not first])
        more = in_history(database) + 200
        second.until(lambda: in_history(database) > more)
    answered = sum(sum(each.answers.values()) for each in (ones, others))
    second.until(lambda: in_history(database) == answered)
    assert (ones.failures, others.failures) == ([], [])


def test_an_agent_that_starts_without_any_server_serves_what_it_was_told_last(two: Fleet) -> None:
    first, gateway = two.site.decider(), two.gateways[0]
    first.give("start", version="v2")
    first.give("weight", weight=10_000)
    first.until(lambda: have(two, first, 10_000))
    for each in two.servers:
        each.kill()
    assert gateway.end() == 0
    gateway.up()
    assert "starting from what was told last" in gateway.log
    assert gateway.version() == "v2"
    before = len(gateway.log)
    two.servers[0].up()
    gateway.said("connected to server", before)
    two.servers[0].until(lambda: have(two, two.servers[0], 10_000))


def test_the_envoy_of_a_killed_agent_serves_on_and_is_taken_over(two: Fleet) -> None:
    first, gateway = two.site.decider(), two.gateways[0]
    first.give("start", version="v2")
    with Crowd(gateway.port) as users:
        first.until(lambda: have(two, first, 2000))
        gateway.kill()
        done = first.give("weight", weight=5000)
        assert done["phase"] == "paused"
        gateway.up(wait=False)
        gateway.said("taking over")
        first.until(lambda: have(two, first, 5000))
    assert users.failures == []


def test_a_silent_gateway_is_named_and_not_waited_for_and_one_that_ends_in_order_is_gone(two: Fleet) -> None:
    first, (quiet, other) = two.site.decider(), two.gateways
    first.give("start", version="v2")
    first.until(lambda: have(two, first, 2000))
    assert quiet.process is not None
    quiet.process.send_signal(signal.SIGSTOP)
    first.until(lambda: two.shown(first)["g1"]["lost"])
    done = first.give("abort", reason="without the silent one")
    assert done["obeyed_s"] is not None
    assert done["unconfirmed"] == ["g1"]
    told = first.run("doctor").stdout
    assert "gateway g1 has been silent for " in told
    assert "silent: g1 for " in first.run("status").stdout
    quiet.process.send_signal(signal.SIGCONT)
    first.until(lambda: have(two, first, 0))
    assert other.end() == 0
    first.until(lambda: set(two.shown(first)) == {"g1"})


def test_who_may_join_and_until_when(two: Fleet) -> None:
    server = two.servers[0]
    used = two.token("g3")
    third = two.add("g3").up(used)
    again = two.add("g4")
    again.up(used, wait=False)
    assert again.process is not None
    assert again.process.wait(30) == JoinError.exit_code
    assert "is for gateway/g3, not for gateway/g4" in again.log
    copy = Gateway(two.site.directory / "a", "g3", third.links)
    copy.up(used, wait=False)
    assert copy.process is not None
    assert copy.process.wait(30) == JoinError.exit_code
    assert "was used already" in copy.log
    two.gateways.remove(again)
    server.until(lambda: "g3" in two.shown(server))
    said = server.run("join-token", "g3", "--revoke").stdout
    assert "gateway/g3 is revoked" in said
    third.said("gateway/g3 was revoked")
    assert third.version() == "v1", "it serves on as it was told"
    server.until(lambda: "g3" not in two.shown(server))
    reasons = [each["reason"] for each in server.client().get("/events", limit=1000) if each["kind"] == "token"]
    assert "a join token for gateway/g3 was created" in reasons
    assert any(each.startswith("gateway/g3 joined with the token that ") for each in reasons)


def test_a_server_that_ends_in_order_hands_its_gateways_over(two: Fleet) -> None:
    first = two.site.decider()
    other = next(each for each in two.servers if each is not first)
    first.down()
    for gateway in two.gateways:
        gateway.until(lambda gateway=gateway: connected(two, gateway) is other)  # type: ignore[misc]  # mypy knows no default in a lambda
    other.until(lambda: have(two, other, 0))
    assert all(gateway.version() == "v1" for gateway in two.gateways)
