"""One look at the world gathers everything, over the right spans of time."""

from dataclasses import replace

from abreast.analysis.assessment import Counted
from abreast.model.checks import Check
from abreast.model.group import Heard
from abreast.model.registry import ConsulService, Registry
from abreast.model.rollout import Phase
from tests.controller.stage import Stage
from tests.fakes.members import FakeMembers
from tests.rollout.play import BEGIN, POLICY, serving, under_way
from tests.rollout.traffic import BROKEN, GOOD


async def test_it_has_every_fact() -> None:
    stage = await Stage.climbing()
    stage.gateway.refusals["gateway-2"] = "no such cluster"
    stage.actor.hopeless["v3"] = "no such command"
    stage.checks.answers["p99"] = Check("p99", "promql", passed=True)
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
    assert observed.checks == {"p99": stage.checks.answers["p99"]}
    assert stage.checks.followed[-1] == (stage.rollout, True)


async def test_without_anybody_who_asks_there_is_no_group() -> None:
    stage = await Stage.climbing()
    assert stage.controller.observe().group is None
    stage.controller._observer.members = FakeMembers({"cart": Heard(trouble="gone")})
    assert stage.controller.observe().group == {"cart": Heard(trouble="gone")}


async def test_it_is_a_copy_that_stays_as_it_was() -> None:
    stage = await Stage.climbing()
    observed = stage.controller.observe()
    stage.actor.hopeless["v2"] = "gone"
    stage.driver.sick.add("v1")
    assert observed.hopeless == {}
    assert observed.ready("v1") == 2


async def test_checks_are_told_whether_the_candidate_has_all_its_instances() -> None:
    stage = await Stage.at(serving())
    stage.driver.sick.add("v2")
    await stage.order("start")
    await stage.settle()
    assert stage.checks.followed[-1] == (stage.rollout, False)
    stage.driver.sick.clear()
    await stage.settle()
    assert stage.checks.followed[-1] == (stage.rollout, True)


async def test_the_step_and_the_evidence_each_have_their_span() -> None:
    stage = await Stage.at(under_way(Phase.PAUSED))
    await stage.serves(100, GOOD)
    stage.controller.rollout = replace(stage.rollout, weight_since=stage.clock.time)
    await stage.serves(50, GOOD, turns=False)
    observed = stage.controller.observe()
    assert observed.step["v2"].requests == 50 * 20, "since the weight changed, which was later than the step"
    assert observed.assessment.errors.step.seen_c == 50 * 20
    assert observed.assessment.errors.attempt.seen_c == 150 * 20


async def test_looking_twice_counts_nothing_twice() -> None:
    stage = await Stage.climbing()
    await stage.serves(10, GOOD)
    assert stage.controller.observe().assessment == stage.controller.observe().assessment


async def test_a_new_attempt_starts_with_a_clean_slate() -> None:
    stage = await Stage.at(under_way(Phase.PROGRESSING, replace(POLICY, on_failure="freeze")))
    await stage.serves(15, BROKEN)
    before = stage.controller.observe()
    assert stage.rollout.resume_to is Phase.PROGRESSING
    await stage.order("resume")
    after = stage.controller.observe()
    assert before.assessment.errors.hard.proven
    assert after.assessment.errors.attempt == Counted()
    await stage.settle()
    assert stage.rollout.phase is Phase.PROGRESSING, "what was bad before the person resumed is not held against it"


async def test_of_a_version_that_is_looked_up_all_that_was_found_are_wanted() -> None:
    stage = await Stage.climbing()
    observer = stage.controller._observer
    registry = Registry(ConsulService("shop"))
    for instances, wanted in ((1, 2), (3, 3)):
        versions = tuple(
            replace(version, run=(), registry=registry, instances=instances) if version.name == "v2" else version
            for version in observer.service.versions
        )
        observer.service = replace(observer.service, versions=versions)
        assert stage.controller.observe().wanted == {"v1": 2, "v2": wanted, "v3": 2}
