"""A whole fleet on one machine, each node in a network namespace of its own: servers, gateways, relays, and users.

The hub has the versions, which answer at once, and the way to the database. Users sit beside each gateway, so that it
can be cut off from everything else while it serves them.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from abreast.postgres.binaries import Binaries
from abreast.postgres.launcher import SOCKET_PORT, Cluster
from abreast.process.identity import Identity, home_id
from abreast.process.table import read_table
from tests.acceptance.network import HUB, Network, network
from tests.e2e.service import Service
from tests.fakes.namespace import inside_network
from tests.fakes.postgres import QUICK

SERVERS = ("s1", "s2", "s3")
GATEWAYS = ("g1", "g2", "g3", "g4")
RELAYS = ("r1", "r2")
LINK_PORT = 7443
RELAY_PORT = 7444
LISTEN = "127.0.0.1:8080"
"""Of each gateway, in its own namespace."""

UP_S = 60.0
FLEET_FIRST, OTHERS_LAST = -10, 10
"""All of it shares two cores: servers and agents come before gateways, and users and versions, who are on machines of
their own as a rule, come last."""
SPEC: dict[str, Any] = {
    "service": "shop",
    "gateway": {"listen": LISTEN, "timeout": "8s", "drain": "4s", "concurrency": 1},
    "users": {"by": ["header:x-user-id"]},
    "stable": "v1",
    "rollout": {
        "steps": [{"weight": "20%", "shadow": "2%"}, {"hold": "2h"}, {"bake": "1h"}],
        "step_time": {"at_least": "1s", "at_most": "10s"},
        "on_timeout": "promote-unproven",
        "gates": {"differences": {"ignore": ["header:x-version"]}},
    },
}


def prefer(pid: int, niceness: int) -> None:
    """Give a session more or less of the processor, where the scheduler shares out by sessions."""
    with suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness), encoding="ascii")
    with suppress(ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, pid, niceness)


@dataclass
class Node(Service):
    """One process of the fleet, started again under the same name and in the same directory."""

    name: str = ""
    words: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    ready: str = " is up: "
    environment: dict[str, str] = field(default_factory=dict)

    def up(self, *, wait: bool = True) -> "Node":
        """Start it; with ``wait`` until it says that it is there."""
        log = self.directory / "up.log"
        before = len(self.log) if log.exists() else 0
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [*self.inside, sys.executable, "-m", "abreast", *self.words],
                stdout=out,
                stderr=out,
                env={**os.environ, **self.environment},
                cwd=self.directory,
                start_new_session=True,  # the scheduler shares out by sessions, as machines of their own would have it
            )
        prefer(self.process.pid, FLEET_FIRST)
        if wait:
            self.until(lambda: self.ready in self.log[before:], UP_S)
        return self

    def has_said(self, words: str) -> bool:
        """Whether it has, ever."""
        return words in self.log

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    @property
    def family(self) -> list[int]:
        """The processes that it has started and that outlive it: its Envoy."""
        home = home_id(self.directory / ".abreast")
        found = []
        for row in read_table():
            identity = Identity.parse(row.token) if row.token else None
            if identity is not None and identity.home == home and not row.dead:
                found.append(row.pid)
        return found

    def kill_all(self) -> None:
        """As if its machine had lost its power."""
        self.kill()
        for pid in self.family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """End everything that may still run."""
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(30)
        if self.process is not None and self.process.poll() is None:
            self.kill()
        for pid in self.family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@dataclass
class Users:
    """Users beside one gateway: requests at a fixed rate, whatever becomes of them."""

    file: Path
    process: subprocess.Popen[bytes]
    began: float

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What the generator told each second, the report last."""
        found = []
        for line in self.file.read_text("utf-8").splitlines():
            with suppress(json.JSONDecodeError):
                found.append(json.loads(line))
        return found

    def failures(self) -> list[tuple[float, int]]:
        """Each second (Unix, its end) in which requests failed, and how many."""
        found, before = [], 0
        for each in self.lines:
            if each.get("progress") and each["failed"] > before:
                found.append((self.began + each["elapsed_s"], each["failed"] - before))
                before = each["failed"]
        return found


@dataclass
class Fleet:
    """All nodes by name; ``store`` is the database's address as the test itself reaches it."""

    net: Network
    directory: Path
    store: str
    nodes: dict[str, Node] = field(default_factory=dict)
    users: dict[str, Users] = field(default_factory=dict)

    def of(self, names: Sequence[str]) -> list[Node]:
        """Those nodes."""
        return [self.nodes[name] for name in names]

    def decider(self) -> str:
        """The server that says of itself that it decides; empty while none does."""
        return next((name for name, claims in self.claims().items() if claims), "")

    def claims(self) -> dict[str, bool]:
        """Of each server that answers at once whether it says of itself that it decides, all asked at one time."""
        with ThreadPoolExecutor(len(SERVERS)) as pool:
            told = dict(zip(SERVERS, pool.map(lambda name: status(self.nodes[name]), SERVERS), strict=True))
        return {
            name: any(each["decides"] and each["name"] == name for each in answer["servers"])
            for name, answer in told.items()
            if answer
        }

    def until_said(self, names: Sequence[str]) -> None:
        """Wait until each of them has said that it is there."""
        for node in self.of(names):
            node.until(partial(node.has_said, node.ready), UP_S)

    def whole(self) -> bool:
        """Whether one server decides, and all servers and gateways are there and obey, as each server tells it."""
        told = [status(each) for each in self.of(SERVERS)]
        return all(
            answer
            and not any(each["lost"] for each in (*answer["servers"], *answer["gateways"]))
            and len(answer["servers"]) == len(SERVERS)
            and len(answer["gateways"]) == len(GATEWAYS)
            and len(answer["relays"]) == len(RELAYS)
            and any(each["decides"] for each in answer["servers"])
            and all(each["obeys"] for each in answer["gateways"])
            for answer in told
        )

    def until_whole(self, timeout_s: float = 60.0) -> None:
        """Wait for it."""
        limit = time.monotonic() + timeout_s
        while not self.whole():
            assert time.monotonic() < limit, [status(each) for each in self.of(SERVERS)]
            time.sleep(0.5)

    def events(self) -> list[dict[str, Any]]:
        """Every event of the service, oldest first, from the database itself."""
        query = "SELECT id, kind, reason, actor, at FROM abreast_store.events ORDER BY id"
        with psycopg.connect(self.store) as connection:
            rows = connection.execute(query).fetchall()
        return [dict(zip(("id", "kind", "reason", "actor", "at"), row, strict=True)) for row in rows]

    def load(self, rate_per_s: float, seconds: float) -> None:
        """Have users come to every gateway, evenly, for so long."""
        for name in GATEWAYS:
            file = self.directory / f"users-{name}.json"
            words = [f"http://{LISTEN}", "--rate", str(rate_per_s / len(GATEWAYS)), "--duration", str(seconds)]
            words += ["--connections", "32", "--users", "5000", "--timeout", "10", "--watch", "x-version", "--progress"]
            with file.open("wb") as out:
                argv = [*self.net.inside(name), sys.executable, "-m", "abreast.load", *words]
                process = subprocess.Popen(argv, stdout=out, start_new_session=True)
                prefer(process.pid, OTHERS_LAST)
                self.users[name] = Users(file, process, time.time())

    def add(
        self, name: str, words: Sequence[str], ready: str, spec: dict[str, Any] | None = None, **environment: str
    ) -> Node:
        """One more node, started and not waited for."""
        home = self.directory / name
        home.mkdir()
        node = Node(home, spec or {}, name=name, words=tuple(words), inside=tuple(self.net.inside(name)), ready=ready)
        node.environment = environment
        self.nodes[name] = node
        if spec:
            node.write()
        node.up(wait=False)
        return node

    def add_server(self, name: str, versions: dict[str, Any], store: str) -> Node:
        """One server, which has no gateway of its own."""
        address = self.net.addresses[name]
        words = (
            "server",
            "--name",
            name,
            "--store",
            "${FLEET_STORE}",
            "--no-gateway",
            "--link",
            f"{address}:{LINK_PORT}",
        )
        return self.add(name, words, "taking gateways at", {**SPEC, "versions": versions}, FLEET_STORE=store)

    def add_agent(self, verb: str, name: str) -> Node:
        """One gateway or relay, which joins with a token of its own."""
        made = self.nodes["s1"].run("join-token", name, "--kind", verb)
        assert made.returncode == 0, made.stderr
        listen = LISTEN if verb == "gateway" else f"{self.net.addresses[name]}:{RELAY_PORT}"
        words = [verb, "--name", name, "--state", ".abreast", "--listen", listen]
        words += [word for each in SERVERS for word in ("--server", f"{self.net.addresses[each]}:{LINK_PORT}")]
        return self.add(name, words, " is up: ", ABREAST_JOIN_TOKEN=made.stdout.strip())


@contextmanager
def fleet(directory: Path, binaries: Binaries) -> Iterator[Fleet]:
    """A whole fleet that is up, with a PostgreSQL of these programs on the hub."""
    with ExitStack() as stack:
        net = stack.enter_context(network(*SERVERS, *GATEWAYS, *RELAYS))
        hub = net.addresses[HUB]
        cluster = _database(directory / "database", binaries, net)
        stack.callback(cluster.remove)
        made = Fleet(net, directory, cluster.url())
        stack.callback(_close, made)
        for place, version in enumerate(("v1", "v2")):
            words = ["-m", "abreast.bench.origin", "--host", hub, "--port", str(9001 + place), "--version", version]
            _start(stack, [*net.inside(HUB), sys.executable, *words])
        versions = {
            version: {"endpoints": [f"{hub}:{9001 + place}"], "ready": "GET /healthz", "timeout": "4s"}
            for place, version in enumerate(("v1", "v2"))
        }
        for each in SERVERS:
            made.add_server(each, versions, f"postgresql://postgres@{hub}:{SOCKET_PORT}/postgres?sslmode=disable")
        made.until_said(SERVERS)
        for each in GATEWAYS:
            made.add_agent("gateway", each)
        for each in RELAYS:
            made.add_agent("relay", each)
        made.until_said((*GATEWAYS, *RELAYS))
        made.until_whole()
        yield made


def _database(directory: Path, binaries: Binaries, net: Network) -> Cluster:
    """One that runs at the hub; whoever is in this network is trusted."""
    cluster = Cluster.create(directory, binaries, {**QUICK, "listen_addresses": net.addresses[HUB]})
    with (cluster.home / "data" / "pg_hba.conf").open("a", encoding="ascii") as rules:
        rules.write(f"host all all {net.addresses[HUB]}/24 trust\n")
    with inside_network(Path("/run/netns") / net.namespace(HUB)):
        cluster.start()
    return cluster


def _start(stack: ExitStack, argv: list[str]) -> None:
    """Start it, to be ended with the stack."""
    process = subprocess.Popen(argv, start_new_session=True)
    prefer(process.pid, OTHERS_LAST)
    stack.callback(process.wait)
    stack.callback(process.kill)


def _close(made: Fleet) -> None:
    for users in made.users.values():
        users.process.kill()
        users.process.wait()
    for name in reversed(made.nodes):
        made.nodes[name].close()


def status(node: Node, timeout_s: float = 2.0) -> dict[str, Any]:
    """What that server says; nothing where it does not answer in time."""
    request = b"GET /api/v1/status HTTP/1.1\r\nhost: abreast\r\nconnection: close\r\n\r\n"
    try:
        with socket.socket(socket.AF_UNIX) as asked:
            asked.settimeout(timeout_s)
            asked.connect(str(node.directory / ".abreast/run/api.sock"))
            asked.sendall(request)
            answer = b"".join(iter(lambda: asked.recv(65_536), b""))
        told: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    except (OSError, json.JSONDecodeError):
        return {}
    return told
