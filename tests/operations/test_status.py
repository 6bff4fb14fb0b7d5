"""The state as people and scripts read it, and the exit codes that they rely on."""

from dataclasses import asdict, fields, replace

import pytest

from abreast.findings.book import Book
from abreast.findings.finding import FindingState
from abreast.findings.ledger import Ledger
from abreast.model.rollout import LatencyGate, Phase, Rollout
from abreast.operations.control import ServerStatus
from abreast.operations.status import (
    EXIT_HEALTHY,
    EXIT_PAUSED,
    EXIT_PROGRESSING,
    EXIT_ROLLED_BACK,
    RECENT_S,
    GatewayRecord,
    NodeStatus,
    ServerRecord,
    ShadowStatus,
    Status,
    VersionStatus,
    exit_code,
    status,
)
from abreast.rollout.observed import Differences, NodeState
from abreast.rollout.turn import split_of
from tests.contracts.test_findings import a_finding
from tests.controller.stage import FULL, Stage
from tests.fakes.findings_desk import FakeFindingsDesk
from tests.fakes.fleet import FakeFleet
from tests.fakes.members import FakeMembers
from tests.operations.desk import desk_of
from tests.rollout.members import GROUPED
from tests.rollout.play import BEGIN, POLICY, serving, under_way
from tests.rollout.traffic import BAD, GOOD, Both


def read(stage: Stage) -> Status:
    return status(desk_of(stage).control)


def version(found: Status, name: str) -> VersionStatus:
    return next(each for each in found.versions if each.name == name)


@pytest.mark.parametrize(
    ("phase", "code"),
    [
        (Phase.COMPLETED, EXIT_HEALTHY),
        (Phase.PENDING, EXIT_PROGRESSING),
        (Phase.PROGRESSING, EXIT_PROGRESSING),
        (Phase.PROMOTING, EXIT_PROGRESSING),
        (Phase.BAKING, EXIT_PROGRESSING),
        (Phase.RETIRING, EXIT_HEALTHY),
        (Phase.PAUSED, EXIT_PAUSED),
        (Phase.FROZEN, EXIT_PAUSED),
        (Phase.ROLLING_BACK, EXIT_ROLLED_BACK),
        (Phase.ROLLED_BACK, EXIT_ROLLED_BACK),
    ],
)
def test_each_phase_has_its_exit_code(phase: Phase, code: int) -> None:
    assert exit_code(under_way(phase)) == code


def test_the_exit_codes_are_those_of_the_manual() -> None:
    assert (EXIT_HEALTHY, EXIT_PROGRESSING, EXIT_PAUSED, EXIT_ROLLED_BACK) == (0, 3, 4, 5)


async def climbing() -> Stage:
    """At 10 %, with 20 seconds of users on both sides."""
    stage = await Stage.climbing()
    for _ in range(2):
        stage.clock.time += RECENT_S
        stage.counts.add("v1", {200: 890, 500: 10}, ms=8, in_flight=3)
        stage.counts.add("v2", {200: 96, 503: 3, 0: 1}, ms=20, in_flight=1)
    stage.counts.users = {200: 1996, 404: 3, 503: 1}
    return stage


async def test_a_rollout_that_climbs() -> None:
    stage = await climbing()
    found = read(stage)
    assert (found.service, found.rollout, found.stable, found.candidate) == ("shop", 1, "v1", "v2")
    assert (found.phase, found.reason, found.exit_code) == ("progressing", "as the play begins", EXIT_PROGRESSING)
    assert (found.step, found.steps, found.weight) == (2, 5, 1000)
    assert (found.seen_requests, found.seen_share) == (2000, 0.1)
    assert (found.users_requests, found.users_failed) == (2000, 1)
    assert found.phase_s == stage.clock.now() - stage.rollout.phase_since
    assert found.because.startswith("weight 10 %: ")
    assert found.wake_in_s == 3600 - found.phase_s
    assert found.revision == stage.rollout.revision
    assert (found.store_error, found.silence) == ("", None)
    assert found.allowed == ["promote", "promote --full", "pause", "weight", "abort"]
    assert found.startable == []
    assert [each.words for each in found.ladder] == [str(step) for step in stage.rollout.policy.steps]
    assert found.ladder[found.step - 1].words == str(stage.rollout.policy.ladder[1])
    assert found.explanation[0].startswith("v1 → v2 is progressing")


async def test_a_version_has_what_it_did_lately_and_in_this_step() -> None:
    stage = await climbing()
    stage.counts.stuck = {"v2": 4}
    found = version(read(stage), "v2")
    assert (found.side, found.ready, found.wanted) == ("candidate", 2, 2)
    assert found.rps == pytest.approx(20.0), "two ticks of 100 within the last ten seconds"
    assert (found.requests, found.errors, found.error_share) == (200, 8, 0.04)
    assert found.errors_by_code == {"no answer": 2, "503": 6}
    assert (found.p50_ms, found.p99_ms) == (20.0, 20.0)
    ((bound_ms, count),) = found.distribution
    assert bound_ms == pytest.approx(17.78, abs=0.01)
    assert count == 200
    assert (found.in_flight, found.waiting_long) == (1, 4)
    assert [each.id for each in found.instances] == ["v2-1", "v2-2"]
    assert found.instances[0].state == "ready"
    assert found.instances[0].address.startswith("127.0.0.1:")
    assert found.instances[0].pid is not None


async def test_without_requests_shares_and_latencies_are_unknown_rather_than_zero() -> None:
    found = read(await Stage.climbing())
    candidate = version(found, "v2")
    assert (candidate.error_share, candidate.p50_ms, candidate.p99_ms, found.seen_share) == (None, None, None, None)


async def test_a_silent_candidate_is_told() -> None:
    stage = await Stage.climbing()
    stage.clock.time += RECENT_S
    silence = read(stage).silence
    assert silence is not None
    assert "no user reaches the gateway" in silence


@pytest.mark.parametrize(
    ("both", "seconds", "state"),
    [(GOOD, 60, "not-worse"), (BAD, 60, "worse"), (GOOD, 5, "undecided")],
)
async def test_the_gate_says_how_it_judges(both: Both, seconds: int, state: str) -> None:
    stage = await Stage.climbing()
    await stage.serves(seconds, both, turns=False)
    (gate,) = read(stage).gates
    assert (gate.name, gate.state) == ("errors", state)
    assert "of candidate requests failed against" in gate.sentence
    if state != "undecided":
        assert (gate.share, gate.missing, gate.missing_s) == (1.0, None, None)


async def test_an_undecided_gate_says_how_far_it_is_and_how_long_the_rest_takes() -> None:
    stage = await Stage.climbing()
    await stage.serves(5, GOOD, turns=False)
    (gate,) = read(stage).gates
    assert 0 < gate.share < 1
    assert gate.missing is not None
    assert gate.missing_s == pytest.approx(gate.missing / (5 * 20 / (stage.clock.time - BEGIN)), rel=0.1)


async def test_without_requests_it_says_how_many_and_not_how_long() -> None:
    (gate,) = read(await Stage.climbing()).gates
    assert (gate.state, gate.share, gate.missing_s) == ("undecided", 0.0, None)
    assert gate.missing is not None
    assert gate.missing > 0


async def test_every_gate_of_the_policy_is_shown() -> None:
    stage = await Stage.at(under_way(Phase.PROGRESSING, replace(POLICY, latency=LatencyGate())))
    assert [gate.name for gate in read(stage).gates] == ["errors", "latency"]


async def test_shadowing_shows_its_ledger_its_findings_and_its_gate() -> None:
    stage = await Stage.climbing(shadow=2000)
    stage.comparisons.seen = Differences(compared=5, controlled=5)
    desk = FakeFindingsDesk(
        Book(stage.rollout.number, findings=(a_finding(1), a_finding(2, state=FindingState.ACCEPTED))),
        Ledger(seen=100, compared=5, skipped={"sampled-out": 90}, lost=2, captured=10, decided=5),
    )
    control = desk_of(stage).control
    control.findings = desk
    found = status(control)
    assert found.shadow == ShadowStatus(2000, 100, 5, {"sampled-out": 90}, 2, 3, 1, 1)
    assert [gate.name for gate in found.gates] == ["errors", "differences"]
    assert found.gates[1].state == "undecided"
    desk.book = Book(stage.rollout.number - 1)
    assert status(control).shadow is None, "another rollout's"


@pytest.mark.parametrize("phase", [Phase.ROLLED_BACK, Phase.FROZEN, Phase.COMPLETED])
async def test_where_no_verdict_would_act_no_gate_is_shown(phase: Phase) -> None:
    assert read(await Stage.at(under_way(phase))).gates == []


async def test_gateways_are_shown_with_what_they_really_do() -> None:
    stage = await Stage.climbing()
    stage.gateway.deaf.add("gateway-2")
    await stage.order("abort")
    stage.gateway.names = ("gateway-1", "gateway-2", "gateway-3", "gateway-4")
    stage.gateway.lost.add("gateway-3")
    stage.gateway.refusals["gateway-4"] = "no such cluster"
    assert read(stage).nodes == [
        NodeStatus("gateway-1", connected=True, obeys=True, weight=0, nack=""),
        NodeStatus("gateway-2", connected=True, obeys=False, weight=1000, nack=""),
        NodeStatus("gateway-3", connected=False, obeys=False, weight=None, nack=""),
        NodeStatus("gateway-4", connected=True, obeys=False, weight=None, nack="no such cluster"),
    ]


async def test_a_service_at_rest_shows_the_version_that_serves() -> None:
    found = read(await Stage.at(serving()))
    assert [(each.name, each.side) for each in found.versions] == [("v1", "stable")]
    assert (found.candidate, found.weight, found.exit_code, found.allowed) == (None, 0, EXIT_HEALTHY, ["start"])
    assert found.because == "v1 serves all users"


async def test_after_a_rollout_the_winner_is_stable_and_the_loser_is_shown_until_it_is_gone() -> None:
    stage = await Stage.at(under_way(Phase.COMPLETED))
    assert [(each.name, each.side) for each in read(stage).versions] == [("v2", "stable")]
    loser = stage.actor.service.version("v1")
    assert loser is not None
    await stage.driver.run(loser)
    assert [(each.name, each.side) for each in read(stage).versions] == [("v2", "stable"), ("v1", "")]


async def test_how_the_group_stands_is_told() -> None:
    desk = desk_of(await Stage.at(under_way(Phase.PROGRESSING, GROUPED, attempt=1)))
    assert status(desk.control).group == []
    desk.stage.controller._observer.members = FakeMembers({})
    assert status(desk.control).group == ["payments has not answered yet", "cart has not answered yet"]


async def test_a_store_that_fails_is_told_with_its_remedy() -> None:
    stage = await Stage.climbing()
    stage.store.broken = FULL
    await stage.order("abort")
    assert read(stage).store_error == str(FULL)


@pytest.mark.parametrize(
    "rollout", [serving(), *(under_way(phase) for phase in Phase)], ids=["first", *(phase.value for phase in Phase)]
)
async def test_every_field_has_its_value_in_every_phase(rollout: Rollout) -> None:
    stage = await Stage.at(rollout)
    found = read(stage)
    optional = {"candidate", "seen_share", "wake_in_s", "silence", "shadow"}
    missing = {field.name for field in fields(found) if getattr(found, field.name) is None}
    assert missing <= optional
    assert found.exit_code == exit_code(stage.rollout)
    assert 0 <= found.step <= found.steps
    assert asdict(found)["versions"], "at least one version serves"


async def test_a_fleets_servers_are_told_and_nobody_elses() -> None:
    control = desk_of(await Stage.climbing()).control
    assert status(control).servers == []
    control.fleet = FakeFleet([ServerStatus("b", decides=True, silent_s=0.44, lost=False)])
    assert status(control).servers == [ServerRecord("b", decides=True, silent_s=0.4, lost=False)]


async def test_gateways_apart_from_servers_are_told_with_what_they_acknowledged() -> None:
    stage = await Stage.climbing()
    control, split = desk_of(stage).control, split_of(stage.rollout)
    obeys = NodeState("g1/1.0", split, connected=True)
    drains = NodeState("g1/1.1", replace(split, weight=100), connected=True)
    unknown = NodeState("g2/1.0", None, connected=False)
    control.fleet = FakeFleet(
        gateways=[
            ServerStatus("g1", decides=False, silent_s=0.1, lost=False, nodes=(obeys, drains), server="a"),
            ServerStatus("g2", decides=False, silent_s=9.0, lost=True, nodes=(obeys, unknown), server="b"),
            ServerStatus("g3", decides=False, silent_s=0.0, lost=False, nodes=(obeys,), server="b"),
        ]
    )
    assert status(control).gateways == [
        GatewayRecord("g1", "a", 100, obeys=False, silent_s=0.1, lost=False),
        GatewayRecord("g2", "b", None, obeys=False, silent_s=9.0, lost=True),
        GatewayRecord("g3", "b", split.weight, obeys=True, silent_s=0.0, lost=False),
    ]
