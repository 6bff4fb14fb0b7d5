"""Steps as written → steps as walked, and what is wrong with their order."""

import pytest

from abreast.model.document import dotted
from abreast.model.errors import SpecError
from abreast.model.rollout import DEFAULT_STEPS as DEFAULT
from abreast.model.rollout import ApproveStep, BakeStep, DataGate, HoldStep, ShadowStep, Step, WeightStep
from abreast.model.spec import parse_spec
from abreast.model.spec_keys import RolloutKeys
from abreast.model.spec_steps import compile_steps, step_conflicts

FULL = WeightStep(10_000)
Written = list[dict[str, str | None]]


def keys(steps: Written | None = None, *approve: str, **step_time: str) -> RolloutKeys:
    """The rollout as read from a spec with these steps."""
    written = {} if steps is None else {"steps": steps}
    return RolloutKeys.model_validate({**written, "approve": list(approve), "step_time": step_time})


@pytest.mark.parametrize(
    ("rollout", "steps"),
    [
        (keys(), DEFAULT),
        (keys([{"weight": "10%"}]), (WeightStep(1000), FULL)),
        (keys([{"weight": "10%"}, {"bake": "1m"}]), (WeightStep(1000), FULL, BakeStep(60.0))),
        (keys([{"weight": "100%"}]), (FULL,)),
        (keys([{"bake": "1m"}]), (FULL, BakeStep(60.0))),
        (
            keys([{"hold": "1m"}, {"approve": "go?"}, {"weight": "1%", "for": "5m"}]),
            (HoldStep(60.0), ApproveStep("go?"), WeightStep(100, 300.0), FULL),
        ),
        (keys([{"shadow": "20%"}]), (ShadowStep(2000), FULL)),
        (
            keys([{"shadow": "20%", "for": "5m"}, {"weight": "10%", "shadow": "5%", "for": "1m"}, {"shadow": "0%"}]),
            (ShadowStep(2000, 300.0), WeightStep(1000, 60.0, 500), ShadowStep(0), FULL),
        ),
        (
            keys([{"weight": "10%", "shadow": "5%"}, {"weight": "20%", "shadow": "0%"}], "weight 10%"),
            (
                ApproveStep("before weight 10 % with shadow 5 %"),
                WeightStep(1000, shadow=500),
                WeightStep(2000, shadow=0),
                FULL,
            ),
        ),
        (keys([{"weight": "1%"}, {"hold": "1m"}]), (WeightStep(100), HoldStep(60.0), FULL)),
        (
            keys([{"weight": "10%"}, {"weight": "50%"}], "weight 50%", "weight 100%"),
            (
                WeightStep(1000),
                ApproveStep("before weight 50 %"),
                WeightStep(5000),
                ApproveStep("before weight 100 %"),
                FULL,
            ),
        ),
        (keys(None, "weight 50.0 %"), (*DEFAULT[:4], ApproveStep("before weight 50 %"), *DEFAULT[4:])),
    ],
)
def test_steps_are_compiled(rollout: RolloutKeys, steps: tuple[Step, ...]) -> None:
    assert list(step_conflicts(rollout)) == []
    assert compile_steps(rollout) == steps


@pytest.mark.parametrize(
    ("rollout", "path", "message", "remedy"),
    [
        (keys([]), "rollout.steps", "no steps", "remove the key"),
        (keys([{}]), "rollout.steps[0]", "does nothing", "bake, expand and contract"),
        (keys([{"weight": "5%", "hold": "1m"}]), "rollout.steps[0]", "both `weight` and `hold`", "of their own"),
        (keys([{"weight": "0%"}]), "rollout.steps[0].weight", "sends no user", "above 0%"),
        (
            keys([{"weight": "5%"}, {"weight": "5%"}]),
            "rollout.steps[1].weight",
            "5 % does not rise above the 5 %",
            "small",
        ),
        (
            keys([{"weight": "50%"}, {"hold": "1m"}, {"weight": "5%"}, {"weight": "60%"}]),
            "rollout.steps[2].weight",
            "5 % does not rise above the 50 %",
            "small to large",
        ),
        (keys([{"weight": "100%"}, {"hold": "1m"}]), "rollout.steps[1]", "after weight 100 %", "only one bake"),
        (keys([{"weight": "100%"}, {"approve": None}]), "rollout.steps[1]", "after weight 100 %", "only one bake"),
        (keys([{"bake": "1m"}, {"bake": "1m"}]), "rollout.steps[1]", "after the bake", "the last step"),
        (keys([{"bake": "1m"}, {"weight": "5%"}]), "rollout.steps[1]", "after the bake", "the last step"),
        (keys([{"hold": "1m", "for": "1m"}]), "rollout.steps[0].for", "shadow or weight step only", "- hold: 10m"),
        (keys([{"weight": "100%", "for": "1h"}]), "rollout.steps[0].for", "no meaning at 100 %", "- bake: 1h"),
        (
            keys([{"weight": "5%", "for": "2h"}]),
            "rollout.steps[0].for",
            "2h is longer than step_time.at_most, 1h",
            "raise",
        ),
        (keys([{"shadow": "5%", "hold": "1m"}]), "rollout.steps[0]", "both `shadow` and `hold`", "of their own"),
        (
            keys([{"shadow": "5%", "weight": "5%", "hold": "1m"}]),
            "rollout.steps[0]",
            "both `shadow` and `weight` and `hold`",
            "of their own",
        ),
        (keys([{"shadow": "5%", "bake": "1m"}]), "rollout.steps[0]", "nothing is copied any more", "before 100 %"),
        (keys([{"weight": "100%"}, {"shadow": "5%"}]), "rollout.steps[1]", "after weight 100 %", "only one bake"),
        (keys([{"bake": "1m"}, {"shadow": "5%"}]), "rollout.steps[1]", "after the bake", "the last step"),
        (
            keys([{"shadow": "5%"}, {"weight": "100%", "shadow": "5%"}]),
            "rollout.steps[1].shadow",
            "no meaning at 100 %",
            "remove `shadow`",
        ),
        (keys([{"shadow": "0%"}, {"weight": "5%"}]), "rollout.steps[0].shadow", "no step before it", "above 0%"),
        (
            keys([{"shadow": "5%"}, {"shadow": "0%"}, {"weight": "5%", "shadow": "0%"}]),
            "rollout.steps[2].shadow",
            "no step before it",
            "above 0%",
        ),
        (
            keys([{"shadow": "5%", "for": "2h"}]),
            "rollout.steps[0].for",
            "2h is longer than step_time.at_most, 1h",
            "raise",
        ),
        (keys(None, "weight 30%"), "rollout.approve[0]", "'weight 30%'", "weight 1%, weight 10%, weight 25%"),
        (keys(None, "bake 1h"), "rollout.approve[0]", "'bake 1h'", "weight 50%, weight 100%"),
        (keys(None, "50%"), "rollout.approve[0]", "'50%'", "weight 50%"),
        (keys(None, "weight 0"), "rollout.approve[0]", "'weight 0'", "weight 1%"),
        (keys(None, "weight 1%", "weight 1.0%"), "rollout.approve[1]", "here twice", "keep one"),
        (keys(None, at_most="30s"), "rollout.step_time.at_most", "1m, longer than at_most, 30s", "at_most"),
    ],
)
def test_a_faulty_order_is_one_conflict(rollout: RolloutKeys, path: str, message: str, remedy: str) -> None:
    (conflict,) = step_conflicts(rollout)
    assert dotted(conflict.path) == path
    assert message in conflict.message
    assert remedy in conflict.remedy


def test_the_judgement_of_a_step_hangs_on_those_before_it() -> None:
    (conflict,) = step_conflicts(keys([{"weight": "50%"}, {"weight": "5%"}]))
    assert ("rollout", "steps", 0) in conflict.hangs_on


@pytest.mark.parametrize(
    ("steps", "path", "message"),
    [
        ("[{weight: 5%}, {expand: true}]", "rollout.steps[1]", "comes before the candidate is started"),
        ("[{contract: 1h}, {weight: 5%}]", "rollout.steps[0]", "stands below it"),
        ("[{expand: false}]", "rollout.steps[0].expand", "`false` is not allowed here"),
        ("[{expand: true, weight: 5%}]", "rollout.steps[0]", "both `weight` and `expand`"),
    ],
)
def test_the_hooks_around_traffic_stand_at_its_ends(steps: str, path: str, message: str) -> None:
    text = f"versions: {{v1: {{run: a}}}}\ndata: {{url: postgresql:///shop}}\nrollout: {{steps: {steps}}}"
    with pytest.raises(SpecError) as caught:
        parse_spec(text)
    found = {fault.path: fault.message for fault in caught.value.faults}
    assert message in found[path]


@pytest.mark.parametrize("step", ["expand: true", "contract: 1h"])
def test_a_hook_needs_data(step: str) -> None:
    with pytest.raises(SpecError, match="the spec has no `data`"):
        parse_spec(f"versions: {{v1: {{run: a}}}}\nrollout: {{steps: [{{{step}}}]}}")


def test_the_hooks_are_the_data_gates_and_no_steps_that_are_walked() -> None:
    text = "data: {url: postgresql:///shop}\nversions: {v1: {run: a}, v2: {run: b}}\nrollout: {steps: [%s]}"
    policy = parse_spec(text % "{expand: true}, {weight: 5%}, {bake: 1m}, {contract: 1h}").policy("v2")
    assert policy.data == DataGate(expand=True, contract_after_s=3600.0)
    assert policy.steps == (WeightStep(500), WeightStep(10_000), BakeStep(60.0))
    assert parse_spec(text % "{weight: 5%}").policy("v2").data == DataGate()
