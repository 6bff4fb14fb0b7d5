"""What is wrong with a set-up: each finding with its cause and a remedy."""

import asyncio

import pytest

from abreast.findings.book import Book
from abreast.findings.ledger import Ledger
from abreast.model.errors import StoreError
from abreast.model.registry_state import RegistryState
from abreast.model.rollout import Phase
from abreast.operations.control import ServerStatus
from abreast.operations.doctor import SILENCE_S, examine
from abreast.operations.machine import Finding
from tests.controller.stage import FULL, Stage
from tests.fakes.alerts import FakeAlerts
from tests.fakes.findings_desk import FakeFindingsDesk
from tests.fakes.fleet import FakeFleet
from tests.operations.desk import desk_of, running
from tests.rollout.play import serving, under_way


def wrong(stage: Stage) -> list[Finding]:
    """Everything that is not well, the machine's own findings left out."""
    ours = examine(desk_of(stage).control)[: -len(MACHINE)]
    return [finding for finding in ours if finding.state != "ok"]


MACHINE = ("descriptors", "shared memory", "disk")


async def traffic(stage: Stage) -> None:
    """Users on both sides."""
    stage.clock.time += SILENCE_S
    stage.counts.add("v1", {200: 90})
    stage.counts.add("v2", {200: 10})
    await stage.settle()


async def test_a_healthy_set_up_has_no_findings_but_good_ones() -> None:
    stage = await Stage.climbing()
    await traffic(stage)
    findings = examine(desk_of(stage).control)
    assert [each.what for each in findings if each.state == "ok"][:5] == [
        "v1: 2 of 2 instances are ready",
        "v2: 2 of 2 instances are ready",
        "gateway-1 obeys: 10 % on v2",
        "gateway-2 obeys: 10 % on v2",
        "the store can be written",
    ]
    assert wrong(stage) == []
    assert len(findings) == 5 + len(MACHINE)


async def test_every_finding_that_is_not_good_has_a_remedy() -> None:
    stage = await Stage.climbing()
    stage.driver.sick.add("v2")
    stage.gateway.refusals["gateway-1"] = "no such cluster"
    stage.gateway.lost.add("gateway-2")
    stage.actor.hopeless["v3"] = "no such command"
    stage.clock.time += SILENCE_S
    findings = wrong(stage)
    assert len(findings) >= 5
    assert all(finding.remedy for finding in findings)


async def test_an_instance_that_is_not_ready_is_named_with_its_probe() -> None:
    stage = await Stage.climbing()
    await traffic(stage)
    stage.driver.sick.add("v2")
    first, second = wrong(stage)
    assert (first.state, second.state) == ("fault", "fault"), "none of the candidate's is ready"
    assert first.what == "v2-1 is unready: GET / answered 503, 3 times in a row"
    assert first.remedy.startswith("its probe is: GET /healthz on 127.0.0.1:")


async def test_an_instance_beside_a_ready_one_only_endangers() -> None:
    stage = await Stage.climbing()
    await traffic(stage)
    stage.driver.start_s = 10.0
    stage.driver.kill("v2-1")
    (finding,) = wrong(stage)
    assert (finding.state, finding.what) == ("warning", "v2-1 is failed: killed by SIGKILL")


async def test_an_instance_that_only_starts_is_no_fault() -> None:
    stage = await Stage.at(serving())
    stage.driver.start_s = 10.0
    await stage.order("start")
    findings = [each for each in wrong(stage) if each.what.startswith("v2-")]
    assert [(each.state, each.what) for each in findings] == [
        ("warning", "v2-1 is starting: started"),
        ("warning", "v2-2 is starting: started"),
    ]


async def test_an_instance_that_is_meant_to_end_is_no_finding() -> None:
    stage = await Stage.at(serving())
    stage.driver.stop_s = 10.0
    version = stage.actor.service.version("v3")
    assert version is not None
    await stage.driver.run(version)
    await stage.settle()
    assert any(each.version == "v3" for each in stage.driver.instances())
    assert wrong(stage) == []


async def test_a_version_that_cannot_be_started_is_named() -> None:
    stage = await Stage.at(serving())
    stage.driver.hopeless.add("v2")
    await stage.order("start")
    assert Finding(
        "fault", "v2 cannot be started: there is no command for 'v2'", "mend the spec, then: abreast retry"
    ) in (wrong(stage))


class TestGateways:
    """Envoys that are not there, do not hear, or refuse."""

    async def test_none(self) -> None:
        stage = await Stage.at(serving())
        stage.gateway.names = ()
        (finding,) = wrong(stage)
        assert (finding.state, finding.what) == ("fault", "no Envoy is running")

    async def test_one_that_refuses(self) -> None:
        stage = await Stage.at(serving())
        stage.gateway.refusals["gateway-2"] = "no such cluster: v1"
        (finding,) = wrong(stage)
        assert (finding.state, finding.what) == ("fault", "gateway-2 refuses its snapshot: no such cluster: v1")

    async def test_one_that_is_away(self) -> None:
        stage = await Stage.at(serving())
        stage.gateway.lost.add("gateway-1")
        (finding,) = wrong(stage)
        assert finding.state == "warning"
        assert finding.what == "gateway-1 is not connected; it goes on with its last snapshot"

    async def test_one_that_lags_behind(self) -> None:
        stage = await Stage.climbing()
        await traffic(stage)
        stage.gateway.deaf.add("gateway-1")
        await stage.order("abort")
        (finding,) = wrong(stage)
        assert (finding.state, finding.what) == ("warning", "gateway-1 has not yet acknowledged the present snapshot")


async def test_a_candidate_that_gets_no_requests_is_a_fault_with_its_cause() -> None:
    stage = await Stage.climbing()
    stage.clock.time += SILENCE_S
    stage.counts.add("v1", {200: 90})
    (finding,) = wrong(stage)
    assert finding.state == "fault"
    assert finding.what.startswith("v2 got no request for 7 s although its weight is 10 %: v1 had 90; the users seen")


async def test_a_store_that_cannot_be_written_is_a_fault_until_it_can() -> None:
    stage = await Stage.climbing()
    await traffic(stage)
    stage.store.broken = FULL
    refused = await asyncio.gather(stage.order("pause"), return_exceptions=True)
    assert isinstance(refused[0], StoreError)
    assert wrong(stage) == [Finding("fault", FULL.message, FULL.remedy)]
    stage.store.broken = None
    await stage.settle()
    assert wrong(stage) == []


@pytest.mark.parametrize("phase", Phase)
async def test_it_can_be_asked_in_every_phase(phase: Phase) -> None:
    assert examine(desk_of(await Stage.at(under_way(phase))).control)


async def test_shadowing_by_one_instance_of_stable_and_with_losses_is_a_warning_each() -> None:
    stage = await Stage.climbing(shadow=2000)
    await traffic(stage)
    control = desk_of(stage).control
    control.findings = FakeFindingsDesk(Book(1), Ledger(seen=50, compared=30, lost=20, captured=50, decided=30))
    found = [each.what for each in examine(control) if each.state == "warning"]
    assert found == ["20 of 50 copies were lost on the way to a relay, or with it"]
    stage.driver.kill("v1-2")
    control.findings = FakeFindingsDesk(Book(1), Ledger(seen=50, skipped={"no-candidate": 50}, captured=50, decided=50))
    found = [each.what for each in examine(control) if each.state != "ok"]
    assert "no answers are compared: no-candidate 50" in found
    assert any(each.startswith("v1 has one ready instance, so its control is itself") for each in found)


async def test_alerts_that_do_not_arrive_are_a_warning_each() -> None:
    alerts = FakeAlerts(failing={"slack://…": "it answered 503", "mailto://…": "no answer within 15 s"})
    async with running(under_way(Phase.PROGRESSING)) as desk:
        assert not any("alerts" in each.what for each in examine(desk.control))
        desk.control.alerts = alerts
        told = [each for each in examine(desk.control) if "alerts" in each.what]
        assert [(each.state, each.what) for each in told] == [
            ("warning", "alerts do not reach slack://…: it answered 503"),
            ("warning", "alerts do not reach mailto://…: no answer within 15 s"),
        ]
        assert all("`alerts` of the spec" in each.remedy for each in told)
        alerts.failing.clear()
        told = [each for each in examine(desk.control) if "alerts" in each.what]
        assert [(each.state, each.what) for each in told] == [("ok", "alerts arrive, or none was to be sent")]


async def test_registries_and_the_spec_in_etcd_are_looked_at() -> None:
    stage = await Stage.climbing()
    control = desk_of(stage).control
    assert not [each for each in examine(control) if "etcd" in each.what]
    control.registries = lambda: (RegistryState("v2", "etcd prefix /v2/", (), failure="refused"),)
    control.spec_trouble = lambda: "etcd://h/shop: the key is gone"
    told = [(each.state, each.what) for each in examine(control) if "etcd" in each.what]
    assert told == [
        ("fault", "v2: etcd prefix /v2/ does not answer: refused; no endpoint is known"),
        ("fault", "the spec in etcd is not in force: etcd://h/shop: the key is gone"),
    ]


def seen(name: str, silent_s: float, *, decides: bool) -> ServerStatus:
    """A server of a fleet; one that is silent for more than a few seconds is lost."""
    return ServerStatus(name, decides, silent_s, lost=silent_s > 5)


class TestServers:
    """Of a fleet: who decides, and who is silent."""

    @staticmethod
    async def told(*servers: ServerStatus) -> list[tuple[str, str]]:
        control = desk_of(await Stage.climbing()).control
        control.fleet = FakeFleet(servers)
        return [(each.state, each.what) for each in examine(control) if "server" in each.what]

    async def test_who_decides_is_well(self) -> None:
        told = await self.told(
            seen("a", 0.0, decides=True),
            seen("b", 0.4, decides=False),
        )
        assert told == [("ok", "a decides, of 2 servers")]

    async def test_nobody_deciding_is_a_fault(self) -> None:
        told = await self.told(
            seen("a", 0.0, decides=False),
            seen("b", 0.4, decides=False),
        )
        assert told == [("fault", "none of 2 servers decides: users are served, nothing moves")]

    async def test_a_silent_one_and_one_without_a_second_are_warnings(self) -> None:
        told = await self.told(
            seen("a", 0.0, decides=True),
            seen("b", 61.2, decides=False),
        )
        assert told == [
            ("ok", "a decides, of 2 servers"),
            ("warning", "server b has been silent for 61 s; its Envoy goes on as it was told last"),
            ("warning", "there is one server: nobody takes over from it"),
        ]

    async def test_without_a_fleet_nothing_is_said(self) -> None:
        assert [each for each in examine(desk_of(await Stage.climbing()).control) if "server" in each.what] == []

    async def test_a_silent_gateway_is_named_with_how_to_forget_it(self) -> None:
        control = desk_of(await Stage.climbing()).control
        gateways = [ServerStatus("g1", decides=False, silent_s=12.0, lost=True), seen("g2", 0.3, decides=False)]
        control.fleet = FakeFleet([seen("a", 0.0, decides=True), seen("b", 0.4, decides=False)], gateways=gateways)
        (found,) = [each for each in examine(control) if "gateway g" in each.what]
        assert found.what == "gateway g1 has been silent for 12 s; it serves as it was told last"
        assert "abreast join-token g1 --revoke" in found.remedy
