"""Ports, health, networks and neighbours of a service."""

import pytest

from abreast.compose.document import ComposeFile, Keys
from abreast.compose.network import health, listening, neighbours, networks
from abreast.compose.variables import Variables

NOBODY = Variables({})
OTHER: Keys = {"image": "postgres"}


def file(web: Keys, **others: Keys) -> ComposeFile:
    return ComposeFile("compose.yaml", "shop", {"web": web, **others}, {"given": {"name": "acme"}}, {})


@pytest.mark.parametrize(
    ("keys", "port", "listen"),
    [
        ({"ports": ["80:8000"]}, 8000, "0.0.0.0:80"),
        ({"ports": ["127.0.0.1:80:8000"]}, 8000, "127.0.0.1:80"),
        ({"ports": ["[::1]:80:8000"]}, 8000, "[::1]:80"),
        ({"ports": ["${OUT:-81}:8000"]}, 8000, "0.0.0.0:81"),
        ({"ports": [{"target": "8000", "published": "${OUT:-81}"}]}, 8000, "0.0.0.0:81"),
        ({"ports": ["9000", "80:8000"]}, 8000, "0.0.0.0:80"),
        ({"ports": ["8000"]}, 8000, ""),
        ({"expose": ["8000/tcp"]}, 8000, ""),
        ({"environment": {"PORT": "8000"}}, 8000, ""),
        ({}, None, ""),
    ],
)
def test_the_gateway_stands_where_the_service_was_published(keys: Keys, port: int | None, listen: str) -> None:
    assert listening(keys, NOBODY)[:2] == (port, listen)


def test_other_ports_are_named() -> None:
    _, _, notes = listening({"ports": ["80:8000", "9100:9100", "53:53/udp"]}, NOBODY)

    assert [words.partition(":")[0] for _, words in notes] == ["9100", "53/udp"]


def test_a_health_check_by_curl_is_a_probe() -> None:
    probe, notes = health({"healthcheck": {"test": ["CMD", "curl", "http://localhost:8000/up"]}}, 8000)

    assert probe == "GET /up"
    assert "asked by abreast" in notes[0][1]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, "any connection counts"),
        ({"healthcheck": {"test": ["CMD", "./healthy"]}}, "HEALTHCHECK"),
    ],
)
def test_without_a_page_it_says_what_would_be_better(keys: Keys, words: str) -> None:
    probe, ((_, told),) = health(keys, 8000)

    assert probe == ""
    assert words in told


@pytest.mark.parametrize("check", [{"disable": "true"}, {"test": ["NONE"]}])
def test_a_check_that_is_turned_off_is_nothing_to_tell(check: Keys) -> None:
    assert health({"healthcheck": check}, 8000) == ("", [])


def test_who_has_neighbours_joins_their_network() -> None:
    assert networks(file({}, db=OTHER), "web")[0] == ["shop_default"]
    assert networks(file({"networks": ["given", "back"]}, db=OTHER), "web")[0] == ["acme", "shop_back"]
    assert networks(file({}), "web") == ([], [])
    assert networks(file({"network_mode": "host"}, db=OTHER), "web") == ([], [])


def test_fixed_names_in_a_network_are_not_kept() -> None:
    joined, notes = networks(file({"networks": {"given": {"aliases": ["shop"]}, "back": None}}), "web")

    assert joined == ["acme", "shop_back"]
    assert "given.aliases: instances have no fixed names" in notes[0][1]


def test_who_is_needed_and_who_asks_is_told() -> None:
    web: Keys = {"depends_on": {"db": {"condition": "service_healthy"}}, "links": ["cache:store"]}

    needed, asked = neighbours(file(web, db=OTHER, proxy={"depends_on": ["web"]}), "web")

    assert "docker compose up -d --wait db cache" in needed[1]
    assert asked[1].startswith("proxy must ask the gateway instead of http://web")
