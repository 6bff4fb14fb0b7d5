"""Gateways apart from servers: each in a process of its own, with a state directory of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from abreast.bench.target import free_port
from abreast.process.identity import Identity, home_id
from abreast.process.table import read_table
from tests.fleet.servers import Server, Site, site


@dataclass
class Gateway:
    """One `abreast gateway` (or another agent: ``verb``), told of the links of these servers."""

    directory: Path
    name: str
    links: Sequence[int]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    verb: str = "gateway"

    @property
    def state(self) -> Path:
        """Its state directory."""
        return self.directory / f".{self.name}"

    @property
    def log(self) -> str:
        """What it said so far."""
        file = self.directory / f"{self.name}.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def up(self, token: str = "", *, wait: bool = True, options: Sequence[str] = ()) -> "Gateway":
        """Start it; with ``wait`` until it says that it is up."""
        words = [self.verb, "--name", self.name, "--state", str(self.state), "--listen", f"127.0.0.1:{self.port}"]
        words += [word for link in self.links for word in ("--server", f"127.0.0.1:{link}")]
        before = len(self.log)
        self.start([*words, *options], {"ABREAST_JOIN_TOKEN": token}, Path.cwd())
        if wait:
            self.until(lambda: " is up: " in self.log[before:], 40.0)
        return self

    def start(self, words: Sequence[str], environment: Mapping[str, str], directory: Path) -> None:
        """Run `abreast` with these words there."""
        with (self.directory / f"{self.name}.log").open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "abreast", *words],
                stdout=out,
                stderr=out,
                env={**os.environ, **environment},
                cwd=directory,
            )

    def until(self, true: Callable[[], bool], timeout_s: float = 20.0) -> None:
        """Wait for a condition; a gateway that ended meanwhile fails with what it said."""
        limit = time.monotonic() + timeout_s
        while not true():
            assert self.process is None or self.process.poll() is None, self.log
            assert time.monotonic() < limit, f"not within {timeout_s} s:\n{self.log[-3000:]}"
            time.sleep(0.05)

    def said(self, words: str, after: int = 0) -> None:
        """Wait until it has said that."""
        self.until(lambda: words in self.log[after:])

    def version(self, user: str = "ada") -> str:
        """Which version answers that user."""
        answer = httpx.get(f"http://127.0.0.1:{self.port}/", headers={"x-user-id": user}, timeout=5)
        answer.raise_for_status()
        return answer.headers["x-version"]

    def kill(self) -> None:
        """Kill the agent with SIGKILL; its Envoy goes on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """End it as Ctrl-C does; returns its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)

    def close(self) -> None:
        """End everything that may still run."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if not self.state.exists():
            return
        home = home_id(self.state)
        for row in read_table():
            identity = Identity.parse(row.token) if row.token else None
            if identity is not None and identity.home == home and not row.dead:
                with suppress(ProcessLookupError):
                    os.kill(row.pid, signal.SIGKILL)


@dataclass
class Fleet:
    """Servers that take gateways and have none of their own, and the gateways."""

    site: Site
    links: dict[str, int] = field(default_factory=dict)
    gateways: list[Gateway] = field(default_factory=list)

    @property
    def servers(self) -> list[Server]:
        """The servers."""
        return self.site.servers

    def add_server(self, name: str) -> Server:
        """One more server, not started."""
        self.links[name] = free_port()
        server = self.site.add(name)
        server.extra = ("--no-gateway", "--link", f"127.0.0.1:{self.links[name]}")
        return server

    def add(self, name: str) -> Gateway:
        """One more gateway, not started, that knows all servers."""
        gateway = Gateway(self.site.directory, name, tuple(self.links.values()))
        self.gateways.append(gateway)
        return gateway

    def add_relay(self, name: str) -> Gateway:
        """One relay that has joined, and that all servers know."""
        relay = Gateway(self.site.directory, name, tuple(self.links.values()), verb="relay")
        self.gateways.append(relay)
        relay.up(self.token(name, "--kind", "relay"))
        relay.until(lambda: relay.log.count("connected to server ") >= len(self.links))
        return relay

    def token(self, name: str, *words: str) -> str:
        """A join token for a gateway of that name, asked of the first server."""
        made = self.servers[0].run("join-token", name, *words)
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    def shown(self, server: Server) -> dict[str, dict[str, Any]]:
        """The gateways by name, as that server shows them."""
        return {each["name"]: each for each in server.status()["gateways"]}


@contextmanager
def fleet(directory: Path, store: str, servers: str, gateways: Sequence[str], **rollout: object) -> Iterator[Fleet]:
    """Servers that are up, and gateways that have joined; ``rollout`` has other settings than usual."""
    with site(directory, store) as made:
        made.rollout.update(rollout)
        all_ = Fleet(made)
        try:
            for name in servers:
                all_.add_server(name).up(wait=False)
            for server in all_.servers:
                server.until_said("taking gateways at", 45)
            for name in gateways:
                all_.add(name).up(all_.token(name), wait=False)
            for gateway in all_.gateways:
                gateway.said(" is up: ")
            yield all_
        finally:
            for gateway in all_.gateways:
                gateway.close()
