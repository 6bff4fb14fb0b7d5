"""Messages are read as they were written, and an agent is told what its gateway needs and no more."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from abreast.controller.follow import followed
from abreast.envoy.snapshot import build
from abreast.link import messages
from abreast.link.messages import FromAgent, FromServer, told_abroad
from abreast.model.agent import Position
from abreast.model.service import AccessLog, Endpoint, GatewaySettings, Probe, Tls, Traces, UserKey, Version
from abreast.model.traffic import Backend, Shadowing, Split, Traffic
from abreast.nodes.second import NodeSecond
from abreast.rollout.observed import NodeState
from tests.link.world import G1, traffic

FULL = Traffic(
    "shop",
    Split("v1", "v2", 2000, "salt", Shadowing(500, 10.0)),
    Backend(Version("v1", env=(("PASSWORD", "hunter2"),), ready=Probe("http", "/healthz")), (Endpoint("::1", 9001),)),
    Backend(
        Version("v2", protocol="h2c", timeout_s=3.0, keep_alive_s=0.7, max_connections=9, max_requests=8),
        (Endpoint("10.0.0.1", 9002), Endpoint("10.0.0.2", 9002)),
    ),
    GatewaySettings(
        Endpoint("10.0.0.9", 80),
        Tls("/c", "/k"),
        access_log=AccessLog("/log", headers=("x-a",)),
        traces=Traces(Endpoint("10.0.0.3", 4317)),
    ),
    (UserKey("header", "x-user-id"), UserKey("cookie", "id")),
    "secret",
    Shadowing(100, 1.0),
)

BY_AGENT: list[FromAgent] = [
    messages.AskAuthority(),
    messages.Join(G1, "token", "request"),
    messages.Renew("request"),
    messages.Hello("start", 3, Position(2, 7)),
    messages.Hello("start", 1),
    messages.Report(
        (NodeState("n", Split("v1", "v2", 5), connected=True, nack="no"), NodeState("m", None, connected=False))
    ),
    messages.Counted((NodeSecond("n", 5.0, 1, 6.0, users={200: 3}).as_json(),), 7.5),
    messages.Leave(),
]
BY_SERVER: list[FromServer] = [
    messages.Authority("pem"),
    messages.Admitted("pem"),
    messages.Refused("taken", "what", "then"),
    messages.Welcome("a", current=True),
    messages.Standing(current=False),
    messages.Tell(FULL, Position(2, 7)),
    messages.Left(),
]


@pytest.mark.parametrize("message", BY_AGENT, ids=lambda message: message.kind)
def test_what_an_agent_says_is_read_as_it_was_written(message: FromAgent) -> None:
    assert messages.of_agent(messages.by_agent(message)) == message


@pytest.mark.parametrize("message", BY_SERVER, ids=lambda message: message.kind)
def test_what_a_server_says_is_read_as_it_was_written(message: FromServer) -> None:
    assert messages.of_server(messages.by_server(message)) == message


def test_seconds_are_those_of_the_node_that_the_server_knows() -> None:
    second = NodeSecond("whatever", 5.0, 1, 6.0, users={200: 3})
    counted = messages.Counted((second.as_json(),), 7.5)
    assert counted.read("gateway/g1") == [replace(second, node="gateway/g1")]
    with pytest.raises(KeyError):
        messages.Counted(({},), 7.5).read("gateway/g1")


def test_fields_of_a_newer_abreast_are_passed_over() -> None:
    written = json.loads(messages.by_agent(messages.Hello("start", 1)))
    assert messages.of_agent(json.dumps({**written, "mood": "good"})) == messages.Hello("start", 1)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "tell"}', '{"kind": "hello", "identity": 5}'])
def test_what_is_no_message(text: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        messages.of_agent(text)


def test_secrets_of_a_join_are_not_shown() -> None:
    assert "hunter2" not in repr(messages.Join(G1, "hunter2", "request"))


@pytest.mark.parametrize("told", [FULL, traffic(100), replace(traffic(0), split=Split("v1"), candidate=None)])
def test_an_agent_s_envoys_are_told_what_a_follower_s_are(told: Traffic) -> None:
    abroad = told_abroad(told)
    same = replace(told, split=followed(told.split), recording=None)
    assert build(abroad, Path("r"), 2) == build(same, Path("r"), 2)


def test_an_agent_is_not_told_how_versions_are_run() -> None:
    assert "hunter2" not in messages.by_server(messages.Tell(told_abroad(FULL), Position(1, 1)))
