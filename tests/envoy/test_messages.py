"""Which of Envoy's messages are known: those that are said, and no others."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.message import Message

from abreast.envoy.messages import CLUSTER, ENDPOINTS, LISTENER, MESSAGES, NESTED, ROUTE_TABLE
from abreast.envoy.snapshot import build
from abreast.model.service import AccessLog, Endpoint, GatewaySettings, Tls, Traces, Version
from abreast.model.traffic import Backend, Split, Traffic

PREFIX = "type.googleapis.com/"


def backend(name: str) -> Backend:
    """One instance of a version."""
    return Backend(Version(name, run=("serve",)), (Endpoint("127.0.0.1", 9001),))


COLLECTOR = Endpoint("127.0.0.1", 4317)
SETTINGS = GatewaySettings(tls=Tls("/c", "/k"), access_log=AccessLog("/l", COLLECTOR), traces=Traces(COLLECTOR))
ROLLOUT = Traffic("shop", Split("v1", "v2", 100), backend("v1"), backend("v2"), SETTINGS)
"""As much as can be said at once."""


def types(value: Any) -> Iterator[str]:  # noqa: ANN401  # JSON
    """The type of every message inside of an Any field."""
    if isinstance(value, dict):
        if "@type" in value:
            yield value["@type"]
        for below in value.values():
            yield from types(below)
    elif isinstance(value, list):
        for below in value:
            yield from types(below)


def declared() -> dict[str, str]:
    """Each message of the nested modules, with the file that declares it."""
    return {
        message.full_name: module.DESCRIPTOR.name
        for module in NESTED
        for message in module.DESCRIPTOR.message_types_by_name.values()
    }


@pytest.mark.parametrize("url", [CLUSTER, ENDPOINTS, LISTENER, ROUTE_TABLE])
def test_a_resource_s_address_names_its_message(url: str) -> None:
    assert issubclass(MESSAGES[url], Message)
    assert url == PREFIX + MESSAGES[url].DESCRIPTOR.full_name


def test_these_are_the_types_of_a_snapshot() -> None:
    assert set(MESSAGES) == {CLUSTER, ENDPOINTS, LISTENER, ROUTE_TABLE} == set(build(ROLLOUT).resources)


def test_the_nested_messages_are_those_that_are_said() -> None:
    said = {each.removeprefix(PREFIX) for each in types(list(map(dict, build(ROLLOUT).resources.values())))}
    assert said <= set(declared())
    files = {declared()[name] for name in said}
    assert files == {module.DESCRIPTOR.name for module in NESTED}, "a module that nothing needs costs start-up time"


def test_less_is_said_without_tls() -> None:
    plain = replace(ROLLOUT, gateway=replace(SETTINGS, tls=None))
    said = set(types(list(map(dict, build(plain).resources.values()))))
    with_tls = set(types(list(map(dict, build(ROLLOUT).resources.values()))))
    [tls] = with_tls - said
    assert tls.endswith("DownstreamTlsContext")
