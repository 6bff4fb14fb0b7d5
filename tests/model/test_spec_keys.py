"""The keys: their defaults are those of the values they become, and stand in the schema as they are written."""

import pytest
from pydantic import BaseModel

from abreast.model.rollout import DEFAULT_STEPS, ApproveStep, BakeStep, HoldStep, Policy, ShadowStep, Step, WeightStep
from abreast.model.service import GatewaySettings, Version
from abreast.model.spec_keys import (
    CapacityKeys,
    GatewayKeys,
    RolloutKeys,
    SpecKeys,
    StepKeys,
    VersionKeys,
    written_step,
)

ALL = (SpecKeys, GatewayKeys, VersionKeys, CapacityKeys, RolloutKeys, StepKeys)


@pytest.mark.parametrize(
    ("keys", "value", "fields"),
    [
        (GatewayKeys(), GatewaySettings(), ("listen", "tls", "timeout_s", "drain_s", "concurrency")),
        (
            VersionKeys(),
            Version("v1"),
            (
                *("run", "endpoints", "instances", "cwd", "ready", "live", "protocol", "isolated"),
                *("start_timeout_s", "stop_timeout_s", "timeout_s", "keep_alive_s"),
            ),
        ),
        (CapacityKeys(), Version("v1"), ("max_connections", "max_requests")),
        (RolloutKeys(), Policy(), ("on_timeout", "on_failure")),
        (RolloutKeys().step_time, Policy(), ("at_least_s", "at_most_s")),
        (RolloutKeys().gates.errors, Policy().errors, ("budget", "window_s")),
        (RolloutKeys().gates.latency, Policy().latency, ("tolerance", "window_s", "warm_up_s")),
        (RolloutKeys().gates.differences, Policy().differences, ("tolerance",)),
        (RolloutKeys().shadow, Policy().shadow, ("at_most_per_s", "controls", "timeout_s", "operation", "templates")),
        (RolloutKeys().retire, Policy(), ("unused_for_s", "open_for_s")),
    ],
)
def test_a_key_left_out_is_the_values_own_default(keys: BaseModel, value: object, fields: tuple[str, ...]) -> None:
    assert {field: getattr(keys, field) for field in fields} == {field: getattr(value, field) for field in fields}


@pytest.mark.parametrize("model", ALL)
def test_no_key_carries_its_unit(model: type[BaseModel]) -> None:
    names = [info.alias or name for name, info in model.model_fields.items()]
    assert not [name for name in names if name.endswith(("_s", "_"))]


@pytest.mark.parametrize("model", ALL)
def test_defaults_in_the_schema_are_sound_as_written(model: type[BaseModel]) -> None:
    properties = model.model_json_schema()["properties"]
    defaults = {
        name: described["default"]
        for name, described in properties.items()
        if described.get("default") not in (None, [], {})
    }
    model.model_validate({"versions": {}} | defaults if model is SpecKeys else defaults)


@pytest.mark.parametrize(
    ("step", "written"),
    [
        (WeightStep(25), {"weight": "0.25%"}),
        (WeightStep(1000, 300.0), {"weight": "10%", "for": "5m"}),
        (WeightStep(1000, 300.0, 500), {"weight": "10%", "shadow": "5%", "for": "5m"}),
        (WeightStep(1000, shadow=0), {"weight": "10%", "shadow": "0%"}),
        (ShadowStep(2000), {"shadow": "20%"}),
        (ShadowStep(25, 300.0), {"shadow": "0.25%", "for": "5m"}),
        (HoldStep(90.0), {"hold": "1m30s"}),
        (ApproveStep("look"), {"approve": "look"}),
        (BakeStep(3600.0), {"bake": "1h"}),
    ],
)
def test_a_step_is_written_as_it_is_read(step: Step, written: dict[str, str]) -> None:
    assert written_step(step) == written
    StepKeys.model_validate(written)


def test_the_schema_shows_the_default_steps() -> None:
    shown = RolloutKeys.model_json_schema()["properties"]["steps"]["default"]
    assert shown == [written_step(step) for step in DEFAULT_STEPS]
