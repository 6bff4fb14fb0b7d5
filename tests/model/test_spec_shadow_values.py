"""How places, tolerances, routes and alerts are read, and refused in our words."""

import re
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from abreast.compare.endpoint import Endpoints
from abreast.compare.rules import Rules
from abreast.model.shadow import TolerancePolicy
from abreast.model.spec_shadow_values import (
    alert_url,
    array,
    checked_alert_url,
    endpoint,
    expression,
    operation_source,
    path_prefix,
    place,
    rate,
    template,
    tolerance,
    unsafe_method,
    without_secrets,
)
from tests.model.test_spec_values import refusal

KINDS: Final = {
    "ignored": place("header", "trailer", whole=True),
    "compared": place("header", "trailer"),
    "redacted": place("header", "query"),
    "array": array(),
    "operation": operation_source(),
    "mask": expression(),
    "tolerance": tolerance(),
    "rate": rate(),
    "method": unsafe_method(),
    "prefix": path_prefix(),
    "template": template(),
    "endpoint": endpoint(),
    "alert": alert_url(),
}


@pytest.mark.parametrize(
    ("kind", "found", "value"),
    [
        ("ignored", "/a/*/b/**/c~0d~1e", "/a/*/b/**/c~0d~1e"),
        ("ignored", "/", "/"),
        ("ignored", "/div[*]/p", "/div[*]/p"),
        ("ignored", "/with blank", "/with blank"),
        ("ignored", "header:X-Build-*", "header:x-build-*"),
        ("ignored", "header:Set-Cookie/SID", "header:set-cookie/SID"),
        ("ignored", "trailer:Grpc-Message", "trailer:grpc-message"),
        ("ignored", "status", "status"),
        ("ignored", "body", "body"),
        ("compared", "header:Age", "header:age"),
        ("redacted", "query:Session", "query:Session"),
        ("redacted", "/user/Email", "/user/Email"),
        ("array", "", ""),
        ("array", "/items/*/tags", "/items/*/tags"),
        ("operation", "header:X-Amz-Target", "header:x-amz-target"),
        ("operation", "query:Action", "query:Action"),
        ("operation", "body:/operationName", "body:/operationName"),
        ("mask", 'nonce="[^"]*"', 'nonce="[^"]*"'),
        ("mask", "(?i)a|b", "(?i)a|b"),
        ("tolerance", 0.01, TolerancePolicy(absolute=0.01)),
        ("tolerance", 5, TolerancePolicy(absolute=5.0)),
        ("tolerance", "1%", TolerancePolicy(relative=0.01)),
        ("tolerance", "0.001 %", TolerancePolicy(relative=0.00001)),
        ("tolerance", "200%", TolerancePolicy(relative=2.0)),
        ("tolerance", "1m30s", TolerancePolicy(seconds=90.0)),
        ("rate", 100, 100.0),
        ("rate", 0.5, 0.5),
        ("rate", "20", 20.0),
        ("rate", "20/s", 20.0),
        ("rate", "2.5 / s", 2.5),
        ("rate", 1_000_000, 1_000_000.0),
        ("method", "POST", "POST"),
        ("method", "X-SYNC", "X-SYNC"),
        ("prefix", "/", "/"),
        ("prefix", "/a/b", "/a/b"),
        ("template", "/orders/{id}", "/orders/{id}"),
        ("template", "/", "/"),
        ("template", "/a/{b}.{c}/d", "/a/{b}.{c}/d"),
        ("endpoint", "GET /orders/{id}", "GET /orders/{id}"),
        ("endpoint", "*", "*"),
        ("endpoint", "* /a*", "* /a*"),
        ("endpoint", "POST / ?GetItem?", "POST / ?GetItem?"),
        ("alert", "slack://a/b/c", "slack://a/b/c"),
        ("alert", "alertmanager://127.0.0.1:9093", "alertmanager://127.0.0.1:9093"),
        ("alert", "alertmanager+https://u:p@[::1]:9093/x", "alertmanager+https://u:p@[::1]:9093/x"),
        ("alert", "webhook+https://secret@hooks.example/a?b=c", "webhook+https://secret@hooks.example/a?b=c"),
        ("alert", "${ALERTS}", "${ALERTS}"),
    ],
)
def test_what_is_meant_is_read(kind: str, found: object, value: object) -> None:
    assert KINDS[kind].read(found) == value


@pytest.mark.parametrize(
    ("kind", "found", "message", "remedy"),
    [
        ("ignored", "generated_at", "'generated_at' is no place in an answer", "did you mean `/generated_at`?"),
        ("ignored", "$.a.b", "'$.a.b' is no place", "did you mean `/a/b`?"),
        ("ignored", "", "'' is no place", "or header:NAME, or trailer:NAME, or status, or body"),
        ("ignored", "headr:x", "did you mean `header:`?", "header:NAME"),
        ("ignored", "header x", "did you mean `header:`?", "header:NAME"),
        ("ignored", "header:", "is no place", "header:NAME"),
        ("ignored", "stauts", "did you mean `status`?", "or status"),
        ("ignored", "query:a", "'query:a' is no place", "header:NAME"),
        ("ignored", "/a~b", "a lone ~", "write ~0 for ~"),
        ("ignored", 5, "`5` is no place", "JSON Pointer"),
        ("ignored", {"header": "x"}, "a mapping of keys is no place", "header:NAME"),
        ("compared", "status", "'status' is no place", "JSON Pointer"),
        ("redacted", "trailer:x", "'trailer:x' is no place", "or query:NAME"),
        ("redacted", "email", "'email' is no place", "did you mean `/email`?"),
        ("array", "tags", "'tags' is no JSON Pointer", "did you mean `/tags`?"),
        ("array", "header:x", "'header:x' is no JSON Pointer", "/items"),
        ("array", None, "nothing is no JSON Pointer", "/items"),
        ("operation", "x-amz-target", "does not say where a request names its operation", "header:NAME"),
        ("operation", "heder:x", "did you mean `header:`?", "body:/POINTER"),
        ("operation", "body:name", "'body:name' does not say", "body:/operationName"),
        ("operation", "header:a*b c", "does not say", "header:NAME"),
        ("mask", "(", "is no regular expression: missing )", "single quotes"),
        ("mask", "[[a]", "Possible nested set", "mend it"),
        ("mask", "a{99999999999}", "repetition number is too large", "mend it"),
        ("mask", "a*", "matches even the empty text", "+ instead of *"),
        ("mask", "a|", "matches even the empty text", "at least one character"),
        ("mask", "", "'' is no regular expression", "in quotes"),
        ("mask", None, "nothing is no regular expression", "in quotes"),
        ("mask", "a" * 1001, "has 1,001 characters", "at most 1,000"),
        ("tolerance", 0, "`0` tolerates nothing", "remove it"),
        ("tolerance", "0%", "'0%' tolerates nothing", "remove it"),
        ("tolerance", "0s", "'0s' tolerates nothing", "remove it"),
        ("tolerance", -1, "`-1` tolerates nothing", "remove it"),
        ("tolerance", "5 minutes", "'5 minutes' is no tolerance", "such as 5s"),
        ("tolerance", True, "`true` is no tolerance", "such as 0.01"),
        ("tolerance", [1], "a list is no tolerance", "such as 1%"),
        ("rate", 0, "`0` would copy nothing", "remove the shadow steps"),
        ("rate", "0/s", "'0/s' would copy nothing", "remove the shadow steps"),
        ("rate", -1, "`-1` is not allowed", "above 0"),
        ("rate", 1_000_001, "`1000001` is not allowed", "at most 1,000,000"),
        ("rate", "100/m", "'100/m' is no rate", "per second"),
        ("rate", True, "`true` is no rate", "per second"),
        ("rate", None, "nothing is no rate", "per second"),
        ("method", "GET", "'GET' is safe: it is copied anyway", "remove it"),
        ("method", "OPTIONS", "'OPTIONS' is safe", "remove it"),
        ("method", "TRACE", "'TRACE' is never copied", "remove it"),
        ("method", "post", "upper and lower case differ", "write POST"),
        ("method", "get", "upper and lower case differ", "write GET"),
        ("method", "A B", "'A B' is no HTTP method", "such as POST"),
        ("method", "", "'' is no HTTP method", "such as POST"),
        ("method", 5, "`5` is no HTTP method", "such as POST"),
        ("prefix", "search", "'search' is no beginning of a path", "begin with /"),
        ("prefix", "/a?b=1", "no beginning of a path", "without ?"),
        ("prefix", None, "nothing is no beginning", "begin with /"),
        ("template", "orders/{id}", "is no route", "/orders/{id}"),
        ("template", "/a{", "is no route", "in braces"),
        ("template", "/a/{}", "is no route", "a name in braces"),
        ("template", "/a?b", "is no route", "begin with /"),
        ("template", 1, "`1` is no route", "begin with /"),
        ("endpoint", "/orders", "'/orders' fits no endpoint", "write `* /orders` for every method"),
        ("endpoint", "GET", "'GET' fits no endpoint", "write a method and a route"),
        ("endpoint", "", "'' fits no endpoint", "write a method and a route"),
        ("alert", "mailto:me@host", "this text is no URL", "mailto://…"),
        ("alert", "tgram://TOKEN/a b", "'tgram://…' is no URL", "slack://…"),
        ("alert", "slack://", "'slack://…' is no URL", "slack://…"),
        ("alert", "alertmanager:///x", "'alertmanager://…' names no host", "alertmanager://HOST:9093"),
        ("alert", "alertmanager+https://h:port", "'alertmanager+https://h…' names no host", "https://HOST:9093"),
        ("alert", "webhook+https:///x", "'webhook+https://…' names no host", "webhook+https://HOST/PATH"),
        ("alert", "webhook+http://h:port/x", "'webhook+http://h…' names no host", "webhook+http://HOST/PATH"),
        ("alert", 5, "`5` is no URL", "slack://…"),
        ("alert", None, "nothing is no URL", "slack://…"),
        ("alert", "", "this text is no URL", "slack://…"),
    ],
)
def test_what_is_not_is_refused_in_our_words(kind: str, found: object, message: str, remedy: str) -> None:
    said, next_move = refusal(KINDS[kind], found)
    assert message in said
    assert remedy in next_move
    assert "Input should" not in said


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("slack://token/b/c", "'slack://…'"),
        ("mailto://me:secret@host", "'mailto://…'"),
        ("alertmanager://me:secret@host:9093/path?x=secret", "'alertmanager://host…'"),
        ("alertmanager://user:secret", "'alertmanager://user…'"),
        ("ALERTMANAGER://host", "'ALERTMANAGER://host…'"),
        ("webhook+https://secret@host/secret?x=secret", "'webhook+https://host…'"),
        ("secret", "this text"),
        (["secret"], "a list"),
    ],
)
def test_of_a_url_no_secret_is_shown(url: object, shown: str) -> None:
    assert without_secrets(url) == shown


@given(st.text(st.characters(codec="ascii"), max_size=30), st.sampled_from(["slack://", "alertmanager://u:", "", "x:"]))
def test_a_refused_alert_never_shows_its_secret(secret: str, start: str) -> None:
    url = f"{start}{secret}\tS3CR3T@host/S3CR3T"
    with pytest.raises(PydanticCustomError) as caught:
        checked_alert_url(url)
    assert "S3CR3T" not in str(caught.value.context)


@given(st.text(max_size=12) | st.from_regex(r"(/|header:|trailer:|[$.]|status|body)[a-z*~/\[\]]{0,6}", fullmatch=True))
def test_what_is_read_here_comparing_can_read_too(text: str) -> None:
    for kind in ("ignored", "array", "mask"):
        try:
            found = (str(KINDS[kind].read(text)),)
        except PydanticCustomError:
            continue
        match kind:
            case "ignored":
                Rules(ignore=found)
            case "array":
                Rules(unordered=found)
            case _:
                Rules(mask=found)


@given(st.from_regex(r"(header|query|body):/?[a-z~01/]{0,6}", fullmatch=True) | st.text(max_size=8))
def test_an_operation_that_is_read_here_endpoints_can_read_too(text: str) -> None:
    try:
        found = str(KINDS["operation"].read(text))
    except PydanticCustomError:
        return
    Endpoints((), (found,))


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_of_a_kind_agrees_with_its_examples(kind: str) -> None:
    schema = KINDS[kind].schema
    examples = schema.get("examples", [])
    assert isinstance(examples, list)
    for example in examples:
        KINDS[kind].read(example)
        if "pattern" in schema:
            assert re.search(str(schema["pattern"]), str(example))
