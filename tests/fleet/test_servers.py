"""Whole servers: what happens to users and to the rollout when the one that decides is lost."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.servers import Crowd, Site, kinds, site


@pytest.fixture
def three(short_tmp: Path, database: str) -> Iterator[Site]:
    """Three servers that are up."""
    with site(short_tmp, database) as made:
        for name in ("a", "b", "c"):
            made.add(name).up(wait=False)
        for server in made.servers:
            server.until(lambda server=server: " is up: " in server.log, 30)
        yield made


def test_another_server_goes_on_where_a_killed_one_was(three: Site) -> None:
    first = three.decider()
    others = [each for each in three.servers if each is not first]
    with Crowd(first.port) as killed, Crowd(others[0].port) as mine, Crowd(others[1].port) as theirs:
        others[0].give("start", version="v2")
        first.until(lambda: first.status()["weight"] == 2000)
        for each in three.servers:
            each.until(lambda each=each: all(node["weight"] == 2000 for node in each.status()["nodes"]))
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
