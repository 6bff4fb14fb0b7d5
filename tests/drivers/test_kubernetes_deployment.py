"""One Deployment: made what is wanted, and again whenever it is not."""

import asyncio
import copy
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from abreast.drivers.kubernetes_deployment import KeptDeployment
from abreast.model.errors import DriverError
from abreast.model.service import Endpoint, Instance, InstanceState, Version
from tests.drivers.kubernetes_stage import CONTAINER, OWNER, KubernetesStage, deployment, kubernetes_stage
from tests.process.programs import until


class Kept:
    """One at work, on a stage."""

    def __init__(self, stage: KubernetesStage) -> None:
        self.stage = stage
        self.line = stage.line()
        self.made: list[KeptDeployment] = []

    def begin(self, version: Version, namespace: str = "default") -> KeptDeployment:
        kept = KeptDeployment(version, namespace, OWNER, self.line, self.stage.ears)
        kept.begin()
        self.made.append(kept)
        return kept

    def replicas(self, name: str) -> int | None:
        found = self.stage.cluster.objects.get(("deployments", "default", name))
        return int(found["spec"]["replicas"]) if found else None

    def verbs(self) -> list[str]:
        return [verb for verb, *_ in self.stage.cluster.writes]


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    async with kubernetes_stage(tmp_path) as stage:
        made = Kept(stage)
        yield made
        for each in made.made:
            await each.release()
        await made.line.api.close()
        assert stage.cluster.errors == []


async def test_somebody_elses_is_only_scaled_and_never_deleted(kept: Kept) -> None:
    kept.stage.cluster.write("deployments", deployment("shop-v1"))
    version = kept.stage.adopted("shop-v1", 2)
    one = kept.begin(version)
    await one.want(version, 1.0)
    await until(lambda: one.ready)
    one.end()
    assert {each.state for each in one.shown()} == {InstanceState.STOPPING}
    await until(lambda: one.over)
    assert kept.replicas("shop-v1") == 0
    assert kept.verbs() == ["scale", "scale"]


async def test_it_is_only_looked_at_until_it_is_wanted(kept: Kept) -> None:
    kept.stage.cluster.write("deployments", deployment("shop-v1", replicas=3))
    kept.stage.pods.stir()
    one = kept.begin(kept.stage.adopted("shop-v1", 1))
    await one.looked()
    await until(lambda: len(one.shown()) == 3)
    assert not one.ready
    assert kept.verbs() == []


async def test_pods_of_others_are_not_its_instances(kept: Kept) -> None:
    for name in ("shop-v1", "other"):
        kept.stage.cluster.write("deployments", deployment(name, replicas=1))
    kept.stage.pods.stir()
    one = kept.begin(kept.stage.adopted("shop-v1"))
    await until(one.shown)
    await one.looked()
    assert [each.id.startswith("shop-v1") for each in one.shown()] == [True]


async def test_a_selector_that_fits_the_pods_of_another_takes_none_of_them(kept: Kept) -> None:
    wide, narrow = deployment("shop", replicas=1), deployment("shop-v2", replicas=1)
    narrow["spec"]["template"]["metadata"]["labels"] = {"app": "shop", "version": "v2"}
    narrow["spec"]["selector"] = {"matchLabels": {"app": "shop", "version": "v2"}}
    for each in (wide, narrow):
        kept.stage.cluster.write("deployments", each)
    kept.stage.pods.stir()
    one, two = kept.begin(kept.stage.adopted("shop")), kept.begin(kept.stage.adopted("shop-v2", name="v2"))
    await until(lambda: one.shown() and two.shown())
    assert {each.id for each in one.shown()}.isdisjoint(each.id for each in two.shown())
    assert (len(one.shown()), len(two.shown())) == (1, 1)


async def test_a_task_that_fails_is_reported(kept: Kept) -> None:
    found: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: found.append(context))
    one = kept.begin(kept.stage.version())

    async def failing() -> None:
        raise ZeroDivisionError

    one._task(failing())
    await until(lambda: found)
    assert isinstance(found[0]["exception"], ZeroDivisionError)


async def test_a_selector_of_expressions_is_understood(kept: Kept) -> None:
    found = deployment("shop-v1", replicas=1)
    found["spec"]["selector"] = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "shop-v1"]}]}
    kept.stage.cluster.write("deployments", found)
    kept.stage.pods.stir()
    one = kept.begin(kept.stage.adopted("shop-v1"))
    await until(one.shown)


async def test_one_that_is_not_there_is_hopeless_until_somebody_makes_it(kept: Kept) -> None:
    version = kept.stage.adopted("shop-v1")
    one = kept.begin(version)
    with pytest.raises(DriverError, match="there is no Deployment default/shop-v1") as caught:
        await one.want(version, 1.0)
    assert "`deployment`" in caught.value.remedy
    kept.stage.cluster.write("deployments", deployment("shop-v1"))
    await until(lambda: one.ready)
    await one.want(version, 1.0)


async def test_a_port_that_nothing_says_is_hopeless(kept: Kept) -> None:
    found = deployment("shop-v1")
    container = {**CONTAINER, "ports": [{"containerPort": 1}, {"containerPort": 2}]}
    found["spec"]["template"]["spec"]["containers"] = [container]
    kept.stage.cluster.write("deployments", found)
    version = kept.stage.adopted("shop-v1")
    with pytest.raises(DriverError, match="of TCP: 1, 2"):
        await kept.begin(version).want(version, 1.0)
    assert kept.verbs() == []


async def test_one_of_our_name_that_is_not_ours_is_not_touched(kept: Kept) -> None:
    kept.stage.cluster.write("deployments", deployment("shop-v1", replicas=5))
    version = kept.stage.version("v1")
    one = kept.begin(version)
    with pytest.raises(DriverError, match="was not made from this state directory") as caught:
        await one.want(version, 1.0)
    assert "deployment: shop-v1" in caught.value.remedy
    assert list(one.shown()) == []
    one.end()
    await until(lambda: len(kept.stage.said) == 2, "the refusal of want and of end")
    assert kept.verbs() == []
    assert kept.replicas("shop-v1") == 5


async def test_replicas_that_somebody_changes_are_put_back(kept: Kept) -> None:
    version = kept.stage.version("v1", 2)
    one = kept.begin(version)
    await one.want(version, 1.0)
    await until(lambda: one.ready)
    changed = copy.deepcopy(kept.stage.cluster.objects["deployments", "default", "shop-v1"])
    changed["spec"]["replicas"] = 0
    kept.stage.cluster.write("deployments", changed)
    await until(lambda: kept.replicas("shop-v1") == 2)


async def test_one_that_somebody_deletes_is_made_again(kept: Kept) -> None:
    version = kept.stage.version("v1")
    one = kept.begin(version)
    await one.want(version, 1.0)
    await until(lambda: one.ready)
    kept.stage.cluster.remove("deployments", "default", "shop-v1")
    kept.stage.pods.stir()
    await until(lambda: kept.replicas("shop-v1") == 1)
    assert kept.verbs() == ["apply", "apply"]


async def test_what_is_as_it_should_be_is_not_written_again(kept: Kept) -> None:
    version = kept.stage.version("v1")
    for _ in range(2):
        one = kept.begin(version)
        await one.want(version, 1.0)
        await until(lambda one=one: one.ready)  # type: ignore[misc]  # bound now, for the loop's variable changes
        await one.want(version, 1.0)
    assert kept.verbs() == ["apply"]


async def test_what_the_server_refuses_is_told_and_tried_again(kept: Kept) -> None:
    kept.stage.fail(403, "PATCH", "deployments")
    version = kept.stage.version("v1")
    one = kept.begin(version)
    with pytest.raises(DriverError, match="Deployment default/shop-v1: 403 as the test wants it") as caught:
        await one.want(version, 1.0)
    assert "docs/kubernetes.md" in caught.value.remedy
    await until(lambda: one.ready)
    await one.want(version, 1.0)
    assert len(kept.stage.said) == 1


async def test_who_may_not_look_at_pods_says_so(kept: Kept) -> None:
    kept.stage.fail(403, "GET", "pods")
    version = kept.stage.version("v1")
    one = kept.begin(version)
    await one.looked()
    with pytest.raises(DriverError, match="403") as caught:
        await one.want(version, 1.0)
    assert "look at Deployments and pods" in caught.value.remedy
    await until(lambda: one.ready)


async def test_a_wish_waits_for_a_server_that_is_away(kept: Kept) -> None:
    kept.stage.cluster.cut = True
    version = kept.stage.version("v1")
    one = kept.begin(version)
    await one.want(version, 0.1)
    assert list(one.shown()) == []
    kept.stage.cluster.cut = False
    await until(lambda: one.ready)


async def test_ending_waits_for_a_server_that_is_away(kept: Kept) -> None:
    version = kept.stage.version("v1")
    one = kept.begin(version)
    await one.want(version, 1.0)
    await until(lambda: one.ready)
    kept.stage.cluster.cut = True
    kept.stage.cluster.end_watches()
    one.end()
    assert [each.state for each in one.shown()] == [InstanceState.STOPPING]
    await until(lambda: kept.stage.cluster.count("DELETE", "deployments") >= 2)
    assert not one.over
    kept.stage.cluster.cut = False
    await until(lambda: one.over)
    assert kept.verbs() == ["apply", "delete"]


async def test_what_is_only_remembered_is_stopping_too_when_it_is_ended(kept: Kept) -> None:
    kept.stage.cluster.cut = True
    one = kept.begin(kept.stage.version("v1"))
    known = Instance("shop-v1-1", "v1", Endpoint("10.0.0.1", 8080), InstanceState.READY, 1.0)
    one.remember([known, replace(known, id="shop-v2-1", version="v2")])
    assert list(one.shown()) == [known]
    one.end()
    assert [each.state for each in one.shown()] == [InstanceState.STOPPING]
    kept.stage.cluster.cut = False
    await until(lambda: one.over)


async def test_a_template_that_is_none_changes_nothing(kept: Kept) -> None:
    version = kept.stage.version("v1")
    one = kept.begin(version)
    await one.want(version, 1.0)
    await until(lambda: one.ready)
    kept.stage.write_template({"kind": "Service"})
    with pytest.raises(DriverError, match="not a Deployment"):
        await one.want(replace(version, instances=2), 1.0)
    await one.want(version, 1.0)
    assert one.ready


async def test_it_says_once_why_there_are_no_pods(kept: Kept) -> None:
    version = kept.stage.version("v1")
    one = kept.begin(version)
    await one.want(version, 1.0)
    await until(lambda: one.ready)
    changed = copy.deepcopy(kept.stage.cluster.objects["deployments", "default", "shop-v1"])
    message = {"reason": "FailedCreate", "message": "exceeded quota"}
    changed["status"] = {"conditions": [{"type": "ReplicaFailure", "status": "True", **message}]}
    for _ in range(2):
        kept.stage.cluster.write("deployments", copy.deepcopy(changed))
    await until(lambda: kept.stage.said)
    await kept.stage.clock.sleep(0.1)
    assert kept.stage.said == ["Deployment default/shop-v1: FailedCreate: exceeded quota"]


async def test_an_order_does_not_wait_for_the_pause_after_a_refusal(kept: Kept) -> None:
    kept.stage.timing = replace(kept.stage.timing, backoff_first_s=100.0, backoff_most_s=100.0)
    kept.line = kept.stage.line()
    kept.stage.fail(403, "PATCH", "deployments")
    one = kept.begin(kept.stage.version("v1"))
    with pytest.raises(DriverError):
        await one.want(kept.stage.version("v1"), 1.0)
    await one.want(kept.stage.version("v1", 2), 1.0)
    await until(lambda: one.ready)


async def test_what_became_of_an_older_wish_is_not_told_of_the_newer(kept: Kept) -> None:
    one = kept.begin(kept.stage.version("v1"))
    newer: list[asyncio.Task[None]] = []

    def want_more() -> None:
        newer.append(asyncio.create_task(one.want(kept.stage.version("v1", 2), 1.0)))

    kept.stage.fail(403, "PATCH", "deployments").before = want_more
    older = asyncio.create_task(one.want(kept.stage.version("v1"), 1.0))
    await until(lambda: newer)
    await newer[0]
    await older
    await until(lambda: one.ready)
    assert kept.replicas("shop-v1") == 2
    assert kept.stage.said == []


async def test_two_namespaces_are_two_places(kept: Kept) -> None:
    version = kept.stage.version("v1")
    for namespace in ("a", "b"):
        await kept.begin(version, namespace).want(version, 1.0)
    await until(lambda: all(one.ready for one in kept.made))
    found = kept.stage.cluster.all("deployments")
    assert {each["metadata"]["namespace"] for each in found} == {"a", "b"}
