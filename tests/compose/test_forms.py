"""Short and long forms of the same."""

import pytest

from abreast.compose.forms import Port, Volume, listed, page, pairs, ports, volumes, words


def test_pairs_are_a_mapping_or_a_list() -> None:
    assert pairs({"A": "1", "B": None}) == pairs(["A=1", "B"]) == {"A": "1", "B": None}
    assert pairs(["A=x=y"]) == {"A": "x=y"}
    assert pairs(None) == {}


def test_lists_are_one_text_many_or_the_names_of_a_mapping() -> None:
    assert listed("a") == ["a"]
    assert listed(["a", "b"]) == listed({"a": {}, "b": None}) == ["a", "b"]
    assert listed(None) == []


def test_a_command_is_split_as_a_shell_would() -> None:
    assert words("serve --name 'a b'") == ["serve", "--name", "a b"]
    assert words(["serve", "a b"]) == ["serve", "a b"]
    with pytest.raises(ValueError, match="closing"):
        words("it's")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("8080", Port(8080)),
        ("80:8080", Port(8080, "80")),
        ("80:8080/tcp", Port(8080, "80")),
        ("127.0.0.1:80:8080", Port(8080, "80", "127.0.0.1")),
        ("127.0.0.1::8080", Port(8080, "", "127.0.0.1")),
        ("[::1]:80:8080", Port(8080, "80", "[::1]")),
        ({"target": "8080", "published": "80", "protocol": "tcp", "mode": "host"}, Port(8080, "80")),
        ("53:53/udp", "53/udp"),
        ("3000-3005:3000-3005", "3000-3005/tcp"),
        ({"target": "53", "protocol": "udp"}, "53/udp"),
        ("nonsense", "nonsense"),
    ],
)
def test_ports_are_single_tcp_ports_or_the_text_of_what_is_none(written: object, read: Port | str) -> None:
    assert list(ports([written])) == [read]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("/cache", Volume("/cache")),
        ("data:/data", Volume("/data", "data")),
        ("./data:/data:ro", Volume("/data", "./data", "bind", read_only=True)),
        ("./data:/data:z,ro", Volume("/data", "./data", "bind", read_only=True)),
        ("~/x:/x:cached", Volume("/x", "~/x", "bind")),
        ("${DIR:-./a}:/a:ro", Volume("/a", "${DIR:-./a}", "bind", read_only=True)),
        (
            {"type": "bind", "source": "/a", "target": "/b", "read_only": "true"},
            Volume("/b", "/a", "bind", read_only=True),
        ),
        ({"type": "tmpfs", "target": "/quick"}, Volume("/quick", "", "tmpfs")),
    ],
)
def test_volumes_are_told_apart_by_what_stands_before_the_colon(written: object, read: Volume) -> None:
    assert list(volumes([written])) == [read]


@pytest.mark.parametrize(
    ("test", "path"),
    [
        (["CMD", "curl", "-f", "http://localhost:8080/health"], "/health"),
        ("curl -f http://127.0.0.1:8080/a/b?c=1 || exit 1", "/a/b?c=1"),
        (["CMD-SHELL", "wget -qO- http://localhost:8080 | grep ok"], "/"),
        (["CMD", "curl", "http://localhost/health"], None),
        (["CMD", "curl", "http://other:8080/health"], None),
        (["CMD", "pg_isready"], None),
        (["CMD", "./check", "http://localhost:8080/health"], None),
    ],
)
def test_a_health_check_is_a_page_when_it_asks_its_own_port(test: object, path: str | None) -> None:
    assert page(test, 8080) == path


def test_without_a_known_port_any_page_of_its_own_is_taken() -> None:
    assert page("curl http://localhost/health", None) == "/health"
