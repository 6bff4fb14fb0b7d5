"""What deploy/kubernetes/fleet says of its containers, run here as kubelet would: each pod has a loopback address."""

import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import yaml

from abreast.bench.target import free_port
from abreast.link import contexts
from tests.deploy.test_fleet import FLEET, container, kustomized
from tests.e2e.service import Service
from tests.fleet.gateways import Gateway
from tests.fleet.servers import site

SERVERS = {f"abreast-server-{place}": f"127.83.0.1{place}" for place in range(3)}
ADDRESSES = {**SERVERS, "abreast-gateway-0": "127.83.0.20", "abreast-relay-0": "127.83.0.30"}


@dataclass
class Pod(Gateway):
    """One pod: its volumes are directories, and the servers' names their addresses."""

    environment: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """What its state is on."""
        return self.directory / self.name

    @property
    def state(self) -> Path:
        """Its state directory, as an agent's words say."""
        return self.home / "state"

    @property
    def part(self) -> str:
        """Which of the manifests it is of."""
        return self.name.split("-")[1]

    def run(self) -> None:
        """Start its container; an earlier one has ended."""
        self.home.mkdir(exist_ok=True)
        own = container(self.part)
        taken = {"metadata.name": self.name, "status.podIP": ADDRESSES[self.name]}
        fields = {each["name"]: each["valueFrom"].get("fieldRef") for each in own["env"] if "valueFrom" in each}
        environment = {name: taken[field["fieldPath"]] for name, field in fields.items() if field} | self.environment
        assert set(environment) == {each["name"] for each in own["env"]}
        self.start([self._here(word, environment) for word in own["args"]], environment, self.home)

    def _here(self, word: str, environment: dict[str, str]) -> str:
        for name, value in environment.items():
            word = word.replace(f"$({name})", value)
        for name, address in SERVERS.items():
            word = word.replace(f"{name}.abreast-server:", f"{address}:")
        mounts = {each["name"]: each["mountPath"] for each in container(self.part)["volumeMounts"]}
        for volume, place in (("state", self.home), ("tokens", self.directory / "tokens")):
            word = word.replace(mounts.get(volume, "no such volume"), str(place))
        return word

    def ready(self) -> bool:
        """Whether its readinessProbe succeeds."""
        own, host = container(self.part), ADDRESSES[self.name]
        (port,) = [each["containerPort"] for each in own["ports"]]
        if "tcpSocket" in own["readinessProbe"]:
            with suppress(OSError), socket.create_connection((host, self.port or port), timeout=1.0):
                return True
            return False
        try:
            url = f"https://{host}:{port}{own['readinessProbe']['httpGet']['path']}"
            return httpx.get(url, verify=contexts.for_stranger()).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def terminate(self) -> int:
        """End it as kubelet does; returns its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@pytest.fixture
def pods(short_tmp: Path, database: str) -> Iterator[dict[str, Pod]]:
    """One gateway, one relay and all servers, not started; users come in at the gateway's ``port``."""
    (short_tmp / "tokens").mkdir()
    spec = yaml.safe_load((FLEET / "abreast.yaml").read_text("utf-8"))
    address = database.replace("postgres@", "postgres:${STORE_PASSWORD}@", 1)
    users = free_port()  # others of this machine may hold the manifests' own
    with site(short_tmp, database) as made, ExitStack() as stack:
        spec["versions"] = {version: {"endpoints": [f"127.0.0.1:{port}"]} for version, port in made.ports.items()}
        spec["gateway"]["listen"] = f"{ADDRESSES['abreast-gateway-0']}:{users}"
        found = {name: Pod(short_tmp, name, (), port=0) for name in ADDRESSES}
        found["abreast-gateway-0"].port = users
        for name, pod in found.items():
            stack.callback(pod.close)
            if name in SERVERS:
                pod.environment = {"STORE_ADDRESS": address, "STORE_PASSWORD": "secret"}
                pod.home.mkdir()
                (pod.home / "abreast.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
        yield found


def test_what_is_shipped_starts_joins_and_works_on_over_restarts(pods: dict[str, Pod]) -> None:
    servers, gateway, relay = [pods[name] for name in SERVERS], pods["abreast-gateway-0"], pods["abreast-relay-0"]
    assert kustomized()["StatefulSet", "abreast-server"]["spec"]["replicas"] == len(servers)
    for server in servers:
        server.run()
    for server in servers:
        server.until(server.ready, 45.0)
    inside = Service(servers[0].home, {})  # kubectl exec abreast-server-0 -- abreast …
    tokens = gateway.directory / "tokens"
    for pod in (gateway, relay):
        made = inside.run("join-token", pod.name, "--kind", pod.part)
        (tokens / pod.name).write_text(made.stdout, encoding="utf-8")
        assert not pod.ready()
        pod.run()
    for pod in (gateway, relay):
        pod.until(pod.ready, 40.0)
        (tokens / pod.name).unlink()
    gateway.said(" is up: ")
    assert at(gateway) == "v1"
    relay.until(lambda: relay.log.count("connected to server ") == len(servers))
    status = inside.run("status").stdout
    assert "gateways  1: abreast-gateway-0 0 % through" in status
    assert "relays    1: abreast-relay-0" in status
    assert relay.terminate() == 0
    assert gateway.terminate() == 0
    assert not gateway.ready()
    assert [server.terminate() for server in servers] == [0, 0, 0]
    gateway.run()
    gateway.until(gateway.ready, 40.0)
    assert at(gateway) == "v1", "by what it was told last, without a server or a token"
    assert gateway.terminate() == 0


def at(gateway: Pod) -> str:
    """Which version answers there."""
    answer = httpx.get(f"http://{ADDRESSES[gateway.name]}:{gateway.port}/", headers={"x-user-id": "ada"})
    answer.raise_for_status()
    return answer.headers["x-version"]
