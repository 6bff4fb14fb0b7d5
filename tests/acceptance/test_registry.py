"""Versions that run elsewhere, whose endpoints a real etcd knows: they come, go and vanish, and no user notices."""

import asyncio
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import httpx
import pytest

from abreast.bench.target import free_port
from tests.e2e.service import Service
from tests.fakes.dns_server import DnsServer
from tests.fakes.etcd import EtcdServer

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]

PREFIX = "/services/shop"


class Instances:
    """Origins that run on their own; each is registered in etcd when it is begun."""

    def __init__(self, etcd: EtcdServer) -> None:
        self._etcd = etcd
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def begin(self, version: str, name: str) -> int:
        """Its port."""
        port = free_port()
        command = [sys.executable, "-m", "abreast.bench.origin", "--port", str(port), "--version", version]
        self._running[name] = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self._etcd.put(f"{PREFIX}/{version}/{name}", f"127.0.0.1:{port}")
        return port

    def end(self, version: str, name: str) -> None:
        """Deregister it, and end it a moment later."""
        self._etcd.delete(f"{PREFIX}/{version}/{name}")
        time.sleep(1.0)
        self.kill(name)

    def kill(self, name: str) -> None:
        process = self._running.pop(name)
        process.terminate()
        process.wait()

    def close(self) -> None:
        for name in list(self._running):
            self.kill(name)


class Users:
    """Somebody asks, fifty times a second, until told to stop; what they got is counted."""

    def __init__(self, url: str) -> None:
        self.answers: Counter[str] = Counter()
        self._url = url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def go_on(self, service: Service) -> None:
        """Wait for fifty more answers, whatever they are."""
        before = self.answers.total()
        service.until(lambda: self.answers.total() >= before + 50)

    def _ask(self) -> None:
        with httpx.Client(trust_env=False, timeout=10.0) as client:
            number = 0
            while not self._stop.wait(0.02):
                number += 1
                try:
                    answer = client.get(f"{self._url}/", headers={"x-user-id": f"u{number % 97}"})
                    self.answers[str(answer.status_code)] += 1
                except httpx.HTTPError as error:
                    self.answers[type(error).__name__] += 1


@contextmanager
def name_server() -> Iterator[DnsServer]:
    """One in a thread of its own, whose records may be kept for a second."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(DnsServer(ttl_s=1).start(), loop).result(5)
    yield server
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.call_later, 0.1, loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[EtcdServer]:
    server = EtcdServer(tmp_path).start()
    yield server
    server.kill()


@pytest.fixture
def instances(etcd: EtcdServer) -> Iterator[Instances]:
    made = Instances(etcd)
    yield made
    made.close()


@pytest.fixture
def service(short_tmp: Path, etcd: EtcdServer, instances: Instances) -> Iterator[Service]:
    """Stable has two instances, the candidate one; abreast knows none of them from its spec."""
    for version, name in (("v1", "a"), ("v1", "b"), ("v2", "c")):
        instances.begin(version, name)
    versions = {
        version: {
            "endpoints": {"etcd": f"{PREFIX}/{version}/", "address": etcd.url},
            "ready": "GET /healthz",
            "timeout": "4s",
        }
        for version in ("v1", "v2")
    }
    made = Service.of(short_tmp, versions, steps=[{"weight": "50%"}], step_time={"at_least": "1h", "at_most": "2h"})
    made.up()
    yield made
    made.close()


def ready(service: Service, version: str) -> tuple[int, int]:
    """How many instances of it are ready, and wanted."""
    (found,) = [each for each in service.status()["versions"] if each["name"] == version]
    return found["ready"], found["wanted"]


def told(service: Service, words: str) -> bool:
    return any(words in event["reason"] for event in service.client().get("/events"))


def test_instances_come_and_go_and_no_request_fails(service: Service, instances: Instances) -> None:
    with Users(service.url) as users:
        assert ready(service, "v1") == (2, 2)
        began = time.monotonic()
        instances.begin("v1", "d")
        service.until(lambda: ready(service, "v1") == (3, 3))
        print(f"a new instance was ready for users {time.monotonic() - began:.2f} s after it was registered")
        instances.end("v1", "a")
        assert ready(service, "v1") == (2, 2)
        service.give("start", version="v2")
        service.until(lambda: service.status()["weight"] == 5000)
        instances.begin("v2", "e")
        service.until(lambda: ready(service, "v2") == (2, 2))
        instances.end("v2", "c")
        assert ready(service, "v2") == (1, 1)
        users.go_on(service)
    assert list(users.answers) == ["200"], users.answers
    assert users.answers["200"] > 100


def test_a_version_follows_its_name_in_dns(service: Service, instances: Instances) -> None:
    service.down()
    name = "_http._tcp.shop.test."
    with name_server() as dns:
        ports = [instances.begin("v1", each) for each in ("f", "g")]
        dns.zone[("here.test.", "A")] = ["127.0.0.1"]
        dns.zone[(name, "SRV")] = [f"1 0 {ports[0]} here.test."]
        service.spec["versions"]["v1"]["endpoints"] = {"srv": name, "server": f"127.0.0.1:{dns.port}"}
        service.write()
        service.up()
        with Users(service.url) as users:
            assert ready(service, "v1") == (1, 1)
            dns.zone[(name, "SRV")] = [f"1 0 {port} here.test." for port in ports]
            service.until(lambda: ready(service, "v1") == (2, 2))
            dns.zone[(name, "SRV")] = [f"1 0 {ports[1]} here.test."]
            service.until(lambda: ready(service, "v1") == (1, 1))
            instances.kill("f")
            dns.silent = True
            service.until(lambda: told(service, f"SRV records of {name} at 127.0.0.1:{dns.port} does not answer"), 30.0)
            dns.silent = False
            service.until(lambda: told(service, "answers again"), 30.0)
            del dns.zone[(name, "SRV")]
            service.until(lambda: told(service, f"says that there is none (the name {name} does not exist); the last"))
            users.go_on(service)
        assert list(users.answers) == ["200"], users.answers
        service.down()


def test_an_empty_registry_takes_no_users_endpoint_away(service: Service, etcd: EtcdServer) -> None:
    with Users(service.url) as users:
        keys = {f"{PREFIX}/v1/{name}" for name in "ab"}
        for key in keys:
            etcd.delete(key)
        service.until(lambda: told(service, "says that there is none (no key begins with it); the last 1 endpoint"))
        assert ready(service, "v1")[0] == 1
        doctor = service.run("doctor")
        assert "v1: etcd prefix /services/shop/v1/ has said for" in doctor.stdout
        assert doctor.returncode == 1
        users.go_on(service)
    assert list(users.answers) == ["200"], users.answers


def test_etcd_and_the_control_plane_killed_and_one_back_before_the_other(
    service: Service, etcd: EtcdServer, instances: Instances
) -> None:
    with Users(service.url) as users:
        etcd.kill()
        service.until(lambda: told(service, "does not answer"))
        service.kill()
        service.up()
        service.until(lambda: ready(service, "v1") == (2, 2))
        assert told(service, "the last 2 endpoints")
        users.go_on(service)
        etcd.start()
        service.until(lambda: told(service, "answers again"), 40.0)
        instances.begin("v1", "d")
        service.until(lambda: ready(service, "v1") == (3, 3))
    assert list(users.answers) == ["200"], users.answers


def test_without_any_endpoint_the_start_says_who_was_asked(service: Service, etcd: EtcdServer) -> None:
    service.down()
    service.spec["versions"]["v1"]["endpoints"]["etcd"] = "/services/none/"
    service.spec["versions"]["v1"]["start_timeout"] = "2s"
    service.write()
    service.up(wait=False)
    assert service.process is not None
    assert service.process.wait(30) == 11
    assert "etcd prefix /services/none/: no key begins with it" in service.log
