"""``abreast relay``: compares copies of requests for a fleet, wherever it runs.

Gateways bring copies to its port by mutual TLS. It is connected to every server: the one that decides tells it whom to
ask and what to compare how, and collects what it found. It keeps nothing: what it held when it is killed is lost, and
counted as such by whoever collects.
"""

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from abreast.app.foreground import Say, prepare_process, unless, until_stopped
from abreast.app.joining import agent_files, join
from abreast.clock import SystemClock
from abreast.link.credentials import Credentials
from abreast.link.line import Charge, Line, Relaying
from abreast.model.agent import AgentName, JoinToken, ServerAddress
from abreast.model.errors import PortInUseError, StoreError
from abreast.model.service import Endpoint
from abreast.model.traffic import NodeTls
from abreast.shadow.ask import Asker
from abreast.shadow.difference_log import open_difference_log
from abreast.shadow.server import RelayApp, RelayServer, at_address, respond
from abreast.shadow.worker import Relay
from abreast.state_dir import StateDir

log: Final = logging.getLogger(__name__)

NICENESS: Final = 10
"""Live requests on the same machine come first (nice(2))."""

CLOSING_S: Final = 2.0
"""How long an ending relay decides and reports what it holds."""

LEAVE_S: Final = 1.0
_RENEW_S: Final = 60.0


@dataclass(frozen=True)
class RelayPlan:
    """What a relay is told at its start. ``address`` is where gateways reach ``listen``."""

    agent: AgentName
    servers: tuple[ServerAddress, ...]
    state: Path
    listen: Endpoint
    address: Endpoint
    token: JoinToken | None = None


@dataclass
class RelayAgent:
    """One running relay and its lines to all servers."""

    relay: Relay
    server: RelayServer
    lines: list[Line]
    credentials: Credentials
    files: NodeTls
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


async def run_relay(plan: RelayPlan, say: Say, stop: asyncio.Event) -> None:
    """Compare until ``stop``. Raises AbreastError when something stands in the way."""
    async with AsyncExitStack() as stack:
        agent = await unless(stop, stack.enter_async_context(comparing(plan, say)))
        if agent is None:
            say("stopped before the relay was up")
            return
        await until_stopped(stop, agent.tasks)
        say("stopping: what is held is decided and reported")


@asynccontextmanager
async def comparing(plan: RelayPlan, say: Say) -> AsyncIterator[RelayAgent]:
    """Joined, and there for gateways and servers; ended in order on leaving."""
    state = StateDir(plan.state.resolve())
    state.make()
    async with AsyncExitStack() as stack:
        stack.callback(os.close, state.lock())
        prepare_process(state)
        os.nice(max(NICENESS - os.nice(0), 0))
        _open_log(state.logs / "differences.log")
        credentials = Credentials(state.agent, plan.agent)
        await join(credentials, plan.servers, plan.token, say)
        asker = await stack.enter_async_context(Asker())
        agent = _agent(plan, credentials, state, Relay(asker, secrets.token_hex(8)), say)
        stack.push_async_callback(_end, agent)
        agent.tasks += [asyncio.create_task(each.run(), name="link") for each in agent.lines]
        agent.tasks.append(asyncio.create_task(agent.relay.run(), name="relay"))
        agent.tasks.append(asyncio.create_task(agent.server.serve(), name="copies"))
        agent.tasks.append(asyncio.create_task(_renew(agent), name="renew"))
        say(f"{plan.agent.name} is up: gateways bring copies to {plan.address}")
        yield agent


def _agent(plan: RelayPlan, credentials: Credentials, state: StateDir, relay: Relay, say: Say) -> RelayAgent:
    """It listens. Raises PortInUseError, StoreError."""
    files = agent_files(credentials, state.path)
    try:
        listener = at_address(plan.listen)
    except OSError as error:
        message = f"--listen: {plan.listen} cannot be listened on: {error.strerror or error}"
        raise PortInUseError(message, "stop what holds it, or choose another address") from error
    server = RelayServer(RelayApp(relay, exchanges_only=True), listener, files)

    def answer(method: str, target: str, body: str) -> tuple[int, str]:
        said = respond(relay, method, target, body.encode())
        return said.status, said.body.decode("utf-8", "replace")

    lines = [_line(each, credentials, say) for each in plan.servers]
    for line in lines:
        line.relay = Relaying(plan.address, answer)
    return RelayAgent(relay, server, lines, credentials, files)


def _line(server: ServerAddress, credentials: Credentials, say: Say) -> Line:
    return Line(
        (server,),
        credentials,
        Charge(tuple, lambda _: (), lambda _: None),
        say=say,
        clock=SystemClock(),
        random=Random(),  # noqa: S311  # only so that not all come back to a server at the same moment
    )


async def _renew(agent: RelayAgent) -> None:
    """Show gateways the certificate of now."""
    while True:
        await asyncio.sleep(_RENEW_S)
        try:
            files = agent_files(agent.credentials, agent.files.authority.parent)
        except StoreError as error:
            log.warning("the renewed certificate cannot be kept: %s", error)
            continue
        if files != agent.files:
            agent.files = files
            agent.server.renew(files)


async def _end(agent: RelayAgent) -> None:
    """Decide what is held while servers can still collect it, then leave."""
    await agent.relay.close(CLOSING_S)
    await asyncio.gather(*(each.leave(LEAVE_S) for each in agent.lines))
    agent.server.stop()
    for task in agent.tasks:
        if task.get_name() != "copies":
            task.cancel()
    for task in agent.tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _open_log(file: Path) -> None:
    try:
        open_difference_log(file)
    except OSError as error:
        raise StoreError(
            f"{file} cannot be written: {error}", "see whose it is, and whether the disk is full"
        ) from error
