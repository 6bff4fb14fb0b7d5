"""Where secrets stand, and what of their places stays readable."""

import re
from base64 import b64encode

import pytest

from abreast.findings.credentials import (
    hidden_form,
    hidden_header,
    hidden_members,
    hidden_query,
    named,
    normal,
)
from abreast.model.secret_names import HEADERS, MEMBERS, PARAMETERS


class Marks:
    """Hides every secret behind its number, and knows them all."""

    def __init__(self) -> None:
        self.secrets: list[str] = []

    def __call__(self, secret: str) -> str:
        if secret not in self.secrets:
            self.secrets.append(secret)
        return f"<{self.secrets.index(secret)}>"


BASIC = b64encode(b"ada:love:lace").decode()


@pytest.mark.parametrize(
    ("name", "value", "shown", "secrets"),
    [
        ("authorization", "Bearer abc.def", "Bearer <0>", ["abc.def"]),
        ("authorization", f"Basic {BASIC}", "Basic <3>", ["ada:love:lace", "ada", "love:lace", BASIC]),
        ("authorization", "Basic %%%", "Basic <3>", ["", "%%%"]),
        ("authorization", "abcdef", "<0>", ["abcdef"]),
        ("proxy-authorization", "Bearer a.b.c", "Bearer <3>", ["a", "b", "c", "a.b.c"]),
        (
            "authorization",
            'Digest username="ada", realm="shop", response="0f0f"',
            "Digest <2>",
            ["ada", "0f0f", 'username="ada", realm="shop", response="0f0f"'],
        ),
        ("cookie", "a=1; b=two=2;c", "a=<0>; b=<1>; <2>", ["1", "two=2", "c"]),
        ("set-cookie", "sid=abc; Path=/; Max-Age=9", "sid=<0>; Path=/; Max-Age=9", ["abc"]),
        ("set-cookie", "sid=", "sid=<0>", [""]),
        ("x-api-key", "abc def", "<0>", ["abc def"]),
    ],
)
def test_the_form_of_a_header_stays(name: str, value: str, shown: str, secrets: list[str]) -> None:
    marks = Marks()
    told = hidden_header(name, value, marks)
    assert [secret for secret in marks.secrets if secret] == [secret for secret in secrets if secret]
    assert re.sub("<.>", "<>", told) == re.sub("<.>", "<>", shown)
    if "" not in secrets:
        assert told == shown


def secret_names(name: str) -> bool:
    return normal(name) in PARAMETERS


@pytest.mark.parametrize(
    ("text", "shown", "secrets"),
    [
        ("/a?page=1&token=abc%20d", "/a?page=1&token=<0>", ["abc d"]),
        ("/a?Access-Token=abc", "/a?Access-Token=<0>", ["abc"]),
        ("/a?q=1;sig=abc", "/a?q=1;sig=<0>", ["abc"]),
        ('<a href="/cb?x=1&amp;code=abc">', '<a href="/cb?x=1&amp;code=<0>">', ["abc"]),
        ("https://x/#id_token=abc&x=1", "https://x/#id_token=<0>&x=1", ["abc"]),
        ('{"url": "/a?token=abc", "n": 1}', '{"url": "/a?token=<0>", "n": 1}', ["abc"]),
        ("postgres://ada:lovelace@db/x", "postgres://<0>:<1>@db/x", ["ada", "lovelace"]),
        ("mail ada@example.org", "mail ada@example.org", []),
        ("/a?token=&b=1", "/a?token=&b=1", []),
        ("/a/token=abc", "/a/token=abc", []),
    ],
)
def test_parameters_are_hidden_in_any_url(text: str, shown: str, secrets: list[str]) -> None:
    marks = Marks()
    assert hidden_query(text, secret_names, marks) == shown
    assert marks.secrets == secrets


def test_fields_of_a_form_are_hidden() -> None:
    marks = Marks()
    text = "user=ada&pass%77ord=a+b%26c&flag&token="
    assert hidden_form(text, secret_names, marks) == "user=ada&pass%77ord=<0>&flag&token=<1>"
    assert marks.secrets == ["a b&c", ""]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"password": "abc", "x": 1', '{"password": "<0>", "x": 1'),
        ('{"api-key" : "a\\"bc"}', '{"api-key" : "<0>"}'),
        ('{"user": "abc"}', '{"user": "abc"}'),
        ('"{\\"password\\": \\"abc\\"}"', '"{\\"password\\": \\"<0>\\"}"'),
        ("no quotes", "no quotes"),
    ],
)
def test_members_are_hidden_in_what_only_looks_like_json(text: str, shown: str) -> None:
    assert hidden_members(text, Marks()) == shown


def test_names_are_looked_up_whatever_their_case_and_hyphens() -> None:
    assert normal("X-Amz-Signature") in PARAMETERS
    assert normal("pass%77ord") in MEMBERS
    assert normal("page") not in PARAMETERS
    assert all(name == normal(name) for name in PARAMETERS), "every name can be found"
    assert all(name == name.lower() for name in HEADERS)


def test_globs_of_names() -> None:
    assert named("x-abreast-shadow", HEADERS)
    assert not named("x-request-id", HEADERS)
    assert not named("anything", ())
