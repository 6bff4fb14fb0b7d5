"""Three servers on one PostgreSQL, four gateways, two relays: killed, stopped and cut off at random under load.

``ABREAST_FLEET_S`` makes it shorter than the ten minutes that are asked for.
"""

import os
import random
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from abreast.model.errors import AbreastError
from tests.acceptance.fleet_site import GATEWAYS, RELAYS, SERVERS, Fleet, Node, fleet, status
from tests.acceptance.network import HUB
from tests.fakes.postgres import NEWEST, Servers

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(1500)]

LASTS_S = float(os.environ.get("ABREAST_FLEET_S", "600"))
RATE_PER_S = 2000.0
SEED = 20_261_123
OBEYED_S = 0.3
PAUSE_S = 0.7
"""Between two orders."""
ASKED_AT_ONCE_S = 0.9
"""Answers that took longer are of different moments: a holder steps back a second before another may begin."""


@dataclass
class Order:
    """One order through one server; ``quiet``: nothing was wrong in the fleet when it began and when it ended."""

    at: float
    through: str
    quiet: bool
    took_s: float | None
    unconfirmed: tuple[str, ...] = ()
    error: str = ""


@dataclass
class Chaos:
    """What is done to the fleet, and what was seen meanwhile."""

    made: Fleet
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    away: set[str] = field(default_factory=set)
    trouble: bool = False
    dead: list[tuple[str, float, float]] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    claims: list[list[str]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def rest(self, low_s: float = 5.0, high_s: float = 9.0) -> None:
        """How long something lasts."""
        time.sleep(self.chance.uniform(low_s, high_s))

    @contextmanager
    def without(self, node: Node) -> Iterator[None]:
        """Nobody asks that node for anything meanwhile."""
        self.away.add(node.name)
        try:
            yield
        finally:
            self.away.discard(node.name)

    def server(self) -> Node:
        """Mostly the one that decides."""
        decider = self.made.decider()
        return self.made.nodes[decider if decider and self.chance.random() < 0.7 else self.chance.choice(SERVERS)]

    def kill_server(self) -> None:
        node = self.server()
        with self.without(node):
            node.kill()
            self.rest()
            node.up()

    def stop_server(self) -> None:
        """For longer than the lease: it goes on as if nothing had been."""
        node = self.server()
        with self.without(node):
            node.signal(signal.SIGSTOP)
            self.rest(7.0, 9.0)
            node.signal(signal.SIGCONT)

    def cut_server_from_database(self) -> None:
        node = self.server()
        with self.without(node):
            self.made.net.cut(node.name, HUB)
            self.rest(8.0, 12.0)
            self.made.net.heal(node.name, HUB)

    def cut_server_from_agents(self) -> None:
        self.cut(self.server(), (*GATEWAYS, *RELAYS))

    def cut_gateway(self) -> None:
        self.cut(self.made.nodes[self.chance.choice(GATEWAYS)], SERVERS)

    def cut(self, node: Node, others: tuple[str, ...]) -> None:
        self.made.net.cut(node.name, *others)
        self.rest()
        self.made.net.heal(node.name, *others)

    def kill_agent(self) -> None:
        """Its Envoy goes on."""
        node = self.made.nodes[self.chance.choice(GATEWAYS)]
        node.kill()
        self.rest()
        node.up()

    def kill_gateway(self) -> None:
        """Agent and Envoy: its users fail until it is there again."""
        node = self.made.nodes[self.chance.choice(GATEWAYS)]
        began = time.time()
        node.kill_all()
        self.rest(2.0, 4.0)
        node.up()
        self.dead.append((node.name, began, time.time()))

    def kill_relay(self) -> None:
        node = self.made.nodes[self.chance.choice(RELAYS)]
        node.kill()
        self.rest()
        node.up()

    def faults(self, until: float) -> None:
        """One after the other, each kind as often as every other; between two the fleet is whole."""
        kinds: list[Callable[[], None]] = [
            self.kill_server,
            self.stop_server,
            self.cut_server_from_database,
            self.cut_server_from_agents,
            self.cut_gateway,
            self.kill_agent,
            self.kill_gateway,
            self.kill_relay,
        ]
        while time.time() < until:
            self.chance.shuffle(kinds)
            for kind in kinds:
                if time.time() >= until:
                    return
                self.trouble = True
                kind()
                self.made.until_whole()
                self.trouble = False
                self.done.append(kind.__name__)
                self.rest(2.0, 4.0)

    def give_orders(self) -> None:
        """Weights at random through any server that can be asked."""
        chance = random.Random(SEED + 1)
        while not self.over.wait(PAUSE_S):
            name = chance.choice([each for each in SERVERS if each not in self.away])
            quiet, began = not self.trouble, time.time()
            try:
                done = self.made.nodes[name].give("weight", weight=chance.randrange(100, 9900))
            except AbreastError as error:
                self.orders.append(Order(began, name, quiet and not self.trouble, None, error=str(error)))
                continue
            names = tuple(done["unconfirmed"])
            self.orders.append(Order(began, name, quiet and not self.trouble, done["obeyed_s"], names))

    def watch(self) -> None:
        """Who says of itself that it decides."""
        while not self.over.wait(1.0):
            began = time.monotonic()
            claims = self.made.claims()
            if time.monotonic() - began < ASKED_AT_ONCE_S:
                self.claims.append([name for name, decides in claims.items() if decides])


@pytest.fixture
def made(short_tmp: Path, servers: Servers) -> Iterator[Fleet]:
    with fleet(short_tmp, servers.binaries(NEWEST)) as each:
        yield each


def test_nobody_notices_but_users_of_a_killed_gateway(made: Fleet) -> None:
    chaos = Chaos(made)
    first = made.nodes[made.decider()]
    first.give("start", version="v2")
    first.until(lambda: status(first).get("weight") == 2000, 60)
    made.load(RATE_PER_S, LASTS_S + 60)
    time.sleep(3)
    threads = [threading.Thread(target=each) for each in (chaos.give_orders, chaos.watch)]
    with ExitStack() as stack:
        for each in threads:
            each.start()
            stack.callback(each.join)
        stack.callback(chaos.over.set)
        chaos.faults(time.time() + LASTS_S)
    for users in made.users.values():
        users.process.send_signal(signal.SIGINT)
        users.process.wait(30)
    tell(chaos)
    check_users(chaos)
    check_deciders(chaos)
    check_orders(chaos)
    ledger = made.nodes[made.decider()].client().get("/findings")["ledger"]
    assert ledger["compared"] > 0


def quick(orders: list[Order]) -> list[float]:
    """How long each took that all nodes confirmed, in order of length."""
    return sorted(each.took_s for each in orders if each.took_s is not None)


def tell(chaos: Chaos) -> None:
    """What was done and seen, for people."""
    for name, users in chaos.made.users.items():
        last = users.lines[-1]
        print(f"{name}: {last['sent']} sent, {last['failed']} failed {last['failures']}")
        print("  killed:", [(round(a - users.began), round(b - users.began)) for g, a, b in chaos.dead if g == name])
        print("  failed:", [(round(at - users.began), count) for at, count in users.failures()])
    for title, orders in (("quiet", [each for each in chaos.orders if each.quiet]), ("all", chaos.orders)):
        took = quick(orders)
        p50, p99 = (took[int(len(took) * share)] for share in (0.5, 0.99))
        named = sum(1 for each in orders if each.unconfirmed)
        print(f"orders, {title}: {len(orders)}, p50 {p50:.3f} s, p99 {p99:.3f} s, {named} name silent nodes")
        print("  refused:", [each.error.splitlines()[0] for each in orders if each.error])
    print("done:", {kind: chaos.done.count(kind) for kind in sorted(set(chaos.done))}, "claims:", len(chaos.claims))
    print([each["reason"] for each in chaos.made.events() if each["kind"] == "lease"])


def check_users(chaos: Chaos) -> None:
    """Nobody failed but at a gateway that was killed whole, while it was away."""
    for name, users in chaos.made.users.items():
        away = [(begin, end) for gateway, begin, end in chaos.dead if gateway == name]
        for at, count in users.failures():
            assert any(begin - 1 <= at <= end + 12 for begin, end in away), (name, at - users.began, count)


def check_deciders(chaos: Chaos) -> None:
    """Never two: nobody says so beside another, and tokens only grow, one for each who began."""
    assert len(chaos.claims) > LASTS_S / 4
    assert all(len(claims) <= 1 for claims in chaos.claims)
    told = [each["reason"] for each in chaos.made.events() if each["kind"] == "lease"]
    tokens = [int(found[1]) for each in told if (found := re.search(r"\(token (\d+)\)", each))]
    assert len(tokens) == len(told) > 1
    assert tokens == sorted(set(tokens))


def check_orders(chaos: Chaos) -> None:
    """Every order was confirmed by all, or names who was silent; while nothing is wrong within 300 ms."""
    quiet = [each for each in chaos.orders if each.quiet]
    assert len(quiet) > LASTS_S / 20
    assert not [each for each in quiet if each.error or each.took_s is None]
    took = quick(quiet)
    assert took[int(len(took) * 0.99)] <= OBEYED_S
    assert not [each for each in chaos.orders if each.took_s is None and not each.unconfirmed and not each.error]
