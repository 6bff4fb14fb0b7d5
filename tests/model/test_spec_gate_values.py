"""Single values of the gates that others answer, and what is said of those that are wrong."""

import pytest
from pydantic_core import PydanticCustomError

from abreast.model.spec_gate_values import checked_http_url, http_url, number, promql_query
from abreast.model.spec_values import Written

URL = http_url("http://127.0.0.1:9090")


def refusal(written: Written, found: object) -> tuple[str, str]:
    with pytest.raises(PydanticCustomError) as caught:
        written.read(found)
    context = caught.value.context or {}
    return str(context["message"]), str(context["remedy"])


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9090",
        "HTTPS://prometheus.example.org/prefix/",
        "https://user:word@[::1]:443/a?b=c",
        "http://metrics",
        "${PROMETHEUS}",
        "https://hooks/${TOKEN}/x",
    ],
)
def test_urls_that_can_be_asked(url: str) -> None:
    assert URL.read(url) == url


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (9090, "`9090` is no URL"),
        (None, "nothing is no URL"),
        ("localhost:9090", "'localhost:9090' is no URL"),
        ("ftp://u:secret@h/secret", "'ftp://h…' is no URL of http or https"),
        ("http://", "'http://…' names no host"),
        ("http://h:0/secret", "'http://h:0…' names no host"),
        ("http://h:99999/secret", "'http://h:99999…' is no URL: its host or port makes no sense"),
        ("http://h:x/secret", "'http://h:x…' is no URL: its host or port makes no sense"),
        ("http://[::1/secret", "'http://…' is no URL: its host or port makes no sense"),
        ("http://h/secret key", "'http://h…' is no URL"),
        ("http://h/p#secret", "'http://h…': what follows # is never sent"),
        ("user:secret@h", "this text is no URL"),
        ("a long text in which there may be something", "this text is no URL"),
    ],
)
def test_what_is_no_url_is_told_without_what_may_be_secret(found: object, message: str) -> None:
    said, remedy = refusal(URL, found)
    assert said == message
    assert "secret" not in said
    assert remedy in {"write one such as http://127.0.0.1:9090", "leave it out"}


def test_a_url_is_checked_again_once_its_variables_are_known() -> None:
    assert checked_http_url("http://h/x") == "http://h/x"
    with pytest.raises(PydanticCustomError):
        checked_http_url("${LEFT}")


@pytest.mark.parametrize("text", ["up", 'rate(x{v="{{candidate}}"}[{{step_time}}])', 'sum by (a) (x{b=~"c|d"})'])
def test_queries(text: str) -> None:
    assert promql_query().read(text) == text


@pytest.mark.parametrize(
    ("found", "message", "remedy"),
    [
        ("  ", "'  ' is no query", "write one in PromQL, such as rate(errors_total[1m])"),
        (1, "`1` is no query", "write one in PromQL, such as rate(errors_total[1m])"),
        ("{{canditate}}", "{{canditate}} stands for nothing", "did you mean {{candidate}}?"),
        (
            "up * {{x}}",
            "{{x}} stands for nothing",
            "write one of {{service}}, {{candidate}}, {{stable}}, {{weight}}, {{step_time}}",
        ),
        ("u\0p", "'u\\x00p' has 3 characters", "write at most 10,000, none of them NUL"),
    ],
)
def test_what_is_no_query(found: object, message: str, remedy: str) -> None:
    assert refusal(promql_query(), found) == (message, remedy)


def test_an_endless_query() -> None:
    message, remedy = refusal(promql_query(), "x" * 10_001)
    assert "has 10,001 characters" in message
    assert remedy.startswith("write at most 10,000")


@pytest.mark.parametrize(("found", "value"), [(0, 0.0), (1, 1.0), (-0.5, -0.5), (1e300, 1e300)])
def test_numbers(found: object, value: float) -> None:
    assert number().read(found) == value
    assert isinstance(number().read(found), float)


@pytest.mark.parametrize("found", [True, "5", "5%", None, float("inf"), float("nan"), 10**400, [1]])
def test_what_is_no_number(found: object) -> None:
    message, remedy = refusal(number(), found)
    assert message.endswith("is not allowed here")
    assert remedy == "write a number, such as 0.25"
