"""What is wrong with a cluster, over a real API server's protocol."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from abreast.model.route import RouteSettings, ServicePort
from abreast.model.service import GatewaySettings, Service
from abreast.operations.cluster import cluster_findings
from abreast.operations.machine import Finding
from tests.drivers.kubernetes_stage import KubernetesStage, deployment, kubernetes_stage
from tests.fakes.gateway_api import GatewayController, reference, route, rule

ROUTE = RouteSettings("shop", (("v1", ServicePort("shop-v1", 80)), ("v2", ServicePort("shop-v2", 80))))


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[KubernetesStage]:
    async with kubernetes_stage(tmp_path) as made:
        made.cluster.write("deployments", deployment("shop-v1"))
        yield made


def service(stage: KubernetesStage, settings: RouteSettings | None = ROUTE) -> Service:
    versions = (stage.adopted("shop-v1"), stage.version("v2"))
    return Service("shop", versions, "v1", gateway=GatewaySettings(route=settings))


async def findings(stage: KubernetesStage, examined: Service | None = None) -> dict[str, str]:
    """State by sentence; whatever is no praise has a remedy."""
    found: list[Finding] = await cluster_findings(examined or service(stage), stage.environ, stage.folder)
    assert all(each.remedy for each in found if each.state != "ok")
    return {each.what: each.state for each in found}


async def test_all_is_well(stage: KubernetesStage) -> None:
    stage.cluster.write("httproutes", route(rule(reference("shop-v1"))))
    GatewayController(stage.cluster).look()
    assert await findings(stage) == {
        f"{stage.url} answers, and allows what is needed in namespace default": "ok",
        "Deployment default/shop-v1 is there": "ok",
        "HTTPRoute default/shop is accepted by all its parents": "ok",
    }
    assert stage.cluster.writes == []


async def test_what_is_not_there_is_named(stage: KubernetesStage) -> None:
    stage.cluster.remove("deployments", "default", "shop-v1")
    found = await findings(stage)
    assert found["Deployment default/shop-v1 is not there"] == "fault"
    assert found["HTTPRoute default/shop is not there"] == "fault"


async def test_rights_that_are_missing_are_listed_at_once(stage: KubernetesStage) -> None:
    stage.cluster.denied = {("update", "deployments/scale"), ("patch", "httproutes"), ("delete", "deployments")}
    found = await findings(stage)
    words = "delete deployments, update deployments/scale, patch httproutes"
    assert found[f"not allowed in namespace default: {words}"] == "fault"


async def test_only_what_is_needed_is_asked_for(stage: KubernetesStage) -> None:
    stage.cluster.denied = {("create", "deployments"), ("patch", "httproutes")}
    adopting = replace(service(stage, None), versions=(stage.adopted("shop-v1"),))
    assert set((await findings(stage, adopting)).values()) == {"ok"}


async def test_what_the_routes_gateways_say_is_told(stage: KubernetesStage) -> None:
    controller = GatewayController(stage.cluster)
    controller.asleep = True
    stage.cluster.write("httproutes", route(rule(reference("shop-v1"))))
    controller.look()
    assert (await findings(stage))["HTTPRoute default/shop: not every parent has accepted it yet"] == "warning"
    controller.asleep, controller.refusal = False, ("BackendNotFound", "no Service shop-v1")
    controller.look()
    words = "Gateway public says ResolvedRefs=False: BackendNotFound: no Service shop-v1"
    assert (await findings(stage))[f"HTTPRoute default/shop: {words}"] == "fault"


async def test_a_server_that_is_away_is_one_fault(stage: KubernetesStage) -> None:
    stage.cluster.cut = True
    found = await findings(stage)
    assert list(found.values()) == ["fault"]
    assert next(iter(found)).startswith("the API server of the cluster: ")


async def test_without_a_way_to_a_cluster_it_says_what_to_do(stage: KubernetesStage) -> None:
    found = await cluster_findings(service(stage), {"KUBECONFIG": str(stage.folder / "none")}, stage.folder)
    assert [each.state for each in found] == ["fault"]
    assert "KUBECONFIG" in found[0].remedy


async def test_a_service_without_a_cluster_needs_none(stage: KubernetesStage) -> None:
    nothing = replace(service(stage, None), versions=())
    assert await findings(stage, nothing) == {}
