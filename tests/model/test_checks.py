"""Checks that others answer: what holds, what a query says once filled, what counts in a row."""

import math

import pytest
from pydantic import TypeAdapter

from abreast.model.checks import (
    PLACEHOLDERS,
    WEBHOOK_KINDS,
    Check,
    PromqlGate,
    Webhook,
    placeholders,
    public_address,
)
from abreast.model.rollout import Policy


def most(limit: float) -> PromqlGate:
    return PromqlGate("p99", "http://127.0.0.1:9090", "q", at_most=limit)


def least(limit: float) -> PromqlGate:
    return PromqlGate("hits", "http://127.0.0.1:9090", "q", at_least=limit)


def test_the_kinds_of_webhook_are_flaggers_eight() -> None:
    assert len(set(WEBHOOK_KINDS)) == 8
    assert {"confirm-rollout", "confirm-traffic-increase", "rollback", "event"} < set(WEBHOOK_KINDS)


@pytest.mark.parametrize(
    ("gate", "value", "holds"),
    [
        (most(0.5), 0.5, True),
        (most(0.5), 0.500001, False),
        (most(0.5), -math.inf, True),
        (most(0.5), math.inf, False),
        (most(0.5), math.nan, False),
        (least(0.0), 0.0, True),
        (least(0.0), -0.1, False),
        (least(0.0), math.inf, True),
        (least(0.0), math.nan, False),
    ],
)
def test_a_sample_at_the_bound_holds_and_one_beyond_does_not(gate: PromqlGate, value: float, holds: bool) -> None:
    assert gate.holds(value) is holds


def test_the_worst_sample_is_the_one_that_is_nearest_to_breaking_the_bound() -> None:
    assert most(1.0).worst([0.1, 0.9, -3.0]) == 0.9
    assert least(1.0).worst([2.0, 7.0]) == 2.0


@pytest.mark.parametrize(
    ("gate", "words"), [(most(0.25), "at most 0.25"), (least(0.0), "at least 0"), (least(99.9), "at least 99.9")]
)
def test_the_bound_in_words(gate: PromqlGate, words: str) -> None:
    assert gate.bound == words


@pytest.mark.parametrize(("at_most", "at_least"), [(None, None), (1.0, 0.0)])
def test_a_gate_has_exactly_one_bound(at_most: float | None, at_least: float | None) -> None:
    with pytest.raises(ValueError, match="p99: exactly one of at_most and at_least"):
        PromqlGate("p99", "http://h", "q", at_most, at_least)


def test_placeholders_are_replaced_with_or_without_blanks_and_braces_of_promql_stay() -> None:
    gate = PromqlGate("x", "http://h", 'rate(e{v="{{candidate}}"}[{{ step_time }}]) * {{weight}}', at_most=1.0)
    assert placeholders(gate.query) == ("candidate", "step_time", "weight")
    values = {"candidate": "v2", "step_time": "90s", "weight": "10"}
    assert gate.filled(values) == 'rate(e{v="v2"}[90s]) * 10'


def test_a_placeholder_without_a_value_is_an_error_and_not_left_in_the_query() -> None:
    gate = PromqlGate("x", "http://h", "up{{nothing}}", at_most=1.0)
    with pytest.raises(KeyError, match="nothing"):
        gate.filled(dict.fromkeys(PLACEHOLDERS, ""))


def test_failures_in_a_row_are_counted_and_what_is_not_known_leaves_them() -> None:
    said = (False, None, False, True, None, False)
    row, last = [], None
    for passed in said:
        last = Check("p99", "promql", passed=passed).after(last)
        row.append(last.failed_in_row)
    assert row == [1, 1, 2, 0, 0, 1]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:secret@hooks.example.org:8443/services/T0/KEY?token=1", "https://hooks.example.org:8443"),
        ("http://[::1]:9090/", "http://[::1]:9090"),
        ("http://a@b@127.0.0.1", "http://127.0.0.1"),
    ],
)
def test_of_an_address_only_scheme_host_and_port_are_told(url: str, shown: str) -> None:
    assert public_address(url) == shown


def test_they_are_stored_with_the_policy_and_come_back_the_same() -> None:
    policy = Policy(
        promql=(PromqlGate("p99", "http://h", "q", at_least=0.1, range_s=60.0, dry_run=True), most(1.0)),
        webhooks=tuple(Webhook(kind, kind, "http://h", metadata=(("a", ""),)) for kind in WEBHOOK_KINDS),
    )
    stored = TypeAdapter(Policy)
    assert stored.validate_json(stored.dump_json(policy)) == policy


def test_secrets_are_not_in_what_a_log_would_show() -> None:
    gate = PromqlGate("x", "http://u:secret@h", "q", at_most=1.0)
    webhook = Webhook("x", "event", "http://h/secret", metadata=(("token", "secret"),))
    assert "secret" not in f"{gate!r} {webhook!r}"
