"""Real servers on one real PostgreSQL: each in a process of its own with its own gateway; and users at a gateway."""

import http.client
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

from abreast.bench.target import free_port
from abreast.process.identity import Identity, home_id
from abreast.process.table import read_table
from tests.e2e.service import UP_S, Service

ROLLOUT = {
    "steps": [{"weight": "20%", "for": "7s"}, {"weight": "60%"}, {"hold": "1h"}, {"bake": "1h"}],
    "step_time": {"at_least": "1s", "at_most": "7s"},
    "on_timeout": "promote-unproven",
}
"""20 % for as long as it takes to find another who decides, whatever the evidence of so few users says."""


@dataclass
class Server(Service):
    """One `abreast server`; its state is in a directory of its own."""

    name: str = ""
    store: str = ""
    extra: tuple[str, ...] = ()

    def up(self, *, wait: bool = True) -> "Server":
        """Start it; with ``wait`` until it says that the service is up."""
        log = self.directory / "up.log"
        before = len(self.log) if log.exists() else 0
        words = ["server", "--config", str(self.file), "--store", "${FLEET_STORE}", "--name", self.name, *self.extra]
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "abreast", *words],
                stdout=out,
                stderr=out,
                env={**os.environ, "FLEET_STORE": self.store},
            )
        if wait:
            self.until(lambda: " is up: " in self.log[before:], UP_S)
        return self

    def until_said(self, words: str, timeout_s: float = 20.0) -> None:
        """Wait until it has said that."""
        self.until(lambda: words in self.log, timeout_s)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def close(self) -> None:
        """End everything that may still run; the Envoy of a server that was killed is ended by hand."""
        if self.process is not None and self.process.poll() is None:
            self.process.wait(30)
        home = home_id(self.directory / ".abreast")
        for row in read_table():
            identity = Identity.parse(row.token) if row.token else None
            if identity is not None and identity.home == home and not row.dead:
                with suppress(ProcessLookupError):
                    os.kill(row.pid, signal.SIGKILL)

    def decides(self) -> bool:
        """Whether it says that it decides."""
        return any(each["decides"] for each in self.status()["servers"] if each["name"] == self.name)


@dataclass
class Site:
    """Three servers, the origins behind their gateways, and the database's address."""

    directory: Path
    store: str
    ports: dict[str, int]
    servers: list[Server] = field(default_factory=list)
    rollout: dict[str, Any] = field(default_factory=lambda: dict(ROLLOUT))

    def decider(self, among: Sequence[Server] | None = None, timeout_s: float = 20.0) -> Server:
        """The server that decides, once there is one."""
        limit = time.monotonic() + timeout_s
        while True:
            for each in among or self.servers:
                if each.decides():
                    return each
            assert time.monotonic() < limit, [each.log[-1500:] for each in self.servers]
            time.sleep(0.05)

    def add(self, name: str, rollout: Mapping[str, object] | None = None) -> Server:
        """One more server, not started."""
        home = self.directory / name
        home.mkdir()
        versions = {
            version: {"endpoints": [f"127.0.0.1:{port}"], "ready": "GET /healthz", "timeout": "4s"}
            for version, port in self.ports.items()
        }
        made = Service.of(home, versions, **(rollout or self.rollout))
        made.spec["api"] = {"listen": f"127.0.0.1:{free_port()}"}
        made.write()
        server = Server(home, made.spec, made.port, name=name, store=self.store)
        self.servers.append(server)
        return server


@contextmanager
def site(directory: Path, store: str) -> Iterator[Site]:
    """Origins that run until the end; servers that were started are ended then."""
    ports = {"v1": free_port(), "v2": free_port()}
    with ExitStack() as stack:
        for version, port in ports.items():
            words = ["-m", "abreast.bench.origin", "--port", str(port), "--version", version]
            origin = subprocess.Popen([sys.executable, *words])
            stack.callback(origin.wait)
            stack.callback(origin.kill)
        made = Site(directory, store, ports)
        try:
            yield made
        finally:
            for server in made.servers:
                if server.process is not None and server.process.poll() is None:
                    server.signal(signal.SIGCONT)
                    server.signal(signal.SIGINT)
            for server in made.servers:
                server.close()


def behave(port: int, **behaviour: object) -> None:
    """Have the origin at that port behave so from now on (`abreast.bench.origin.Behaviour`)."""
    httpx.post(f"http://127.0.0.1:{port}/-/origin", json=behaviour).raise_for_status()


class Crowd:
    """Users of one gateway, one request after the other on a kept connection, until the end of the block."""

    def __init__(self, port: int, pause_s: float = 0.01) -> None:
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self._port = port
        self._pause_s = pause_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"crowd-{port}")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        for number in itertools.count():
            if self._stop.is_set():
                break
            try:
                connection.request("GET", "/", headers={"x-user-id": f"user-{number}"})
                answer = connection.getresponse()
                answer.read()
                if answer.status != httpx.codes.OK:
                    self.failures.append(str(answer.status))
                self.answers[answer.headers["x-version"] or ""] += 1
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            time.sleep(self._pause_s)
        connection.close()


def kinds(server: Server, kind: str) -> list[dict[str, Any]]:
    """The events of that kind, as that server tells them."""
    events: list[dict[str, Any]] = server.client().get("/events", limit=1000)
    return [each for each in events if each["kind"] == kind]
