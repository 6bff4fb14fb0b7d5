"""Gates that others answer, as they stand in a spec: read whole, with lines, and with their variables."""

import pytest

from abreast.model.checks import PromqlGate, Webhook
from abreast.model.errors import SpecError
from abreast.model.spec import parse_spec

TEXT = """\
versions:
  v1: {run: a}
  v2: {run: b}
rollout:
  gates:
    promql:
      - name: p99
        server: http://${USER}:${PASSWORD}@127.0.0.1:9090
        query: histogram_quantile(0.99, sum by (le) (rate(t_bucket{version="{{candidate}}"}[1m])))
        at_most: 0.25
        range: 2m
      - {name: 2.10, server: "https://metrics", query: up, at_least: 1, dry_run: true}
    webhooks:
      - name: smoke
        type: pre-rollout
        url: ${HOOK:-http://127.0.0.1:8080}/smoke
        timeout: 3m
        metadata: {cmd: "test", build: 1.10, token: "${PASSWORD}"}
      - {name: tell, type: event, url: "https://hooks/x"}
"""
VARIABLES = {"USER": "me", "PASSWORD": "secret"}


def told(text: str, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(SpecError) as caught:
        parse_spec(text, environment=VARIABLES if environment is None else environment)
    return str(caught.value)


def test_they_become_a_policy() -> None:
    policy = parse_spec(TEXT, environment=VARIABLES).policy("v2")
    assert policy.promql == (
        PromqlGate(
            "p99",
            "http://me:secret@127.0.0.1:9090",
            'histogram_quantile(0.99, sum by (le) (rate(t_bucket{version="{{candidate}}"}[1m])))',
            at_most=0.25,
            range_s=120.0,
        ),
        PromqlGate("2.10", "https://metrics", "up", at_least=1.0, dry_run=True),
    )
    assert policy.webhooks == (
        Webhook(
            "smoke",
            "pre-rollout",
            "http://127.0.0.1:8080/smoke",
            timeout_s=180.0,
            metadata=(("cmd", "test"), ("build", "1.10"), ("token", "secret")),
        ),
        Webhook("tell", "event", "https://hooks/x"),
    )


def test_variables_that_are_not_set_are_told_with_their_lines_and_without_what_is_around_them() -> None:
    said = told(TEXT, {})
    assert "abreast.yaml:8" in said
    assert "needs USER, which is not set" in said
    assert "abreast.yaml:18" in said
    assert "`token` needs PASSWORD, which is not set" in said
    assert "127.0.0.1:9090" not in said


def test_an_address_that_only_its_variable_spoils() -> None:
    said = told(TEXT, {**VARIABLES, "HOOK": "ftp://secret"})
    assert "abreast.yaml:16" in said
    assert "is no URL of http or https" in said


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("at_most: 0.25", "at_most: much", 10, "rollout.gates.promql[0].at_most"),
        ("        at_most: 0.25\n", "", 7, "neither `at_most` nor `at_least`"),
        ("range: 2m", "at_least: 0", 7, "both `at_most` and `at_least`"),
        ("{{candidate}}", "{{canditate}}", 9, "did you mean {{candidate}}?"),
        ("type: pre-rollout", "type: prerollout", 15, "did you mean `pre-rollout`?"),
        ("timeout: 3m", "time_out: 3m", 17, "did you mean `timeout`?"),
        ("name: smoke", "name: p99", 14, "'p99' is the name of promql[0] already"),
        ("        type: pre-rollout\n", "", 14, "`type` is missing"),
        ('"https://hooks/x"', "hooks/x", 19, "is no URL"),
    ],
)
def test_faults_are_told_at_their_lines(old: str, new: str, line: int, message: str) -> None:
    assert old in TEXT
    said = told(TEXT.replace(old, new, 1))
    assert f"abreast.yaml:{line}" in said
    assert message in said


def test_a_list_that_is_none_shows_no_address() -> None:
    said = told("versions: {v1: {run: a}}\nrollout: {gates: {webhooks: 'http://secret.example/token'}}")
    assert "only a list" in said
    assert "token" not in said


def test_a_key_in_another_place_is_told_its_own() -> None:
    said = told("versions: {v1: {run: a}}\nrollout: {webhooks: []}")
    assert "move it to `rollout.gates.webhooks`" in said
