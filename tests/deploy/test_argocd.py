"""Argo CD's health script, run by Lua 5.1 as Argo CD runs it, over what the operator writes."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa.lua51 import LuaRuntime

from abreast.operator.course import Order
from abreast.operator.plane import Standing
from abreast.operator.told import Told, phase_of, status
from tests.operator.stage import parallel_run

FOLDER = Path(__file__).parents[2] / "deploy" / "argocd"
SCRIPT = (FOLDER / "health.lua").read_text("utf-8")
STANDING = Standing(4, 40, "v1", "v2", "progressing", 2, 5, 1000, "42 s left", "weight")
TOLD = Told(1, "Progressing", "42 s left", Order("v2", 1, 3, 4), STANDING)
NOW = 1_790_000_000.0


def health(told: dict[str, Any] | None, generation: int = 1, **metadata: object) -> tuple[str, str]:
    """Status and message of an object with that status."""
    found = {**parallel_run(), "metadata": {"name": "shop", "generation": generation, **metadata}}
    if told is not None:
        # As the API server keeps it: a merge takes away what has no value.
        found["status"] = {name: value for name, value in copy.deepcopy(told).items() if value is not None}
    lua = LuaRuntime(unpack_returned_tuples=True, register_eval=False, attribute_filter=None)
    lua.globals().obj = lua.table_from(found, recursive=True)
    answer = lua.execute(SCRIPT)
    return answer["status"], answer["message"]


def told(phase: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401  # of Standing
    """What the operator says of a rollout in that phase."""
    standing = replace(STANDING, phase=phase, **fields)
    return status(replace(TOLD, phase=phase_of(standing), standing=standing), {}, NOW)


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        ("pending", "Progressing"),
        ("progressing", "Progressing"),
        ("promoting", "Progressing"),
        ("baking", "Progressing"),
        ("paused", "Suspended"),
        ("frozen", "Degraded"),
        ("rolling-back", "Degraded"),
        ("rolled-back", "Degraded"),
        ("retiring", "Healthy"),
        ("completed", "Healthy"),
    ],
)
def test_each_phase_has_its_health(phase: str, expected: str) -> None:
    found, message = health(told(phase))
    assert found == expected
    assert message == f"{phase_of(replace(STANDING, phase=phase))} at 10%: 42 s left"


def test_a_step_that_waits_for_a_person_is_suspended() -> None:
    assert health(told("progressing", kind="approve"))[0] == "Suspended"


@pytest.mark.parametrize(
    ("phase", "expected"),
    [("Waiting", "Progressing"), ("Starting", "Progressing"), ("Invalid", "Degraded"), ("Superseded", "Unknown")],
)
def test_what_is_no_rollouts_phase_has_its_health_too(phase: str, expected: str) -> None:
    assert health(status(Told(1, phase, "why"), {}, NOW)) == (expected, "why")


def test_while_nobody_answers_it_is_unknown_whatever_was_known() -> None:
    away = status(Told(1, "Waiting", "", away="not reached"), told("completed"), NOW)
    assert health(away) == ("Unknown", "not reached")


def test_before_the_operator_has_looked_it_is_progressing() -> None:
    assert health(None)[0] == "Progressing"
    assert health({})[0] == "Progressing"
    assert health(told("completed"), generation=2)[0] == "Progressing"
    assert health(told("completed"), deletionTimestamp="now")[0] == "Progressing"


def test_the_config_map_has_the_script() -> None:
    found = yaml.safe_load((FOLDER / "argocd-cm.yaml").read_text("utf-8"))
    assert found["data"] == {"resource.customizations.health.abreast.dev_ParallelRun": SCRIPT}
