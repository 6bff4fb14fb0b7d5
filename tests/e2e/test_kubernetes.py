"""Versions that are Deployments behind the real gateway: the cluster's API is a fake, its pods answer for real."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from abreast.bench.target import free_port
from tests.drivers.kubernetes_stage import TEMPLATE, deployment
from tests.e2e.service import Service
from tests.fakes.cluster import Cluster, Object, kubeconfig, serving
from tests.fakes.cluster_pods import Pods


class Site:
    """A cluster in a thread of its own; each pod answers with the name of its Deployment, at 127.0.0.2 and so on."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._ended = asyncio.Event()
        self.thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self.thread.start()
        assert self._started.wait(10)

    def close(self) -> None:
        """End it."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self.thread.join(10)
        self._loop.close()

    def cut(self, *, off: bool) -> None:
        """Let the API server be away, or back."""
        self.cluster.cut = off
        self._loop.call_soon_threadsafe(self.cluster.end_watches)

    def replicas(self, name: str) -> int | None:
        """Of a Deployment; None if there is none."""
        found = self.cluster.objects.get(("deployments", "default", name))
        return int(found["spec"]["replicas"]) if found else None

    def with_port(self, found: Object) -> Object:
        """A Deployment whose pods listen where these do."""
        containers = found["spec"]["template"]["spec"]["containers"]
        ported = [{**each, "ports": [{"containerPort": self.port}]} for each in containers]
        template = {**found["spec"]["template"], "spec": {"containers": ported}}
        return {**found, "spec": {**found["spec"], "template": template}}

    async def _run(self) -> None:
        self.cluster = Cluster()
        pods = Pods(self.cluster)
        pods.address = lambda number: f"127.0.0.{number + 1}"
        self.cluster.write("deployments", self.with_port(deployment("shop-blue", replicas=1)))
        pods.stir()
        server = await asyncio.start_server(self._answer, "0.0.0.0", self.port)  # noqa: S104  # each 127.0.0.N is a pod
        async with serving(self.cluster) as self.url, server:
            self._started.set()
            await self._ended.wait()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = writer.get_extra_info("sockname")[0]
        while await reader.readline():
            while (await reader.readline()).strip():
                pass
            here = [pod for pod in self.cluster.all("pods") if pod["status"]["podIP"] == host]
            if not here:
                break
            body = here[0]["metadata"]["ownerReferences"][0]["name"].rpartition("-")[0].encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


@pytest.fixture
def service(short_tmp: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Blue is somebody's Deployment, green is made from a template."""
    (short_tmp / "kubeconfig").write_text(kubeconfig(site.url))
    (short_tmp / "deployment.yaml").write_text(yaml.safe_dump(site.with_port(TEMPLATE)))
    monkeypatch.setenv("KUBECONFIG", str(short_tmp / "kubeconfig"))
    versions = {
        "blue": {"deployment": "shop-blue", "instances": 2, "timeout": "4s"},
        "green": {"kubernetes": {"template": "deployment.yaml"}, "instances": 2, "timeout": "4s"},
    }
    steps = {"steps": [{"weight": "50%"}], "step_time": {"at_least": "1h", "at_most": "2h"}}
    made = Service.of(short_tmp, versions, **steps, retire={"after": "0s", "unused_for": "0s"})
    made.spec["gateway"]["drain"] = "500ms"
    made.write()
    yield made
    if made.process is not None:
        made.close()


def answered(service: Service, users: int = 40) -> set[str]:
    """What so many users get; each is served."""
    found = set()
    with httpx.Client() as client:
        for user in range(users):
            answer = client.get(service.url, headers={"x-user-id": str(user)})
            assert answer.status_code == 200
            found.add(answer.text)
    return found


def test_a_rollout_from_a_deployment_to_another_and_back(service: Service, site: Site) -> None:
    service.up()
    assert answered(service) == {"shop-blue"}
    service.until(lambda: site.replicas("shop-blue") == 2)
    service.give("start", version="green")
    service.until(lambda: service.status()["weight"] == 5000)
    service.until(lambda: answered(service) == {"shop-blue", "shop-green"})
    assert site.replicas("shop-green") == 2

    site.cut(off=True)
    assert answered(service) == {"shop-blue", "shop-green"}, "a cluster's API that is away stops no traffic"
    service.until(lambda: "does not answer" in service.log)
    assert answered(service) == {"shop-blue", "shop-green"}
    service.kill()
    service.up()
    assert answered(service) == {"shop-blue", "shop-green"}, "nor does a control plane that begins meanwhile"
    service.until(lambda: service.log.count("does not answer") == 2)
    site.cut(off=False)
    service.until(lambda: "answers again" in service.log)

    service.give("abort")
    service.until(lambda: site.replicas("shop-green") is None)
    assert answered(service) == {"shop-blue"}
    service.close()
    assert site.replicas("shop-blue") == 2, "what serves outlives the control plane"
