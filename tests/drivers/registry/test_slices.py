"""Endpoints out of EndpointSlices, from a fake cluster over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import kubernetes_validate
import pytest
import yaml

from abreast.drivers.registry.found import Found, NoAnswerError
from abreast.drivers.registry.slices import SlicesOfService
from abreast.model.registry import ServiceSlices
from tests.drivers.kubernetes_stage import KubernetesStage, kubernetes_stage
from tests.fakes.cluster import KUBERNETES, Object
from tests.process.programs import until

DEPLOY = Path(__file__).parents[3] / "deploy" / "kubernetes"

READY: Object = {"ready": True, "serving": True, "terminating": False}
UNREADY: Object = {"ready": False, "serving": False, "terminating": False}
ENDING: Object = {"ready": False, "serving": True, "terminating": True}
GONE: Object = {"ready": False, "serving": False, "terminating": True}
HTTP: Object = {"name": "http", "port": 8080, "protocol": "TCP"}
SHOP = ServiceSlices("shop")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[KubernetesStage]:
    async with kubernetes_stage(tmp_path) as made:
        yield made


def write(
    stage: KubernetesStage,
    name: str,
    *told: tuple[str, Object | None],
    family: str = "IPv4",
    **fields: Any,  # noqa: ANN401  # of each field its own type
) -> None:
    """Write a slice of the Service shop, or of another one, with these endpoints."""
    service = fields.pop("service", "shop")
    found = {
        "metadata": {
            "name": name,
            "namespace": fields.pop("namespace", "default"),
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": family,
        "ports": [HTTP],
        "endpoints": [
            {"addresses": [address], **({"conditions": conditions} if conditions is not None else {})}
            for address, conditions in told
        ],
        **fields,
    }
    kubernetes_validate.validate(
        {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", **found}, KUBERNETES, strict=True
    )
    stage.cluster.write("endpointslices", found)


def asking(stage: KubernetesStage, place: ServiceSlices = SHOP) -> SlicesOfService:
    nowhere = stage.folder / "nowhere"
    return SlicesOfService(
        place, stage.clock, Random(1), environ=stage.environ, service_account=nowhere, timing=stage.timing
    )


async def ask_once(stage: KubernetesStage, place: ServiceSlices = SHOP) -> Found:
    source = asking(stage, place)
    try:
        return await asyncio.wait_for(source.ask(), 10)
    finally:
        await source.close()


def texts(found: Found) -> list[str]:
    return [str(each) for each in found.endpoints]


async def test_what_is_ready_in_all_slices_of_the_service_are_endpoints(stage: KubernetesStage) -> None:
    write(stage, "shop-a", ("10.0.0.1", READY), ("10.0.0.2", UNREADY), ("10.0.0.3", None))
    write(stage, "shop-b", ("10.0.0.4", READY), ("10.0.0.1", READY), ("10.0.0.5", ENDING))
    write(stage, "other-a", ("10.0.0.9", READY), service="other")
    write(stage, "shop-c", ("10.0.0.8", READY), namespace="prod")
    assert texts(await ask_once(stage)) == ["10.0.0.1:8080", "10.0.0.3:8080", "10.0.0.4:8080"], "each once"
    assert texts(await ask_once(stage, ServiceSlices("shop", "prod"))) == ["10.0.0.8:8080"]


async def test_of_two_families_ipv4_counts_and_ipv6_where_there_is_no_other(stage: KubernetesStage) -> None:
    write(stage, "shop-six", ("fd00::1", READY), family="IPv6")
    assert texts(await ask_once(stage)) == ["[fd00::1]:8080"]
    write(stage, "shop-four", ("10.0.0.1", READY))
    assert texts(await ask_once(stage)) == ["10.0.0.1:8080"]


async def test_those_that_end_and_serve_are_better_than_nobody(stage: KubernetesStage) -> None:
    write(stage, "shop-a", ("10.0.0.1", ENDING), ("10.0.0.2", GONE), ("10.0.0.3", UNREADY))
    assert texts(await ask_once(stage)) == ["10.0.0.1:8080"]
    write(stage, "shop-a", ("10.0.0.2", GONE), ("10.0.0.3", UNREADY))
    assert await ask_once(stage) == Found((), "no pod of it is ready")


WEB: Object = {"name": "web", "port": 80}
METRICS: Object = {"name": "metrics", "port": 9090}
DNS: Object = {"name": "dns", "port": 53, "protocol": "UDP"}


@pytest.mark.parametrize(
    ("ports", "wanted", "endpoint"),
    [
        ([WEB, METRICS], "metrics", "10.0.0.1:9090"),
        ([WEB, METRICS], 80, "10.0.0.1:80"),
        ([WEB, DNS], None, "10.0.0.1:80"),
        ([{"port": 80}], None, "10.0.0.1:80"),
        ([], 8080, "10.0.0.1:8080"),
    ],
)
async def test_a_port_is_taken_by_name_by_number_or_as_the_only_one(
    stage: KubernetesStage, ports: list[Object], wanted: str | int | None, endpoint: str
) -> None:
    write(stage, "shop-a", ("10.0.0.1", READY), ports=ports)
    assert texts(await ask_once(stage, ServiceSlices("shop", port=wanted))) == [endpoint]


@pytest.mark.parametrize(
    ("fields", "wanted", "why"),
    [
        ({"ports": [WEB, METRICS]}, None, "its TCP ports are web (80), metrics (9090): write `port`"),
        ({"ports": [WEB, DNS]}, "http", "it has no TCP port http; there is: web (80)"),
        ({"ports": [DNS]}, 53, "it has no TCP port 53; there is: none"),
        ({"ports": []}, None, "its TCP ports are none"),
        ({"family": "FQDN"}, None, "its addresses are of the type FQDN, not IPv4 or IPv6"),
    ],
)
async def test_a_slice_that_does_not_fit_is_left_out_with_the_reason(
    stage: KubernetesStage, fields: dict[str, Any], wanted: str | int | None, why: str
) -> None:
    write(stage, "shop-a", ("10.0.0.1", READY), **fields)
    found = await ask_once(stage, ServiceSlices("shop", port=wanted))
    assert found.endpoints == ()
    assert found.detail.startswith("shop-a: ")
    assert why in found.detail


async def test_an_address_that_is_none_is_left_out_with_its_pod(stage: KubernetesStage) -> None:
    odd = {"addresses": ["shop.internal"], "targetRef": {"kind": "Pod", "name": "shop-7"}}
    write(stage, "shop-a", endpoints=[odd, {"addresses": ["10.0.0.1"]}])
    found = await ask_once(stage)
    assert texts(found) == ["10.0.0.1:8080"]
    assert found.detail == "shop-7: 'shop.internal' is no IP address"


async def test_without_any_slice_it_says_why_that_may_be(stage: KubernetesStage) -> None:
    found = await ask_once(stage)
    assert found.endpoints == ()
    assert "there is no such Service in the namespace" in found.detail


async def test_changes_are_heard_by_a_watch_also_of_slices_that_come_and_go(stage: KubernetesStage) -> None:
    write(stage, "shop-a", ("10.0.0.1", READY))
    source = asking(stage)
    assert texts(await source.ask()) == ["10.0.0.1:8080"]
    waiting = asyncio.create_task(source.ask())
    write(stage, "shop-b", ("10.0.0.2", READY))
    assert texts(await asyncio.wait_for(waiting, 5)) == ["10.0.0.1:8080", "10.0.0.2:8080"]
    stage.cluster.remove("endpointslices", "default", "shop-a")
    assert texts(await asyncio.wait_for(source.ask(), 5)) == ["10.0.0.2:8080"]
    assert stage.cluster.count("GET", "endpointslices") == 1, "listed once"
    await source.close()


async def test_a_server_that_is_away_or_refuses_is_no_answer_and_what_it_says_next_is(stage: KubernetesStage) -> None:
    write(stage, "shop-a", ("10.0.0.1", READY))
    stage.fail(503, "GET", "endpointslices")
    source = asking(stage)
    with pytest.raises(NoAnswerError, match=r"the API server http://127.0.0.1:\d+: 503"):
        await asyncio.wait_for(source.ask(), 5)
    assert texts(await asyncio.wait_for(source.ask(), 5)) == ["10.0.0.1:8080"]
    await source.close()
    stage.fail(403, "GET", "endpointslices", reason="Forbidden")
    with pytest.raises(NoAnswerError, match="403"):
        await ask_once(stage)


async def test_a_history_that_is_compacted_is_read_anew(stage: KubernetesStage) -> None:
    write(stage, "shop-a", ("10.0.0.1", READY))
    source = asking(stage)
    await source.ask()
    stage.cluster.forget()
    stage.cluster.end_watches()
    write(stage, "shop-a", ("10.0.0.2", READY))
    async with asyncio.timeout(10):
        while texts(await source.ask()) != ["10.0.0.2:8080"]:
            pass
    await source.close()


async def test_no_way_to_a_cluster_is_no_answer_until_there_is_one(stage: KubernetesStage) -> None:
    write(stage, "shop-a", ("10.0.0.1", READY))
    kubeconfig = stage.folder / "kubeconfig"
    written = kubeconfig.read_text()
    kubeconfig.unlink()
    source = asking(stage)
    with pytest.raises(NoAnswerError, match="kubeconfig"):
        await source.ask()
    kubeconfig.write_text(written)
    assert texts(await asyncio.wait_for(source.ask(), 5)) == ["10.0.0.1:8080"]
    await source.close()


async def test_it_needs_the_rights_of_the_component_and_no_others(stage: KubernetesStage) -> None:
    source = asking(stage)
    await source.ask()
    await until(lambda: stage.cluster.count("GET", "endpointslices", watch=True))
    await source.close()
    role, _ = yaml.safe_load_all((DEPLOY / "endpoints" / "rbac.yaml").read_text())
    kubernetes_validate.validate(role, KUBERNETES, strict=True)
    (rule,) = role["rules"]
    asked = {(each.resource.group, each.resource.plural) for each in stage.cluster.asked if each.resource is not None}
    assert asked == {(rule["apiGroups"][0], rule["resources"][0])}
    verbs = {"watch" if each.params.get("watch") == "true" else "list" for each in stage.cluster.asked}
    assert {each.method.value for each in stage.cluster.asked} == {"GET"}
    assert verbs == set(rule["verbs"])


async def test_too_many_are_no_answer(stage: KubernetesStage) -> None:
    for block in range(11):
        addresses = [(f"10.{block}.0.{number}", READY) for number in range(1, 100)]
        write(stage, f"shop-{block}", *addresses)
    with pytest.raises(NoAnswerError, match="1,089 endpoints, more than 1,000"):
        await ask_once(stage)
