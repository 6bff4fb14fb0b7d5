"""Somebody else's gateway as the control plane has it, and a whole rollout through one."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from abreast.app.front import ROTATE_S, RouteFront, keep_log
from abreast.app.ground import lay_ground
from abreast.app.up import up
from abreast.clock import SystemClock
from abreast.model.errors import GatewayError
from abreast.model.rollout import Phase
from abreast.model.service import Service
from abreast.operations.commands import Order, give
from abreast.rollout.observed import Verb
from abreast.spec_source import load_spec
from abreast.state_dir import StateDir
from tests.drivers.kubernetes_stage import KubernetesStage, deployment, kubernetes_stage
from tests.fakes.clock import FakeClock
from tests.fakes.gateway_api import GatewayController, reference, route, rule
from tests.process.programs import until


def written(directory: Path, **more: Any) -> Path:  # noqa: ANN401  # a spec's keys
    services = {"v1": "shop-v1:80", "v2": "shop-v2:80"}
    keys = {
        "service": "shop",
        "gateway": {"route": {"name": "shop", "backends": services}, "drain": "0s"},
        "versions": {name: {"deployment": f"shop-{name}", "instances": 1} for name in services},
        "rollout": {
            "steps": [{"weight": "12.34%", "for": "0s"}, {"approve": "look"}, {"bake": "0s"}],
            "gates": {"errors": {"watch": False}, "latency": {"watch": False}},
            "retire": {"after": "0s", "unused_for": "0s"},
        },
        **more,
    }
    file = directory / "abreast.yaml"
    file.write_text(yaml.safe_dump(keys), encoding="utf-8")
    return file


@pytest.fixture
async def stage(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[KubernetesStage]:
    async with kubernetes_stage(short_tmp) as made:
        monkeypatch.setenv("KUBECONFIG", made.environ["KUBECONFIG"])
        for name in ("shop-v1", "shop-v2"):
            made.cluster.write("deployments", deployment(name))
        made.cluster.write("httproutes", route(rule(reference("shop-v1"))))
        GatewayController(made.cluster).look()
        yield made


def weights(stage: KubernetesStage) -> dict[str, int]:
    found = stage.cluster.objects["httproutes", "default", "shop"]
    return {each["name"]: each["weight"] for each in found["spec"]["rules"][0]["backendRefs"]}


async def test_a_rollout_goes_its_way_through_somebody_elses_gateway(stage: KubernetesStage, short_tmp: Path) -> None:
    said: list[str] = []
    async with up(written(short_tmp), said.append) as running:
        assert "shop is up: HTTPRoute default/shop → v1" in said
        assert weights(stage) == {"shop-v1": 10_000}
        control = running.control

        async def order(verb: Verb, version: str | None = None) -> None:
            await give(control, Order(verb, "me", version=version))

        await order("start", "v2")
        await until(lambda: weights(stage).get("shop-v2") == 1234)
        await until(lambda: control.controller.rollout.step == 1)
        assert weights(stage) == {"shop-v1": 8766, "shop-v2": 1234}
        assert control.controller.rollout.silent is False
        await order("promote")
        await until(lambda: control.controller.rollout.phase is Phase.COMPLETED)
        assert weights(stage) == {"shop-v1": 0, "shop-v2": 10_000}
        replicas = {each["metadata"]["name"]: each["spec"]["replicas"] for each in stage.cluster.all("deployments")}
        assert replicas == {"shop-v1": 0, "shop-v2": 1}
    assert weights(stage) == {"shop-v1": 0, "shop-v2": 10_000}  # users are served when we are not there


async def test_an_abort_is_confirmed_by_the_route(stage: KubernetesStage, short_tmp: Path) -> None:
    async with up(written(short_tmp), lambda _: None) as running:
        control = running.control
        await give(control, Order("start", "me", version="v2"))
        await until(lambda: weights(stage).get("shop-v2") == 1234)
        await give(control, Order("abort", "me", "enough"))
        await until(lambda: control.controller.rollout.phase is Phase.ROLLED_BACK)
        assert weights(stage) == {"shop-v1": 10_000, "shop-v2": 0}


async def test_a_route_that_is_refused_stops_the_start(stage: KubernetesStage, short_tmp: Path) -> None:
    stage.cluster.write("httproutes", route(rule(reference("images"))))
    with pytest.raises(GatewayError, match="none of its rules refers to shop-v1:80") as caught:
        async with up(written(short_tmp), lambda _: None):
            pass
    assert "what stands in it still holds" in caught.value.remedy


@pytest.fixture
async def front(stage: KubernetesStage, short_tmp: Path) -> AsyncIterator[tuple[RouteFront, Service]]:
    spec = load_spec(written(short_tmp))
    state = StateDir.beside(short_tmp)
    state.make()
    ground = lay_ground(spec.service(), state, spec.api, SystemClock())
    assert isinstance(ground.gateway, RouteFront)
    assert await ground.gateway.start()
    yield ground.gateway, spec.service()
    await ground.gateway.close(stop=True)


async def test_what_only_our_own_gateway_can_is_refused_with_the_reason(front: tuple[RouteFront, Service]) -> None:
    gateway, service = front
    with pytest.raises(GatewayError, match="somebody else's gateway"):
        await gateway.restart()
    with pytest.raises(GatewayError, match="somebody else's gateway"):
        await gateway.own_metrics("x")
    gateway.require_free(service.gateway)
    await gateway.open()
    gateway.rotate_log()
    gateway.adopt(service.gateway)
    assert not gateway.outdated
    assert gateway.counts.recent(10.0) == {}
    assert gateway.serving(service.gateway) == "users are served by HTTPRoute default/shop"


class UnwritableLog(RouteFront):
    """A gateway whose log is looked after as often as told, and cannot be the first time."""

    def __init__(self) -> None:
        self.looks = 0

    def rotate_log(self) -> None:
        self.looks += 1
        if self.looks == 1:
            raise PermissionError(13, "Permission denied")


async def test_the_log_is_looked_after_each_minute_whatever_became_of_it_before(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, gateway = FakeClock(), UnwritableLog()
    keeping = asyncio.create_task(keep_log(clock, gateway))
    await clock.settle()
    await clock.advance(3 * ROTATE_S)
    keeping.cancel()
    assert gateway.looks == 3
    assert "cannot be rotated" in caplog.text
