"""One look at the world gathers everything, over the right spans of time."""

from dataclasses import replace

from abreast.model.rollout import ErrorGate, Phase
from tests.controller.stage import Stage
from tests.rollout.play import BEGIN, POLICY, under_way


async def test_it_has_every_fact() -> None:
    stage = await Stage.climbing()
    stage.gateway.refusals["gateway-2"] = "no such cluster"
    stage.actor.hopeless["v3"] = "no such command"
    command = stage.command("pause")
    observed = stage.controller._observer.observe(stage.rollout, [command], stage.actor.hopeless)
    assert observed.now == stage.clock.now()
    assert observed.wanted == {"v1": 2, "v2": 2, "v3": 2}
    assert (observed.ready("v1"), observed.ready("v2"), observed.ready("v3")) == (2, 2, 0)
    assert [(node.id, node.nack) for node in observed.nodes] == [("gateway-1", ""), ("gateway-2", "no such cluster")]
    assert observed.commands == (command,)
    assert observed.hopeless == {"v3": "no such command"}
    assert observed.counting_since == BEGIN
    assert observed.differences is stage.comparisons.seen


async def test_it_is_a_copy_that_stays_as_it_was() -> None:
    stage = await Stage.climbing()
    observed = stage.controller.observe()
    stage.actor.hopeless["v2"] = "gone"
    stage.driver.sick.add("v1")
    assert observed.hopeless == {}
    assert observed.ready("v1") == 2


async def test_the_gates_window_and_the_step_each_have_their_span() -> None:
    policy = replace(POLICY, errors=ErrorGate(window_s=60.0))
    rollout = under_way(Phase.PAUSED, policy, attempt_since=BEGIN, step_since=BEGIN + 10, weight_since=BEGIN + 100)
    stage = await Stage.at(rollout)
    for second in (5, 50, 150, 190):
        stage.clock.time = BEGIN + second
        stage.counts.add("v2", {200: second})
    stage.clock.time = BEGIN + 200
    observed = stage.controller.observe()
    assert observed.step["v2"].requests == 150 + 190, "since the weight changed, which was later than the step"
    assert observed.window["v2"].requests == 150 + 190, "the last minute"
    stage.clock.time = BEGIN + 220
    assert stage.controller.observe().window["v2"].requests == 190


async def test_a_new_attempt_starts_with_a_clean_slate() -> None:
    stage = await Stage.at(under_way(Phase.FROZEN))
    stage.clock.time = BEGIN + 10
    stage.counts.add("v2", {503: 100})
    stage.clock.time = BEGIN + 20
    before = stage.controller.observe()
    await stage.order("resume")
    after = stage.controller.observe()
    assert (before.window["v2"].errors, after.window["v2"].errors) == (100, 0)
    assert stage.rollout.phase is Phase.PROGRESSING, "what was bad before the person resumed is not held against it"
