"""An HTTPRoute as a gateway, over a real API server's protocol."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from abreast.drivers.route_gateway import UNHEARD_S, RouteGateway
from abreast.drivers.timing import Timing
from abreast.model.errors import DriverError
from abreast.model.route import RouteSettings, ServicePort
from abreast.model.traffic import Split
from abreast.rollout.observed import NodeState
from tests.drivers.kubernetes_stage import KubernetesStage, kubernetes_stage
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import Object
from tests.fakes.gateway_api import GatewayController, reference, route, rule
from tests.process.programs import until

SERVICES = (("v1", ServicePort("shop-v1", 80)), ("v2", ServicePort("shop-v2", 80)))
SETTINGS = RouteSettings("shop", SERVICES)
SPLIT = Split("v1", "v2", 1000, "salt")


@dataclass
class RouteStage:
    """A cluster with a route and a controller, and gateways over it."""

    stage: KubernetesStage
    controller: GatewayController
    made: list[RouteGateway] = field(default_factory=list)

    async def gateway(self, settings: RouteSettings = SETTINGS) -> RouteGateway:
        stage = self.stage
        made = RouteGateway(
            settings,
            stage.clock,
            stage._changed,
            stage.said.append,
            environ=stage.environ,
            service_account=stage.folder / "nowhere",
            random=Random(1),
            timing=stage.timing,
        )
        self.made.append(made)
        await made.start()
        return made

    def write(self, *rules: Object) -> None:
        self.stage.cluster.write("httproutes", route(*rules))
        self.controller.look()

    @property
    def route(self) -> Object:
        return self.stage.cluster.objects["httproutes", "default", "shop"]

    @property
    def weights(self) -> dict[str, int]:
        return {each["name"]: each["weight"] for each in self.route["spec"]["rules"][-1]["backendRefs"]}

    @property
    def writes(self) -> int:
        return sum(verb == "merge" for verb, *_ in self.stage.cluster.writes)

    def meddle(self, manager: str = "kubectl-edit") -> None:
        found = route(rule(reference("shop-v1", weight=1), reference("shop-v2", weight=1)))
        found["metadata"]["managedFields"] = [
            {"manager": "abreast", "time": "2026-01-02T00:00:00Z"},
            {"manager": manager, "time": "2026-01-01T00:00:00Z"},
            {"manager": "envoy", "subresource": "status", "time": "2026-01-03T00:00:00Z"},
        ]
        self.stage.cluster.write("httproutes", found)
        self.controller.look()


@pytest.fixture
async def routed(tmp_path: Path) -> AsyncIterator[RouteStage]:
    async with kubernetes_stage(tmp_path) as stage:
        made = RouteStage(stage, GatewayController(stage.cluster))
        made.write(rule(reference("shop-v1"), matches=[{"path": {"type": "PathPrefix", "value": "/"}}]))
        yield made
        for each in made.made:
            await each.close()


def obeys(gateway: RouteGateway, split: Split = SPLIT) -> Callable[[], bool]:
    return lambda: [each.acked for each in gateway.nodes()] == [split]


def node(gateway: RouteGateway) -> NodeState:
    (found,) = gateway.nodes()
    return found


async def test_a_split_is_written_and_acknowledged_by_the_gateways(routed: RouteStage) -> None:
    gateway = await routed.gateway()
    assert node(gateway) == NodeState("HTTPRoute default/shop", None, connected=True)
    gateway.publish(SETTINGS, SPLIT, "hush")
    await until(obeys(gateway))
    assert gateway.settled()
    assert routed.weights == {"shop-v1": 9000, "shop-v2": 1000}
    assert routed.route["spec"]["hostnames"] == ["shop.example"]
    gateway.publish(SETTINGS, SPLIT, "hush")
    assert gateway.settled()
    assert routed.writes == 1


async def test_it_is_not_acknowledged_before_the_gateways_have_said_so(routed: RouteStage) -> None:
    gateway = await routed.gateway()
    routed.controller.asleep = True
    gateway.publish(SETTINGS, SPLIT, "hush")
    await until(lambda: routed.weights.get("shop-v2") == 1000)
    assert node(gateway).acked is None
    assert not gateway.settled()
    routed.controller.asleep = False
    routed.controller.look()
    await until(obeys(gateway))


async def test_gateways_that_say_nothing_are_named_after_a_while(tmp_path: Path) -> None:
    clock = FakeClock()
    async with kubernetes_stage(tmp_path, clock) as stage:
        stage.timing = Timing()
        routed = RouteStage(stage, GatewayController(stage.cluster))
        routed.controller.asleep = True
        routed.write(rule(reference("shop-v1", weight=9000), reference("shop-v2", weight=1000)))
        gateway = await routed.gateway()
        gateway.publish(SETTINGS, SPLIT, "hush")
        await until(lambda: gateway._stood is not None)
        assert node(gateway).nack == ""
        await clock.advance(UNHEARD_S + 1)
        assert "no gateway has said for 11 s" in node(gateway).nack
        await gateway.close()


async def test_a_refusal_is_the_nodes_and_an_event_until_it_is_mended(routed: RouteStage) -> None:
    routed.controller.refusal = ("BackendNotFound", 'Service "shop-v2" not found')
    gateway = await routed.gateway()
    gateway.publish(SETTINGS, SPLIT, "hush")
    await until(lambda: node(gateway).nack)
    words = 'Gateway public says ResolvedRefs=False: BackendNotFound: Service "shop-v2" not found'
    assert node(gateway).nack == f"HTTPRoute default/shop: {words}"
    assert routed.stage.said == [f"HTTPRoute default/shop: {words}"]
    routed.controller.refusal = None
    routed.controller.look()
    await until(obeys(gateway))
    assert node(gateway).nack == ""


async def test_somebody_elses_change_is_put_back_and_told(routed: RouteStage) -> None:
    gateway = await routed.gateway()
    gateway.publish(SETTINGS, SPLIT, "hush")
    await until(obeys(gateway))
    routed.meddle()
    await until(lambda: routed.weights == {"shop-v1": 9000, "shop-v2": 1000})
    await until(obeys(gateway))
    told = "kubectl-edit changed the weights of HTTPRoute default/shop (v1 1, v2 1); they are put back"
    assert routed.stage.said == [told]
    routed.meddle()
    await until(lambda: routed.weights == {"shop-v1": 9000, "shop-v2": 1000})
    assert routed.stage.said == [told]  # who goes on is told of once a minute


async def test_an_order_does_not_wait_for_who_is_put_off(tmp_path: Path) -> None:
    clock = FakeClock()
    async with kubernetes_stage(tmp_path, clock) as stage:
        stage.timing = Timing()
        routed = RouteStage(stage, GatewayController(stage.cluster))
        routed.write(rule(reference("shop-v1")))
        gateway = await routed.gateway()
        gateway.publish(SETTINGS, SPLIT, "hush")
        await until(obeys(gateway))
        routed.meddle()
        await until(lambda: routed.weights.get("shop-v2") == 1000 and clock.sleepers)
        back = Split("v1", "v2", 0, "salt")
        gateway.publish(SETTINGS, back, "hush")
        await until(obeys(gateway, back))
        assert routed.weights == {"shop-v1": 10_000, "shop-v2": 0}
        await gateway.close()


async def test_a_change_in_between_is_read_and_kept(routed: RouteStage) -> None:
    gateway = await routed.gateway()

    def somebody() -> None:
        found = route(rule(reference("shop-v1"), timeouts={"request": "3s"}))
        routed.stage.cluster.write("httproutes", found)

    routed.stage.fail(409, "PATCH", "httproutes", times=2, before=somebody)
    gateway.publish(SETTINGS, SPLIT, "hush")
    await until(obeys(gateway))
    assert routed.route["spec"]["rules"][0]["timeouts"] == {"request": "3s"}
    assert routed.weights == {"shop-v1": 9000, "shop-v2": 1000}


async def test_every_write_names_the_version_that_it_is_about(routed: RouteStage) -> None:
    gateway = await routed.gateway()
    read = routed.route["metadata"]["resourceVersion"]
    gateway.publish(SETTINGS, SPLIT, "hush")
    await until(obeys(gateway))
    (written,) = [body for verb, *_, body in routed.stage.cluster.writes if verb == "merge"]
    assert written["metadata"] == {"resourceVersion": read}
    assert set(written["spec"]) == {"rules"}


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_server_that_cannot_now_is_asked_again(routed: RouteStage, status: int) -> None:
    gateway = await routed.gateway()
    routed.stage.fail(status, "PATCH", "httproutes", times=2, headers={"Retry-After": "0"})
    gateway.publish(SETTINGS, SPLIT, "hush")
    await until(obeys(gateway))
    assert routed.weights == {"shop-v1": 9000, "shop-v2": 1000}


async def test_a_refused_write_is_told_and_tried_again(routed: RouteStage) -> None:
    gateway = await routed.gateway()
    refused = routed.stage.fail(403, "PATCH", "httproutes", times=1, reason="Forbidden")
    gateway.publish(SETTINGS, SPLIT, "hush")
    await until(lambda: not refused.times)
    await until(lambda: routed.stage.said)
    assert "403" in routed.stage.said[0]
    await until(obeys(gateway))


async def test_a_forgotten_watch_lists_anew(routed: RouteStage) -> None:
    gateway = await routed.gateway()
    gateway.publish(SETTINGS, SPLIT, "hush")
    await until(obeys(gateway))
    routed.stage.cluster.forget()
    routed.stage.cluster.end_watches()
    routed.meddle()
    await until(lambda: routed.weights == {"shop-v1": 9000, "shop-v2": 1000})


async def test_a_route_that_is_gone_is_told_and_found_again(routed: RouteStage) -> None:
    gateway = await routed.gateway()
    gateway.publish(SETTINGS, SPLIT, "hush")
    await until(obeys(gateway))
    routed.stage.cluster.remove("httproutes", "default", "shop")
    await until(lambda: "is not there" in node(gateway).nack)
    assert node(gateway).acked is None
    routed.write(rule(reference("shop-v1")))
    await until(obeys(gateway))
    assert routed.weights == {"shop-v1": 9000, "shop-v2": 1000}


async def test_a_route_that_may_not_be_read_is_told(routed: RouteStage) -> None:
    routed.stage.fail(403, "GET", "httproutes", times=1000)
    gateway = await routed.gateway()
    gateway.publish(SETTINGS, SPLIT, "hush")
    await until(lambda: "403" in node(gateway).nack)
    assert not node(gateway).connected


async def test_who_starts_again_finds_what_stands_there_and_writes_nothing(routed: RouteStage) -> None:
    first = await routed.gateway()
    first.publish(SETTINGS, SPLIT, "hush")
    await until(obeys(first))
    await first.close()
    assert routed.weights == {"shop-v1": 9000, "shop-v2": 1000}
    again = await routed.gateway()
    assert routed.weights == {"shop-v1": 9000, "shop-v2": 1000}
    again.publish(SETTINGS, SPLIT, "hush")
    await until(obeys(again))
    assert routed.writes == 1


async def test_a_server_that_is_away_leaves_users_where_they_are_and_hears_the_order_later(tmp_path: Path) -> None:
    clock = FakeClock()
    async with kubernetes_stage(tmp_path, clock) as stage:
        stage.timing = Timing()
        routed = RouteStage(stage, GatewayController(stage.cluster))
        routed.write(rule(reference("shop-v1")))
        gateway = await routed.gateway()
        gateway.publish(SETTINGS, SPLIT, "hush")
        await until(obeys(gateway))
        stage.cluster.cut = True
        stage.cluster.end_watches()
        back = Split("v1", "v2", 0, "salt")
        gateway.publish(SETTINGS, back, "hush")
        for _ in range(120):
            await until(lambda: clock.sleepers)
            await clock.advance(0.5)
        assert routed.weights == {"shop-v1": 9000, "shop-v2": 1000}
        assert node(gateway).acked is None
        assert not node(gateway).connected
        assert sum("does not answer" in each for each in stage.said) == 1
        stage.cluster.cut = False
        for _ in range(200):
            if obeys(gateway, back)():
                break
            await clock.advance(0.1)
            await clock.sleep(0)
        await until(obeys(gateway, back))
        assert routed.weights == {"shop-v1": 10_000, "shop-v2": 0}
        await gateway.close()


async def test_testers_rules_are_written_and_taken_away_again(routed: RouteStage) -> None:
    testing = RouteSettings("shop", SERVICES, testers=True)
    gateway = await routed.gateway(testing)
    gateway.publish(testing, SPLIT, "hush")
    await until(obeys(gateway))
    assert len(routed.route["spec"]["rules"]) == 3
    done = Split("v2")
    gateway.publish(testing, done, "hush")
    await until(obeys(gateway, done))
    assert len(routed.route["spec"]["rules"]) == 1
    assert routed.weights == {"shop-v1": 0, "shop-v2": 10_000}


def test_without_a_way_to_a_cluster_there_is_no_gateway(tmp_path: Path) -> None:
    environ = {"KUBECONFIG": str(tmp_path / "none")}
    with pytest.raises(DriverError, match="no way to a Kubernetes cluster"):
        RouteGateway(SETTINGS, FakeClock(), lambda: None, lambda _: None, environ=environ, service_account=tmp_path)
