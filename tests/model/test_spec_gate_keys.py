"""The keys of gates that others answer: defaults, the values they become, and what they have against each other."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from abreast.model.checks import PromqlGate, Webhook
from abreast.model.document import dotted
from abreast.model.spec_gate_keys import MOST, PromqlKeys, WebhookKeys, gate_conflicts

NEEDED: dict[type[BaseModel], dict[str, Any]] = {
    PromqlKeys: {"name": "p99", "server": "http://127.0.0.1:9090", "query": "up", "at_most": 1},
    WebhookKeys: {"name": "gate", "type": "rollout", "url": "http://127.0.0.1:8080/"},
}
ALL = tuple(NEEDED)


def promql(**keys: object) -> PromqlKeys:
    """With these keys on top of the needed ones; None: without that key."""
    written = {name: value for name, value in (NEEDED[PromqlKeys] | keys).items() if value is not None}
    return PromqlKeys.model_validate(written)


def webhook(**keys: object) -> WebhookKeys:
    return WebhookKeys.model_validate(NEEDED[WebhookKeys] | keys)


@pytest.mark.parametrize("model", ALL)
def test_no_key_carries_its_unit(model: type[BaseModel]) -> None:
    names = [info.alias or name for name, info in model.model_fields.items()]
    assert not [name for name in names if name.endswith(("_s", "_"))]


@pytest.mark.parametrize("model", ALL)
def test_defaults_in_the_schema_are_sound_as_written(model: type[BaseModel]) -> None:
    properties = model.model_json_schema()["properties"]
    defaults = {name: each["default"] for name, each in properties.items() if each.get("default") is not None}
    assert defaults
    assert model.model_validate(defaults | NEEDED[model]) == model.model_validate(NEEDED[model])


def test_what_is_left_out_is_the_gates_own_default() -> None:
    assert promql().gate() == PromqlGate("p99", "http://127.0.0.1:9090", "up", at_most=1.0)
    assert webhook().webhook() == Webhook("gate", "rollout", "http://127.0.0.1:8080/")


def test_every_key_of_a_query_arrives() -> None:
    keys = promql(at_most=None, at_least=0.5, range="5m", every="15s", failures=2, dry_run=True)
    assert keys.gate() == PromqlGate(
        "p99",
        "http://127.0.0.1:9090",
        "up",
        at_least=0.5,
        range_s=300.0,
        every_s=15.0,
        failures=2,
        dry_run=True,
    )


def test_every_key_of_a_webhook_arrives() -> None:
    keys = webhook(timeout="3m", retries=0, every="1m", failures=5, metadata={"cmd": "test", "empty": ""})
    assert keys.webhook() == Webhook(
        "gate",
        "rollout",
        "http://127.0.0.1:8080/",
        timeout_s=180.0,
        retries=0,
        every_s=60.0,
        failures=5,
        metadata=(("cmd", "test"), ("empty", "")),
    )


@pytest.mark.parametrize(
    ("kind", "near"), [("confirm-rolout", "confirm-rollout"), ("post_rollout", "post-rollout"), ("events", "event")]
)
def test_a_misspelt_type_is_told_the_nearest(kind: str, near: str) -> None:
    with pytest.raises(ValidationError) as caught:
        webhook(type=kind)
    assert caught.value.errors()[0]["ctx"]["remedy"] == f"did you mean `{near}`?"


@pytest.mark.parametrize("name", ["", " x", "a\nb", "é", "x" * 61])
def test_names_are_plain_text(name: str) -> None:
    with pytest.raises(ValidationError):
        promql(name=name)
    assert promql(name="load test 2.0").name == "load test 2.0"


def found(*gates: PromqlKeys | WebhookKeys) -> list[tuple[str, str, str]]:
    """Path, message and remedy of each conflict."""
    queries = [each for each in gates if isinstance(each, PromqlKeys)]
    hooks = [each for each in gates if isinstance(each, WebhookKeys)]
    return [(dotted(each.path), each.message, each.remedy) for each in gate_conflicts(queries, hooks)]


def test_sound_gates_have_nothing_against_each_other() -> None:
    assert found(promql(), promql(name="b"), webhook(), webhook(name="d", type="pre-rollout", failures=1)) == []


def test_no_bound() -> None:
    ((path, message, remedy),) = found(promql(name="a"), promql(at_most=None))
    assert path == "rollout.gates.promql[1]"
    assert message == "neither `at_most` nor `at_least`: nothing says what is good"
    assert "at_most: 0.25" in remedy


def test_two_bounds() -> None:
    ((path, message, _),) = found(promql(at_least=0))
    assert (path, message) == ("rollout.gates.promql[0]", "both `at_most` and `at_least`: a gate has one bound")


def test_names_are_unique_over_both_lists() -> None:
    conflicts = found(promql(name="a"), webhook(name="b"), webhook(name="a"), webhook(name="b"))
    assert [(path, message) for path, message, _ in conflicts] == [
        ("rollout.gates.webhooks[1].name", "'a' is the name of promql[0] already"),
        ("rollout.gates.webhooks[2].name", "'b' is the name of webhooks[0] already"),
    ]


def test_keys_that_would_do_nothing_for_the_type() -> None:
    conflicts = found(webhook(type="event", every="1m", failures=2), webhook(name="b", type="rollback", every="1m"))
    assert [(path, message) for path, message, _ in conflicts] == [
        (
            "rollout.gates.webhooks[0].failures",
            "`failures` has no effect with `type: event`: its failures roll nothing back",
        ),
        ("rollout.gates.webhooks[0].every", "`every` has no effect with `type: event`: it is told once"),
    ]


def test_there_are_not_too_many() -> None:
    many = [promql(name=f"g{n}") for n in range(MOST + 1)]
    assert found(*many[:-1]) == []
    assert found(*many) == [("rollout.gates.promql", f"there are {MOST + 1}", f"keep at most {MOST}")]
