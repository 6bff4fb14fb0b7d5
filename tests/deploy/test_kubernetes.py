"""What is applied to clusters: valid, at one with itself, and with the rights that are used and no others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from abreast.drivers.route_gateway import RouteGateway
from abreast.model.route import RouteSettings, ServicePort
from abreast.model.spec import parse_spec
from abreast.model.traffic import Split
from abreast.operator.resource import DEFAULT_SECRET, GROUP, VERSION
from tests.drivers.kubernetes_stage import KubernetesStage, deployment, kubernetes_stage, ready
from tests.fakes.cluster import KUBERNETES
from tests.fakes.gateway_api import GatewayController, reference, route, rule
from tests.operator.stage import fault_of, operator_stage, parallel_run
from tests.process.programs import WallClock, until
from tests.rollout.play import serving as at_rest

ROUTE = RouteSettings("shop", (("v1", ServicePort("shop-v1", 80)), ("v2", ServicePort("shop-v2", 80))))
FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
BASE = FOLDER / "base"
OPERATOR = FOLDER / "operator"
VERBS = {"PUT": "update", "DELETE": "delete", "POST": "create"}

Manifest = dict[str, Any]  # Any: YAML


def kustomization(folder: Path) -> Manifest:
    found: Manifest = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))
    return found


def manifests(folder: Path) -> Iterator[Manifest]:
    for name in kustomization(folder)["resources"]:
        yield from yaml.safe_load_all((folder / name).read_text("utf-8"))


def only(kind: str, folder: Path = BASE) -> Manifest:
    (found,) = [each for each in manifests(folder) if each["kind"] == kind]
    return found


def rights(folder: Path) -> set[tuple[str, str, str]]:
    """Group, resource and verb of each right."""
    return {
        (group, resource, verb)
        for rule in only("Role", folder)["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def used(stage: KubernetesStage) -> set[tuple[str, str, str]]:
    """What was asked of the server, as rights."""
    return {right for each in stage.cluster.asked for right in _rights_of(each)}


def _rights_of(request: Any) -> Iterator[tuple[str, str, str]]:  # noqa: ANN401  # kmock's
    resource = "/".join(filter(None, (request.resource.plural, request.subresource)))
    method = request.method.value
    if method == "PATCH":
        # Applying what is not there yet is creating it.
        yield from ((request.resource.group, resource, verb) for verb in ("create", "patch"))
    elif method == "GET":
        verb = "watch" if request.params.get("watch") else "get" if request.name else "list"
        yield request.resource.group, resource, verb
    else:
        yield request.resource.group, resource, VERBS[method]


@pytest.mark.parametrize("folder", ["base", "make", "endpoints", "route", "operator"])
def test_every_manifest_is_valid(folder: str) -> None:
    for manifest in manifests(FOLDER / folder):
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


@pytest.mark.parametrize("folder", ["base", "make", "endpoints", "route", "operator"])
def test_every_file_is_part_of_it(folder: str) -> None:
    kustomized = kustomization(FOLDER / folder)
    files = [file for made in kustomized.get("configMapGenerator", []) for file in made["files"]]
    there = {each.name for each in (FOLDER / folder).iterdir()}
    assert there == {"kustomization.yaml", *kustomized["resources"], *files}


async def test_the_rights_of_adopting_are_those_that_are_used(tmp_path: Path) -> None:
    async with kubernetes_stage(tmp_path) as stage:
        stage.cluster.write("deployments", deployment("shop-v1"))
        driver = stage.driver()
        await driver.run(stage.adopted("shop-v1"))
        await until(ready(driver))
        await driver.stop("v1")
        await until(lambda: not driver.instances())
        await driver.close(stop=True)
        assert used(stage) == rights(BASE)


async def test_the_rights_of_making_are_those_that_are_used(tmp_path: Path) -> None:
    async with kubernetes_stage(tmp_path) as stage:
        driver = stage.driver()
        await driver.run(stage.version())
        await until(ready(driver))
        await driver.run(stage.version(instances=2))
        await until(lambda: len(ready(driver)()) == 2)
        await driver.stop("v1")
        await until(lambda: not driver.instances())
        await driver.close(stop=True)
        looking = {right for right in rights(BASE) if right[1] in {"deployments", "pods"}}
        assert used(stage) == looking | rights(FOLDER / "make")


@pytest.mark.parametrize("folder", ["base", "make", "endpoints", "route"])
def test_the_rights_are_bound_to_the_gateways_account(folder: str) -> None:
    binding = only("RoleBinding", FOLDER / folder)
    assert binding["roleRef"]["name"] == only("Role", FOLDER / folder)["metadata"]["name"]
    account = only("ServiceAccount")["metadata"]["name"]
    assert [each["name"] for each in binding["subjects"]] == [account]
    assert only("StatefulSet")["spec"]["template"]["spec"]["serviceAccountName"] == account


async def test_the_rights_of_a_route_are_those_that_are_used(tmp_path: Path) -> None:
    async with kubernetes_stage(tmp_path) as stage:
        stage.cluster.write("httproutes", route(rule(reference("shop-v1"))))
        GatewayController(stage.cluster).look()
        gateway = RouteGateway(
            ROUTE, WallClock(), lambda: None, stage.said.append, environ=stage.environ, timing=stage.timing
        )
        await gateway.start()
        stage.fail(409, "PATCH", "httproutes")
        gateway.publish(ROUTE, Split("v1", "v2", 1000), "")
        await until(gateway.settled)
        await gateway.close()
        created = {("gateway.networking.k8s.io", "httproutes", "create")}  # it is merged into, never applied
        assert used(stage) - created == rights(FOLDER / "route")


async def test_the_rights_of_the_operator_are_those_that_are_used(tmp_path: Path) -> None:
    async with operator_stage(tmp_path, at_rest()) as stage:
        stage.apply(parallel_run(abortOnDelete=True))
        async with stage.operator():
            await until(lambda: stage.status().get("rollout") == 1)
            stage.delete()
            await until(lambda: not stage.stage.cluster.all("parallelruns"))
        created = {("abreast.dev", f"parallelruns{part}", "create") for part in ("", "/status")}
        assert used(stage.stage) - created == rights(OPERATOR)
    (secrets,) = [each for each in only("Role", OPERATOR)["rules"] if each["resources"] == ["secrets"]]
    assert secrets["resourceNames"] == [DEFAULT_SECRET]


def test_the_operator_runs_by_its_own_account() -> None:
    account = only("ServiceAccount", OPERATOR)["metadata"]["name"]
    pod = only("Deployment", OPERATOR)["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == account
    assert [each["name"] for each in only("RoleBinding", OPERATOR)["subjects"]] == [account]
    assert only("RoleBinding", OPERATOR)["roleRef"]["name"] == only("Role", OPERATOR)["metadata"]["name"]
    (container,) = pod["containers"]
    assert container["args"] == ["operator"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_the_custom_resource_is_what_the_operator_reads() -> None:
    crd = only("CustomResourceDefinition", OPERATOR)
    (version,) = crd["spec"]["versions"]
    names = crd["spec"]["names"]
    assert crd["metadata"]["name"] == f"{names['plural']}.{GROUP}"
    assert (crd["spec"]["group"], version["name"], names["kind"]) == (GROUP, VERSION, "ParallelRun")
    assert version["subresources"] == {"status": {}}
    described = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    assert set(described) == {"controlPlane", "candidate", "attempt", "reason", "alone", "abortOnDelete"}
    assert {each["jsonPath"].split(".")[1] for each in version["additionalPrinterColumns"]} <= {
        *("spec", "status", "metadata")
    }


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "'controlPlane' is a required property"),
        ({"controlPlane": {"url": "abreast:9090"}, "candidate": "v2"}, "does not match"),
        ({"controlPlane": {"url": "http://h/api?x"}, "candidate": "v2"}, "does not match"),
        ({"controlPlane": {"url": "http://h"}, "candidate": "V 2"}, "does not match"),
        ({"controlPlane": {"url": "http://h"}, "candidate": "v2", "attempt": 0}, "less than the minimum"),
        ({"controlPlane": {"url": "http://h"}, "candidate": "v2", "wait": True}, "'wait' was unexpected"),
    ],
)
def test_a_parallel_run_that_is_none_is_refused_by_the_schema(spec: Manifest, message: str) -> None:
    assert message in fault_of("parallelruns", {"metadata": {}, "spec": spec})


def test_the_service_reaches_the_gateway_where_the_spec_lets_it_listen() -> None:
    pod = only("StatefulSet")["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    service = only("Service")["spec"]
    assert service["selector"].items() <= pod["metadata"]["labels"].items()
    assert only("StatefulSet")["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"]
    assert service["ports"][0]["targetPort"] == container["ports"][0]["name"]
    spec = parse_spec((BASE / "abreast.yaml").read_text("utf-8"))
    listen = spec.service().gateway.listen
    assert (listen.host, listen.port) == ("0.0.0.0", container["ports"][0]["containerPort"])  # noqa: S104  # in a pod
    grace_s = pod["spec"]["terminationGracePeriodSeconds"]
    assert grace_s > spec.service().gateway.drain_s + max(each.stop_timeout_s for each in spec.service().versions)


def test_the_spec_lies_beside_the_state_and_the_root_is_not_written() -> None:
    pod = only("StatefulSet")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    mounts = {each["name"]: each for each in container["volumeMounts"]}
    assert container["workingDir"] == mounts["state"]["mountPath"]
    assert mounts["spec"]["mountPath"] == f"{mounts['state']['mountPath']}/{mounts['spec']['subPath']}"
    (generated,) = kustomization(BASE)["configMapGenerator"]
    (volume,) = [each for each in pod["volumes"] if each["name"] == "spec"]
    assert volume["configMap"]["name"] == generated["name"]
    assert generated["files"] == [mounts["spec"]["subPath"]]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"  # the state directory stays private


def test_the_image_is_made_of_files_that_are_there() -> None:
    root = FOLDER.parents[1]
    copied = [
        name
        for line in (FOLDER / "Dockerfile").read_text("utf-8").splitlines()
        if line.startswith("COPY ")
        for name in line.split()[1:-1]
    ]
    assert copied
    assert [name for name in copied if not (root / name).exists()] == []
