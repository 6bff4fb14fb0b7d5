"""What only another server's gateway has seen moves a rollout as well, and sends it back."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from abreast.metrics.catalogue import USERS
from abreast.state_dir import StateDir
from tests.fleet.servers import Crowd, Server, Site, behave, kinds, site

ROLLOUT = {
    "steps": [{"weight": "50%"}, {"weight": "60%"}, {"hold": "1h"}, {"bake": "1h"}],
    "step_time": {"at_least": "2s", "at_most": "10m"},
    "on_timeout": "hold",
    "gates": {"errors": {"budget": "2%", "window": "1s"}, "latency": {"watch": False}},
}
"""Nothing but evidence leads from 50 % to 60 %."""


@pytest.fixture
def two(short_tmp: Path, database: str) -> Iterator[Site]:
    with site(short_tmp, database) as made:
        for name in "ab":
            made.add(name, ROLLOUT).up(wait=False)
        for server in made.servers:
            server.until_said(" is up: ", 45)
        yield made


def seen(server: Server) -> tuple[int, int]:
    """Requests that the status shows, and users' requests."""
    state = server.status()
    return state["seen_requests"], state["users_requests"]


def has_seen(server: Server, users: int) -> bool:
    return seen(server)[1] == users


def decided_anew(server: Server) -> dict[str, Any]:
    """What `abreast replay` makes of what the fleet has recorded."""
    found = server.directory / "found.json"
    server.run("replay", "--store", server.store, "--json", str(found))
    replayed: dict[str, Any] = json.loads(found.read_text("utf-8"))
    return replayed


def exposed(server: Server) -> int:
    """Users' requests that the server shows in its metrics."""
    socket = httpx.HTTPTransport(uds=str(StateDir.beside(server.directory).api))
    with httpx.Client(transport=socket, base_url="http://abreast") as client:
        lines = client.get("/metrics").raise_for_status().text.splitlines()
    return sum(int(float(line.split()[-1])) for line in lines if line.startswith(f"{USERS.name}_total{{"))


def test_users_at_another_servers_gateway_alone_move_a_rollout_and_send_it_back(two: Site, database: str) -> None:
    decider = two.decider()
    other = next(each for each in two.servers if each is not decider)
    decider.give("start", version="v2")
    decider.until(lambda: decider.status()["weight"] == 5000)
    with ExitStack() as users:
        crowds = [users.enter_context(Crowd(other.port, pause_s=0.004)) for _ in range(2)]
        decider.until(lambda: decider.status()["weight"] == 6000, 60)
        behave(two.ports["v2"], mode="fail")
        decider.until(lambda: decider.status()["phase"] == "rolled-back", 30)
        other.until(lambda: all(node["obeys"] and node["weight"] == 0 for node in other.status()["nodes"]))
    answered = sum(sum(crowd.answers.values()) for crowd in crowds)
    for server in two.servers:
        server.until(partial(has_seen, server, answered))
    other.until(lambda: exposed(other) == answered)
    assert exposed(decider) == 0, "each request is in the metrics of one server"
    assert [each for each in kinds(decider, "step") if "60 %" in each["reason"]]
    again = decided_anew(other)
    assert [each for each in again["decisions"] if not each["then"] or not each["now"]] == [], again["summary"]
    assert again["end"]["phase"] == "rolled-back"


def test_each_second_of_each_gateway_counts_once_and_a_takeover_goes_on_where_the_other_was(
    two: Site, database: str
) -> None:
    first = two.decider()
    other = next(each for each in two.servers if each is not first)
    first.give("start", version="v2")
    first.until(lambda: first.status()["weight"] == 5000)
    with Crowd(other.port, pause_s=0.02) as users:
        first.until(lambda: seen(first)[0] > 200, 40)
        first.kill()
        two.decider([other])
        more = sum(users.answers.values()) + 100
        other.until(lambda: sum(users.answers.values()) > more)
    answered = sum(users.answers.values())
    other.until(lambda: seen(other)[1] == answered)
    assert users.failures == []

    def weighed() -> int:
        with psycopg.connect(database) as connection:
            rows = connection.execute("SELECT data FROM abreast_store.ticks").fetchall()
        ticks = [json.loads(row[0]) for row in rows]
        return sum(tick[side][0] for tick in ticks for side in ("candidate", "stable"))

    before_it_was_live = 30
    other.until(lambda: weighed() >= answered - before_it_was_live)
    assert weighed() <= answered
    again = decided_anew(other)
    assert [each for each in again["decisions"] if not each["now"]] == [], again["summary"]
    assert [each for each in again["notes"] if each.startswith("A server took over at ")]
