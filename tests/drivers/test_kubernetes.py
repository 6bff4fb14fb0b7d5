"""Versions as Deployments: the driver as a whole. What every driver keeps is in tests/contracts."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from abreast.drivers.kubernetes import KubernetesDriver, require_template
from abreast.model.errors import DriverError
from abreast.model.service import InstanceState, Version
from abreast.model.workload import Workload
from tests.drivers.kubernetes_stage import OWNER, KubernetesStage, deployment, kubernetes_stage, ready
from tests.process.programs import WallClock, until


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[KubernetesStage]:
    async with kubernetes_stage(tmp_path) as made:
        yield made
        assert made.cluster.errors == []


@pytest.fixture
async def driver(stage: KubernetesStage) -> AsyncIterator[KubernetesDriver]:
    made = stage.driver()
    yield made
    await made.close(stop=True)


def away(stage: KubernetesStage) -> KubernetesDriver:
    """A driver without a way to a cluster."""
    environ = {"KUBECONFIG": str(stage.folder / "missing")}
    return KubernetesDriver(OWNER, WallClock(), stage.ears, stage.folder / "known.json", environ=environ)


async def test_without_a_version_that_needs_it_no_cluster_is_looked_for(stage: KubernetesStage) -> None:
    driver = away(stage)
    await driver.start([])
    await driver.stop("v1")
    assert list(driver.instances()) == []
    await driver.close(stop=True)
    assert stage.said == []


async def test_without_a_cluster_a_version_is_hopeless(stage: KubernetesStage) -> None:
    driver = away(stage)
    await driver.start([stage.version()])
    assert "no way to a Kubernetes cluster" in stage.said[0]
    with pytest.raises(DriverError, match="no way to a Kubernetes cluster"):
        await driver.run(stage.version())
    await driver.close(stop=True)


async def test_a_template_that_is_missing_is_hopeless(driver: KubernetesDriver, stage: KubernetesStage) -> None:
    version = replace(stage.version(), workload=Workload(template=str(stage.folder / "missing.yaml")))
    with pytest.raises(DriverError, match=r"missing\.yaml cannot be read"):
        await driver.run(version)
    assert list(driver.instances()) == []
    assert stage.cluster.writes == []


async def test_start_finds_what_an_earlier_control_plane_made_and_changes_nothing(stage: KubernetesStage) -> None:
    first = stage.driver()
    await first.run(stage.version(instances=2))
    await until(lambda: len(ready(first)()) == 2)
    await first.close(stop=True)
    assert list(first.instances()) == []
    writes = len(stage.cluster.writes)
    second = stage.driver()
    await second.start([stage.version(instances=2), stage.version("v2")])
    assert len(ready(second)()) == 2
    assert len(stage.cluster.writes) == writes
    await second.stop("v1")
    await until(lambda: not second.instances())
    assert stage.cluster.all("deployments") == []
    await second.close(stop=False)


async def test_start_does_not_wait_for_a_cluster_that_is_away(stage: KubernetesStage) -> None:
    stage.cluster.cut = True
    driver = stage.driver()
    async with asyncio.timeout(5):
        await driver.start([stage.version()])
    assert list(driver.instances()) == []
    await driver.close(stop=True)


async def test_what_was_known_is_shown_until_a_cluster_that_is_away_answers(stage: KubernetesStage) -> None:
    first = stage.driver()
    await first.start([])
    await first.run(stage.version(instances=2))
    await until(lambda: len(ready(first)()) == 2)
    before = list(first.instances())
    await first.close(stop=True)
    stage.cluster.cut = True
    second = stage.driver()
    await second.start([stage.version(instances=2), stage.version("v2")])
    assert list(second.instances()) == before
    await second.stop("v2")
    pods = stage.cluster.all("pods")
    stage.cluster.remove("pods", "default", pods[0]["metadata"]["name"])
    stage.cluster.cut = False
    await until(lambda: len(second.instances()) == 1)
    assert second.instances()[0].since == before[1].since
    await second.close(stop=True)


async def test_of_a_cluster_that_answers_nothing_old_is_believed(stage: KubernetesStage) -> None:
    first = stage.driver()
    await first.start([])
    await first.run(stage.version())
    await until(ready(first))
    await first.close(stop=True)
    for kind, name in (("deployments", "shop-v1"), ("pods", stage.cluster.all("pods")[0]["metadata"]["name"])):
        stage.cluster.remove(kind, "default", name)
    second = stage.driver()
    await second.start([stage.version()])
    assert list(second.instances()) == []
    await second.close(stop=True)


async def test_a_pod_that_crashes_shows_why(driver: KubernetesDriver, stage: KubernetesStage) -> None:
    await driver.run(stage.version())
    await until(ready(driver))
    (pod,) = stage.cluster.all("pods")
    ended = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
    container = {"name": "shop", "image": "a", "imageID": "", "ready": False, "restartCount": 4}
    waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
    status = {**container, "state": waiting, "lastState": ended}
    stage.pods.become(pod, ready=False, containerStatuses=[status])
    await until(lambda: not ready(driver)())
    (shown,) = driver.instances()
    assert shown.state is InstanceState.FAILED
    assert shown.detail == "shop: CrashLoopBackOff, it ended before with OOMKilled, exit code 137"
    assert shown.restarts == 4
    assert stage.events[-1] == (shown.id, InstanceState.FAILED, shown.detail)


async def test_pods_stay_known_while_the_server_is_away(driver: KubernetesDriver, stage: KubernetesStage) -> None:
    await driver.run(stage.version(instances=2))
    await until(lambda: len(ready(driver)()) == 2)
    stage.cluster.cut = True
    stage.cluster.end_watches()
    await until(lambda: stage.cluster.count("GET", "pods") >= 4)
    assert len(ready(driver)()) == 2
    await driver.run(stage.version(instances=2))
    pods = stage.cluster.all("pods")
    stage.cluster.remove("pods", "default", pods[0]["metadata"]["name"])
    stage.cluster.cut = False
    await until(lambda: len(driver.instances()) == 1)


async def test_a_version_moves_only_once_it_is_ready_elsewhere(
    driver: KubernetesDriver, stage: KubernetesStage
) -> None:
    for name in ("a", "b"):
        stage.cluster.write("deployments", deployment(name))
    await driver.run(stage.adopted("a", 2))
    await until(lambda: len(ready(driver)()) == 2)
    stage.pods.ready = False
    await driver.run(stage.adopted("b", 1))
    await until(lambda: len(driver.instances()) == 3)
    assert {each.id[0] for each in ready(driver)()} == {"a"}
    stage.pods.hurt(well=True)
    await until(lambda: [each.id[0] for each in driver.instances()] == ["b"])
    assert stage.cluster.objects["deployments", "default", "a"]["spec"]["replicas"] == 0


async def test_what_is_over_is_forgotten(driver: KubernetesDriver, stage: KubernetesStage) -> None:
    await driver.run(stage.version())
    await until(ready(driver))
    await driver.stop("v1")
    await until(lambda: not driver.instances())
    await until(lambda: not driver._kept)
    asked = stage.cluster.count("GET", "pods", watch=True)
    stage.cluster.end_watches()
    await stage.clock.sleep(0.1)
    assert stage.cluster.count("GET", "pods", watch=True) == asked


def test_a_template_is_tried_without_a_cluster(tmp_path: Path) -> None:
    version = Version("v1", workload=Workload(template=str(tmp_path / "missing.yaml")))
    with pytest.raises(DriverError, match="cannot be read"):
        require_template(version)
    require_template(Version("v1", workload=Workload(deployment="shop")))
