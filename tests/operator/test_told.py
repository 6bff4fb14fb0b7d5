"""The status of a ParallelRun: whole, valid, and readable by Argo CD's own Lua."""

from dataclasses import replace
from typing import Any

import pytest

from abreast.operator.course import Order
from abreast.operator.plane import Standing
from abreast.operator.told import Told, bare, phase_of, same, status
from tests.operator.stage import fault_of, parallel_run

STANDING = Standing(4, 40, "v1", "v2", "progressing", 2, 5, 1000, "42 s left", "weight")
TOLD = Told(3, "Progressing", "42 s left", Order("v2", 1, 3, 4), STANDING)
NOW = 1_790_000_000.0


def valid(found: dict[str, Any]) -> dict[str, Any]:
    """As the API server keeps it, if the schema takes it."""
    kept = {name: value for name, value in found.items() if value is not None}
    document = {**parallel_run(), "status": kept, "apiVersion": "abreast.dev/v1alpha1", "kind": "ParallelRun"}
    assert fault_of("parallelruns", document) == ""
    return kept


def facts(found: dict[str, Any]) -> dict[str, str]:
    return {each["type"]: each["status"] for each in found["conditions"]}


def test_it_says_everything_at_once() -> None:
    found = valid(status(TOLD, {}, NOW))
    assert found["observedGeneration"] == 3
    assert (found["phase"], found["step"], found["weight"], found["message"]) == (
        "Progressing",
        "2/5",
        "10%",
        "42 s left",
    )
    assert (found["rollout"], found["stable"], found["candidate"]) == (4, "v1", "v2")
    assert [each["type"] for each in found["conditions"]] == [
        "Reachable",
        "InvalidSpec",
        "Progressing",
        "Paused",
        "Healthy",
        "Completed",
    ]
    assert {each["lastTransitionTime"] for each in found["conditions"]} == {"2026-09-21T14:13:20Z"}


def test_nothing_of_an_earlier_status_is_left() -> None:
    found = status(Told(4, "Waiting", "v3 is under way"), status(TOLD, {}, NOW), NOW)
    assert (found["rollout"], found["weight"], found["step"], found["ordered"]) == (None, None, None, None)
    valid(found)


@pytest.mark.parametrize(
    ("phase", "true"),
    [
        ("pending", {"Progressing", "Healthy"}),
        ("progressing", {"Progressing", "Healthy"}),
        ("promoting", {"Progressing", "Healthy"}),
        ("baking", {"Progressing", "Healthy"}),
        ("paused", {"Paused", "Healthy"}),
        ("frozen", {"Paused"}),
        ("rolling-back", {"Progressing"}),
        ("rolled-back", set()),
        ("retiring", {"Completed", "Healthy"}),
        ("completed", {"Completed", "Healthy"}),
    ],
)
def test_each_phase_has_its_conditions(phase: str, true: set[str]) -> None:
    standing = replace(STANDING, phase=phase)
    found = valid(status(replace(TOLD, phase=phase_of(standing), standing=standing), {}, NOW))
    assert {kind for kind, truth in facts(found).items() if truth == "True"} == true | {"Reachable"}


def test_a_step_that_waits_for_a_person_is_a_pause() -> None:
    found = status(replace(TOLD, standing=replace(STANDING, kind="approve")), {}, NOW)
    assert (facts(found)["Paused"], facts(found)["Progressing"]) == ("True", "False")


def test_a_time_changes_only_with_the_truth() -> None:
    first = status(TOLD, {}, NOW)
    second = status(replace(TOLD, phase="Paused", message="held"), first, NOW + 60)
    times = {each["type"]: each["lastTransitionTime"] for each in second["conditions"]}
    assert times["Healthy"] == "2026-09-21T14:13:20Z"
    assert times["Paused"] == times["Progressing"] == "2026-09-21T14:14:20Z"


def test_while_nobody_answers_what_was_known_stands_and_is_not_called_new() -> None:
    first = valid(status(TOLD, {}, NOW))
    found = valid(status(Told(9, "Waiting", "", away="http://abreast is not reached"), first, NOW + 60))
    assert {**found, "message": "", "conditions": []} == {**first, "message": "", "conditions": []}
    assert found["message"] == "http://abreast is not reached"
    assert facts(found) == {**facts(first), "Reachable": "False"}
    nothing = valid(status(Told(1, "Waiting", "away", away="away"), {}, NOW))
    assert facts(nothing)["Reachable"] == "False"


def test_a_long_sentence_is_cut() -> None:
    assert len(valid(status(replace(TOLD, message="x" * 100_000), {}, NOW))["message"]) == 1024


def test_sentences_that_count_seconds_are_no_news() -> None:
    first = status(TOLD, {}, NOW)
    later = status(replace(TOLD, message="40 s left"), first, NOW + 2)
    assert bare(first) == bare(later)
    assert not same(first, later)
    assert same(first, valid(first))
    assert bare(first) != bare(status(replace(TOLD, standing=replace(STANDING, weight=2500)), first, NOW))
