"""What registries answer, checked."""

import pytest

from abreast.drivers.registry.found import MOST, NoAnswerError, endpoint, found
from abreast.model.service import Endpoint


def test_each_endpoint_once_and_in_order() -> None:
    one, two = Endpoint("10.0.0.1", 80), Endpoint("10.0.0.2", 80)
    assert found([two, one, two]).endpoints == (one, two)


def test_too_many_are_a_wrong_name() -> None:
    many = [Endpoint("10.0.0.1", port) for port in range(1, MOST + 2)]
    assert len(found(many[:-1]).endpoints) == MOST
    with pytest.raises(NoAnswerError, match="1,001 endpoints"):
        found(many)


def test_what_was_left_out_is_said_in_one_line() -> None:
    assert found([], ["a", "b", "a", "c"]).detail == "a; b; c"
    assert found([], list("abcde")).detail == "a; b; c and 2 more"


@pytest.mark.parametrize(
    ("host", "port", "made"),
    [("10.0.0.1", 80, "10.0.0.1:80"), ("10.0.0.1", "8080", "10.0.0.1:8080"), ("0:0::1", 65535, "[::1]:65535")],
)
def test_parts_make_an_endpoint(host: object, port: object, made: str) -> None:
    assert str(endpoint(host, port)) == made


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        ("shop.internal", 80, "'shop.internal' is no IP address"),
        ("", 80, "'' is no host"),
        (None, 80, "None is no host"),
        ("10.0.0.1", 0, "0 is no port"),
        ("10.0.0.1", 65536, "65536 is no port"),
        ("10.0.0.1", "80x", "'80x' is no port"),
        ("10.0.0.1", "²", "'²' is no port"),
        ("10.0.0.1", True, "True is no port"),
        ("10.0.0.1", None, "None is no port"),
        ("::", 80, "'::' is no address of one machine"),
        ("fe80::1%eth0", 80, "'fe80::1%eth0' is no address of one machine"),
    ],
)
def test_what_is_none_says_why(host: object, port: object, words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("²", ".")):
        endpoint(host, port)
