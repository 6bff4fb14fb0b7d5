"""How each kind of value is read and refused: always in our words, quoting what was found."""

from typing import Final

import pytest
from pydantic_core import PydanticCustomError

from abreast.model.service import Endpoint, Probe, UserKey
from abreast.model.spec_values import (
    Written,
    address,
    choice,
    command,
    duration,
    line,
    note,
    probe,
    share,
    show,
    truth,
    user_key,
    variable,
    whole,
    word,
)

KINDS: Final = {
    "duration": duration(2.0, 3600.0),
    "share": share(),
    "whole": whole(1, 64),
    "truth": truth(),
    "choice": choice("hold", "promote-unproven"),
    "word": word("^[a-z]+$", "lower-case letters"),
    "line": line("a path"),
    "text": line("text", empty=True),
    "note": note(),
    "variable": variable(),
    "command": command(),
    "ready": probe(),
    "live": probe(off=True),
    "address": address(),
    "user": user_key(),
}


def refusal(kind: Written, found: object) -> tuple[str, str]:
    """Message and remedy with which the value is refused."""
    with pytest.raises(PydanticCustomError) as caught:
        kind.read(found)
    context = caught.value.context
    assert context
    return context["message"], context["remedy"]


@pytest.mark.parametrize(
    ("kind", "found", "value"),
    [
        ("duration", "1m30s", 90.0),
        ("duration", "2s", 2.0),
        ("share", "0.25%", 25),
        ("whole", 64, 64),
        ("truth", True, True),
        ("truth", False, False),
        ("choice", "hold", "hold"),
        ("word", "abc", "abc"),
        ("line", "a b", "a b"),
        ("text", "", ""),
        ("note", None, ""),
        ("note", "look", "look"),
        ("variable", "MY_PORT", "MY_PORT"),
        ("command", "a 'b c' \"{port}\"", ("a", "b c", "{port}")),
        ("command", ["a", "b | c", "X=1"], ("a", "b | c", "X=1")),
        ("command", "a --set x=1 '{\"json\": {}}'", ("a", "--set", "x=1", '{"json": {}}')),
        ("command", "sh -c 'cd x && exec ./a'", ("sh", "-c", "cd x && exec ./a")),
        ("ready", "tcp", Probe("tcp")),
        ("ready", "GET /healthz?a=1", Probe("http", "/healthz?a=1")),
        ("live", "off", None),
        ("address", "127.0.0.1:80", Endpoint("127.0.0.1", 80)),
        ("address", "localhost:80", Endpoint("127.0.0.1", 80)),
        ("address", "192.0.2.1:65535", Endpoint("192.0.2.1", 65535)),
        ("address", "[0:0::1]:80", Endpoint("::1", 80)),
        ("user", "header:X-User", UserKey("header", "x-user")),
        ("user", "cookie:Sid", UserKey("cookie", "Sid")),
    ],
)
def test_what_is_meant_is_read(kind: str, found: object, value: object) -> None:
    assert KINDS[kind].read(found) == value


@pytest.mark.parametrize(
    ("kind", "found", "message", "remedy"),
    [
        ("duration", 30, "`30` is no duration", "write a number with a unit"),
        ("duration", "soon", "'soon' is no duration", "such as 500ms"),
        ("duration", None, "nothing is no duration", "write"),
        ("duration", {"a": 1}, "a mapping of keys is no duration", "write"),
        ("duration", "1s", "'1s' is outside", "from 2s to 1h"),
        ("duration", "2h", "'2h' is outside", "from 2s to 1h"),
        ("duration", "9" * 30 + "d", "is no duration", "write"),
        ("share", 5, "`5` is no share", "0% to 100%"),
        ("share", "a; b", "'a; b' is no share", "0% to 100%"),
        ("share", "101%", "'101%' is no share", "0% to 100%"),
        ("whole", 0, "`0`", "from 1 to 64"),
        ("whole", 65, "`65`", "from 1 to 64"),
        ("whole", True, "`true`", "whole number"),
        ("whole", 1.5, "`1.5`", "whole number"),
        ("whole", "2", "'2'", "whole number"),
        ("truth", 1, "`1` is not allowed", "write `true` or `false`"),
        ("truth", "yes", "'yes' is not allowed", "write `true` or `false`"),
        ("choice", "holt", "only `hold` or `promote-unproven`", "did you mean `hold`?"),
        ("choice", "x", "'x'", "write `hold` or"),
        ("choice", False, "`false`", "write `hold` or"),
        ("word", "aB", "'aB'", "lower-case letters"),
        ("word", "a\n", "'a\\n'", "lower-case letters"),
        ("line", "", "''", "a path"),
        ("line", 5, "`5`", "a path"),
        ("line", "a\0", "NUL", "remove"),
        ("text", None, "nothing", "text"),
        ("note", [], "a list", "look at"),
        ("variable", "PORT", "'PORT' is set by abreast", "MY_PORT: '{port}'"),
        ("variable", "A B", "'A B'", "letters, digits"),
        ("variable", "1A", "'1A'", "not starting with a digit"),
        ("command", "", "''", "write"),
        ("command", " ", "names no command", "the command that starts"),
        ("command", [], "names no command", "the command that starts"),
        ("command", ["", "a"], "names no command", "the command that starts"),
        ("command", [1], "`1`", "text"),
        ("command", 5, "`5` is no command", "one line, or a list"),
        ("command", "a 'b", "No closing quotation", "close the quote"),
        ("command", "cd x && ./a", "holds '&&', but no shell", "[sh, -c"),
        ("command", "./a > log", "holds '>', but no shell", "[sh, -c"),
        ("command", "A=1 ./a", "starts with a variable", "set A under `env`"),
        ("command", "./a {prot}", "holds {prot}", "did you mean {port}?"),
        ("ready", "GET healthz", "'GET healthz' is no probe", "GET /healthz"),
        ("ready", "POST /", "'POST /' is no probe", "GET /healthz"),
        ("ready", "GET /a b", "is no probe", "GET /healthz"),
        ("ready", "off", "'off' is no probe", "`GET /path` or `tcp`"),
        ("live", "never", "'never' is no probe", "or `off`"),
        ("address", "127.0.0.1", "no address with a port", "such as 127.0.0.1:9001"),
        ("address", "::1:80", "no address with a port", "[::1]:9001"),
        ("address", "[127.0.0.1]:80", "no address with a port", "127.0.0.1:9001"),
        ("address", "[fe80::1%eth0]:80", "no address with a port", "127.0.0.1:9001"),
        ("address", "127.0.0.1:0", "0 is no port", "from 1 to 65535"),
        ("address", "127.0.0.1:70000", "70000 is no port", "from 1 to 65535"),
        ("address", "127.0.0.1:http", "no address with a port", "127.0.0.1:9001"),
        ("address", "example.org:80", "host names are not looked up", "can be {dns: NAME:PORT}"),
        ("address", "127.0.0.256:80", "'127.0.0.256' is no IP address", "127.0.0.1:9001"),
        ("address", "http://x:80", "is no IP address", "127.0.0.1:9001"),
        ("address", 8080, "`8080` is no address", "127.0.0.1:9001"),
        ("user", "x-user", "does not say who", "header:NAME or cookie:NAME"),
        ("user", "header:a b", "does not say who", "header:NAME or cookie:NAME"),
        ("user", "header:X-Abreast-Key", "abreast's own", "the service's own"),
        ("user", "header:x-request-id", "differs in each request", "stays the same"),
        ("user", "header:Cookie", "all cookies at once", "cookie:NAME"),
        ("user", "cookie:abreast-id", "abreast's own cookie", "leave it out"),
        ("user", None, "nothing does not say", "header:NAME"),
    ],
)
def test_what_is_not_is_refused_in_our_words(kind: str, found: object, message: str, remedy: str) -> None:
    said, next_move = refusal(KINDS[kind], found)
    assert message in said
    assert remedy in next_move
    assert "Input should" not in said


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        (True, "`true`"),
        (1.5, "`1.5`"),
        ("a", "'a'"),
        ("x" * 100, repr("x" * 59 + "…")),
        ([1], "a list"),
        ({}, "a mapping of keys"),
    ],
)
def test_what_was_found_is_quoted(value: object, text: str) -> None:
    assert show(value) == text


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_in_the_schema_what_it_takes(kind: str) -> None:
    assert {"type", "anyOf", "enum"} & set(KINDS[kind].schema)
