"""The table of moves: what it must never and always allow, and the diagram made from it."""

import runpy
import sys

import pytest

from abreast.model.rollout import Phase
from abreast.rollout.transitions import HALTED, TRANSITIONS, Trigger, diagram, target
from tests.rollout.play import under_way

AT_REST = {Phase.COMPLETED, Phase.ROLLED_BACK}


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in AT_REST | {Phase.ROLLING_BACK}])
def test_every_phase_under_way_can_be_aborted(phase: Phase) -> None:
    assert target(under_way(phase), Trigger.ABORT) is Phase.ROLLING_BACK


def test_rolling_back_goes_nowhere_but_back() -> None:
    goals = {goal for (phase, _), goal in TRANSITIONS.items() if phase is Phase.ROLLING_BACK}
    assert goals == {Phase.ROLLED_BACK}


def test_at_rest_only_people_move_anything() -> None:
    triggers = {trigger for phase, trigger in TRANSITIONS if phase in AT_REST}
    assert triggers == {Trigger.START, Trigger.RETRY}


def test_every_trigger_has_a_use() -> None:
    assert {trigger for _, trigger in TRANSITIONS} == set(Trigger)


def test_every_phase_can_be_reached_from_the_first() -> None:
    reached = {Phase.COMPLETED}
    while more := {goal for (phase, _), goal in TRANSITIONS.items() if phase in reached and goal} - reached:
        reached |= more
    assert reached == set(Phase)


def test_what_is_halted_returns_to_where_it_was() -> None:
    for phase in HALTED:
        for before in (Phase.PROGRESSING, Phase.PROMOTING, Phase.BAKING):
            assert target(under_way(phase, resume_to=before), Trigger.RESUME) is before


def test_what_is_not_in_the_table_leads_nowhere() -> None:
    assert target(under_way(Phase.COMPLETED), Trigger.ABORT) is None
    assert target(under_way(Phase.PENDING), Trigger.OBEYED) is None


def test_the_diagram_has_every_move() -> None:
    lines = list(diagram())
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> completed: first deployment"]
    assert "    rolling_back --> rolled_back: every gateway obeys" in lines
    assert "    progressing --> frozen: verdict worse, on_failure freeze" in lines
    assert {line.split(": ")[1] for line in lines[2:]} == set(Trigger)
    returns = [line.strip() for line in lines if line.endswith(": resume")]
    assert returns == [
        "paused --> progressing: resume",
        "paused --> baking: resume",
        "frozen --> progressing: resume",
        "frozen --> promoting: resume",
        "frozen --> baking: resume",
    ]
    assert len(lines) == 2 + len(TRANSITIONS) + len(returns) - len(HALTED)


def test_it_prints_the_diagram(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "abreast.rollout.transitions")  # it is run anew, not imported
    runpy.run_module("abreast.rollout.transitions", run_name="__main__")
    assert capsys.readouterr().out.splitlines() == list(diagram())
