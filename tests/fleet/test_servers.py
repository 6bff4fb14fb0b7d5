"""Whole servers: what happens to users and to the rollout when the one that decides is lost."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from abreast.model.errors import AbreastError
from tests.fakes.postgres import NEWEST, Servers
from tests.fleet.servers import Crowd, Server, Site, kinds, site


def obeys(server: Server, weight: int) -> bool:
    return all(node["weight"] == weight for node in server.status()["nodes"])


def is_alone(server: Server) -> bool:
    """Whether it has noticed that the database is away."""
    return server.status()["store_error"] != "" or not server.decides()


@contextmanager
def running(directory: Path, database: str, names: str) -> Iterator[Site]:
    """Servers of these names that are up."""
    with site(directory, database) as made:
        for name in names:
            made.add(name).up(wait=False)
        for server in made.servers:
            server.until_said(" is up: ", 45)
        yield made


@pytest.fixture
def three(short_tmp: Path, database: str) -> Iterator[Site]:
    with running(short_tmp, database, "abc") as made:
        yield made


@pytest.fixture
def two(short_tmp: Path, database: str) -> Iterator[Site]:
    with running(short_tmp, database, "ab") as made:
        yield made


def test_another_server_goes_on_where_a_killed_one_was(three: Site) -> None:
    first = three.decider()
    others = [each for each in three.servers if each is not first]
    with Crowd(first.port) as killed, Crowd(others[0].port) as mine, Crowd(others[1].port) as theirs:
        others[0].give("start", version="v2")
        first.until(lambda: first.status()["weight"] == 2000)
        for each in three.servers:
            each.until(partial(obeys, each, 2000))
        first.kill()
        began = time.monotonic()
        second = three.decider(others)
        took_s = time.monotonic() - began
        second.until(lambda: second.status()["weight"] == 6000)
        third = next(each for each in others if each is not second)
        third.until(lambda: third.status()["phase"] == "progressing" and third.status()["weight"] == 6000)
        done = third.give("abort", reason="enough")
        assert done["obeyed_s"] is not None
        third.until(lambda: third.status()["phase"] == "rolled-back")
    assert took_s < 8
    assert (killed.failures, mine.failures, theirs.failures) == ([], [], [])
    assert killed.answers["v2"] > 0
    assert [each["reason"].split()[1] for each in kinds(second, "lease")] == [first.name, second.name]


def test_a_holder_that_stood_still_past_its_lease_steps_back_and_what_it_writes_is_refused(two: Site) -> None:
    first = two.decider()
    others = [each for each in two.servers if each is not first]
    first.give("start", version="v2")
    first.until(lambda: first.status()["weight"] == 2000)
    with Crowd(others[0].port) as users:
        first.signal(signal.SIGSTOP)
        second = two.decider(others)
        second.give("weight", weight=5000)
        first.signal(signal.SIGCONT)
        first.until(lambda: not first.decides() and first.status()["weight"] == 5000)
        done = first.give("pause", reason="through one that stood still")
        assert second.status()["phase"] == "paused"
        assert done["revision"] == second.status()["revision"]
        first.until(lambda: all(node["obeys"] for node in first.status()["nodes"]))
    assert users.failures == []
    told = kinds(second, "lease")
    assert [each["reason"].split()[1] for each in told] == [first.name, second.name]
    assert "follows now" in first.log


def test_all_go_on_after_the_database_was_restarted(two: Site, servers: Servers) -> None:
    first = two.decider()
    cluster = servers[NEWEST]
    first.give("start", version="v2")
    first.until(lambda: first.status()["weight"] == 2000)
    with Crowd(two.servers[0].port) as ones, Crowd(two.servers[1].port) as others:
        cluster.stop()
        for each in two.servers:
            each.until(partial(is_alone, each))
        with pytest.raises(AbreastError):
            two.servers[1].give("weight", weight=7000)
        cluster.start()
        now = two.decider()
        now.until(lambda: now.status()["weight"] == 6000)
        last = next(each for each in two.servers if each is not now)
        assert last.give("abort", reason="the end")["phase"] in {"rolling-back", "rolled-back"}
    assert (ones.failures, others.failures) == ([], [])
    told = [each["reason"] for each in kinds(now, "lease")]
    tokens = [int(each.rsplit(" ", 1)[1].strip(")")) for each in told]
    assert tokens == sorted(set(tokens))


def test_people_see_who_decides_and_who_is_silent(three: Site) -> None:
    first = three.decider()
    other = next(each for each in three.servers if each is not first)
    shown = other.run("status").stdout
    assert f"servers   3: a, b, c   {first.name} decides" in shown
    assert f"{first.name} decides, of 3 servers" in other.run("doctor").stdout
    first.kill()
    second = three.decider([each for each in three.servers if each is not first])
    second.until(lambda: f"server {first.name} has been silent" in second.run("doctor").stdout)
    assert f"silent: {first.name} for" in second.run("status").stdout
    done = second.give("start", version="v2")
    assert done["unconfirmed"] == [first.name]
    second.signal(signal.SIGINT)
    assert second.process is not None
    second.process.wait(20)
    began = time.monotonic()
    third = three.decider([each for each in three.servers if each.name not in {first.name, second.name}])
    assert time.monotonic() - began < 3, "a server that ends in order gives the lease up"
    assert third.status()["candidate"] == "v2"


def test_an_abort_while_the_database_is_away_holds_and_is_recorded_later(two: Site, servers: Servers) -> None:
    first = two.decider()
    first.give("start", version="v2")
    first.until(lambda: first.status()["weight"] == 2000)
    with Crowd(first.port) as users:
        servers[NEWEST].stop()
        assert first.give("abort", reason="it is slow")["weight"] == 0
        first.until(partial(obeys, first, 0))
        first.until(lambda: not first.decides())
        seen = users.answers["v2"]
        servers[NEWEST].start()
        first.until(lambda: two.decider().status()["phase"] == "rolled-back")
        for each in two.servers:
            each.until(partial(obeys, each, 0))
    assert users.failures == []
    assert users.answers["v2"] == seen, "nobody came to v2 again, neither before nor after the database was back"
    told = [each for each in kinds(first, "phase") if "it is slow" in each["reason"]]
    assert told
