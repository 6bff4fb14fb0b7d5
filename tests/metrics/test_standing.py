"""The rollout's state as numbers: the same ones that the status shows."""

from dataclasses import replace

import pytest

from abreast.analysis.assessment import Assessment, LatencyEvidence, Progress, QuantileEvidence
from abreast.analysis.latency import QUANTILES
from abreast.findings.book import Book
from abreast.findings.finding import FindingState
from abreast.findings.ledger import Ledger
from abreast.metrics.catalogue import EXCHANGES, LANES
from abreast.metrics.exposition import Exposition
from abreast.metrics.standing import lanes
from abreast.model.rollout import LatencyGate, Phase
from abreast.operations.status import status
from tests.contracts.test_findings import a_finding
from tests.controller.stage import Stage
from tests.fakes.alerts import FakeAlerts
from tests.fakes.findings_desk import FakeFindingsDesk
from tests.metrics.pages import scrape_of, scraped
from tests.operations.desk import desk_of
from tests.rollout.play import POLICY, serving, under_way
from tests.rollout.traffic import BAD, GOOD, Both


@pytest.mark.parametrize("phase", Phase)
async def test_exactly_one_phase_is_present(phase: Phase) -> None:
    stage = await Stage.at(under_way(phase))
    page = await scrape_of(stage)
    assert page.hot("abreast_rollout_phase", "phase") == [stage.rollout.phase.value]
    assert page.value("abreast_rollout_phase_start_timestamp_seconds") == stage.rollout.phase_since


async def test_a_rollout_that_climbs() -> None:
    stage = await Stage.climbing(shadow=2000)
    stage.counts.add("v1", {200: 90})
    stage.counts.add("v2", {200: 10})
    stage.clock.time += 1
    page = await scrape_of(stage)
    assert page.value("abreast_weight_set_ratio") == 0.1
    assert page.value("abreast_weight_seen_ratio") == 0.1
    assert page.value("abreast_shadow_ratio") == 0.2
    assert (page.value("abreast_rollout_step"), page.value("abreast_rollout_steps")) == (2, 5)
    assert page.value("abreast_rollout_number") == 1
    sides = {version: page.hot("abreast_version_side", "side", version=version) for version in ("v1", "v2", "v3")}
    assert sides == {"v1": ["stable"], "v2": ["candidate"], "v3": ["idle"]}
    assert [page.value("abreast_instances_ready", version=name) for name in ("v1", "v2", "v3")] == [2, 2, 0]
    assert [page.value("abreast_instances_wanted", version=name) for name in ("v1", "v2", "v3")] == [2, 2, 0]
    assert (page.value("abreast_rollout_held"), page.value("abreast_candidate_silent")) == (0, 0)


async def test_without_requests_the_seen_weight_is_absent_rather_than_zero() -> None:
    assert "abreast_weight_seen_ratio" not in (await scrape_of(await Stage.climbing())).names()


async def test_a_held_step_and_a_silent_candidate_show() -> None:
    stage = await Stage.climbing(held=True)
    stage.clock.time += 60
    page = await scrape_of(stage)
    assert (page.value("abreast_rollout_held"), page.value("abreast_candidate_silent")) == (1, 1)
    assert (await scrape_of(await Stage.at(serving()))).value("abreast_candidate_silent") == 0, "there is none"


async def test_gateways_that_do_not_obey_show() -> None:
    stage = await Stage.climbing()
    stage.gateway.deaf.add("gateway-2")
    await stage.order("abort")
    stage.gateway.names = ("gateway-1", "gateway-2", "gateway-3")
    stage.gateway.lost.add("gateway-3")
    page = await scrape_of(stage)
    states = {each: page.value("abreast_gateway_nodes", node_state=each) for each in ("known", "connected", "obeying")}
    assert states == {"known": 3, "connected": 2, "obeying": 1}


@pytest.mark.parametrize(("both", "state"), [(GOOD, "not-worse"), (BAD, "worse")])
async def test_a_gate_s_verdict_and_its_evidence_agree(both: Both, state: str) -> None:
    stage = await Stage.climbing()
    await stage.serves(60, both, turns=False)
    page = await scrape_of(stage)
    assert page.hot("abreast_gate_state", "gate_state", gate="errors") == [state]
    assert page.value("abreast_gate_proof_ratio", gate="errors") == 1
    lane = "errors-fine" if state == "not-worse" else "errors-worse"
    assert page.value("abreast_evidence_nats", lane=lane) > page.value("abreast_evidence_needed_nats", lane=lane)


async def test_latency_has_its_gate_and_its_lanes() -> None:
    page = await scrape_of(await Stage.at(under_way(Phase.PROGRESSING, replace(POLICY, latency=LatencyGate()))))
    gates = [each.labels["gate"] for each in page.samples if each.name == "abreast_gate_proof_ratio"]
    assert gates == ["errors", "latency"]
    evidence, needed = (page.value(f"abreast_evidence{kind}_nats", lane="latency-worse") for kind in ("", "_needed"))
    assert evidence <= 0 < needed, "no request, no evidence"


def test_every_lane_is_in_the_catalogue() -> None:
    quantiles = tuple(QuantileEvidence(each, fine=Progress(each)) for each in QUANTILES)
    found = dict(lanes(Assessment(latency=LatencyEvidence(quantiles))))
    assert tuple(found) == LANES
    assert [found[f"latency-fine-p{name}"].log_e for name in (50, 90, 99)] == list(QUANTILES)
    assert len(dict(lanes(Assessment()))) == 3


@pytest.mark.parametrize("phase", [Phase.ROLLED_BACK, Phase.FROZEN, Phase.COMPLETED])
async def test_where_no_verdict_would_act_there_is_no_evidence(phase: Phase) -> None:
    names = (await scrape_of(await Stage.at(under_way(phase)))).names()
    assert not {name for name in names if "evidence" in name or "gate_" in name}


async def test_the_ledger_is_whole_and_its_reasons_are_bounded() -> None:
    stage = await Stage.climbing(shadow=2000)
    ledger = Ledger(
        seen=130,
        compared=5,
        skipped={"sampled-out": 90, "something-new": 20, "else": 10},
        lost=2,
        captured=10,
        decided=5,
    )
    findings = (a_finding(1), a_finding(2, state=FindingState.ACCEPTED))
    control = desk_of(stage).control
    control.findings = FakeFindingsDesk(Book(stage.rollout.number, findings=findings), ledger)
    exposition = Exposition(control)
    page = await scraped(exposition)
    exchanges = {each: page.value("abreast_shadow_exchanges", exchange=each) for each in EXCHANGES}
    shown = {"compared": 5, "lost": 2, "pending": 3, "sampled-out": 90, "other": 30}
    assert {name: count for name, count in exchanges.items() if count} == shown
    assert sum(exchanges.values()) == ledger.seen
    states = {each.value: page.value("abreast_findings", finding_state=each) for each in FindingState}
    assert states == {"open": 1, "accepted": 1, "resolved": 0}
    control.findings = FakeFindingsDesk(Book(stage.rollout.number + 1))
    assert "abreast_findings" not in (await scraped(exposition)).names(), "another rollout's"


async def test_alerts_that_do_not_arrive_are_counted() -> None:
    control = desk_of(await Stage.climbing()).control
    exposition = Exposition(control)
    assert "abreast_alert_channels_failing" not in (await scraped(exposition)).names(), "nobody is to be told"
    control.alerts = FakeAlerts(failing={"mailto": "refused", "slack": "no such channel"})
    assert (await scraped(exposition)).value("abreast_alert_channels_failing") == 2


async def test_the_numbers_are_those_of_the_status() -> None:
    stage = await Stage.climbing()
    await stage.serves(30, GOOD)
    control = desk_of(stage).control
    page, shown = await scraped(Exposition(control)), status(control)
    assert page.value("abreast_weight_set_ratio") == shown.weight / 10_000
    assert page.value("abreast_weight_seen_ratio") == shown.seen_share
    for gate in shown.gates:
        assert page.value("abreast_gate_proof_ratio", gate=gate.name) == pytest.approx(gate.share)
    for version in shown.versions:
        assert page.value("abreast_requests_in_flight", version=version.name) == version.in_flight
