"""``abreast gateway``: an Envoy apart from any server, and the agent that has it do what the servers say.

What it was told last is kept, and what it starts from: while no server answers, users are served by that.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Final

from abreast.app.foreground import Say, prepare_process, unless, until_stopped
from abreast.app.front import keep_log
from abreast.app.joining import agent_files, join
from abreast.clock import SystemClock
from abreast.envoy.gateway import EnvoyGateway
from abreast.link import messages
from abreast.link.credentials import Credentials, write_private
from abreast.link.line import Charge, Line
from abreast.link.messages import Tell
from abreast.model.agent import AgentName, JoinToken, ServerAddress
from abreast.model.errors import GatewayError, StoreError
from abreast.model.service import Endpoint, GatewaySettings, Tls
from abreast.model.traffic import Traffic
from abreast.process.identity import home_id
from abreast.process.listening import require_listenable
from abreast.state_dir import StateDir

log: Final = logging.getLogger(__name__)

OBEY_S: Final = 20.0
"""How long Envoy may take until it has its first snapshot."""

LEAVE_S: Final = 3.0
_RENEW_S: Final = 60.0
_WATCH_S: Final = 0.05


@dataclass(frozen=True)
class Plan:
    """What an agent is told at its start. ``listen`` and ``tls`` stand in for what the spec says of gateways.

    ``token`` is needed until it has joined.
    """

    agent: AgentName
    servers: tuple[ServerAddress, ...]
    state: Path
    token: JoinToken | None = None
    listen: Endpoint | None = None
    tls: Tls | None = None


@dataclass
class Agent:
    """One running gateway and its line to the servers."""

    plan: Plan
    state: StateDir
    credentials: Credentials
    gateway: EnvoyGateway
    line: Line
    say: Say
    told: asyncio.Queue[Tell] = field(default_factory=asyncio.Queue)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """What the servers told last."""
        return self.state.path / "told.json"

    def renew(self) -> None:
        """Have Envoy show relays the certificate of now, if it is another one."""
        try:
            files = agent_files(self.credentials, self.state.path)
        except StoreError as error:
            log.warning("the renewed certificate cannot be given to Envoy: %s", error)
            return
        told = _remembered(self.file)
        if files != self.gateway.relay_tls and told is not None:
            self.gateway.relay_tls = files
            self.told.put_nowait(told)

    def fitted(self, traffic: Traffic) -> Traffic:
        """With what is this machine's own."""
        settings = traffic.gateway
        log_ = settings.access_log
        if log_ is not None and log_.file:
            log_ = replace(log_, file=str(self.state.logs / "access.log"))
        own = replace(
            settings, listen=self.plan.listen or settings.listen, tls=self.plan.tls or settings.tls, access_log=log_
        )
        return replace(traffic, gateway=own)


async def run_gateway(plan: Plan, say: Say, stop: asyncio.Event) -> None:
    """Serve users until ``stop``. Raises AbreastError when something stands in the way."""
    async with AsyncExitStack() as stack:
        agent = await unless(stop, stack.enter_async_context(serving(plan, say)))
        if agent is None:
            say("stopped before the gateway was up")
            return
        await until_stopped(stop, agent.tasks)
        say("stopping: the servers are told, then the gateway drains")


@asynccontextmanager
async def serving(plan: Plan, say: Say) -> AsyncIterator[Agent]:
    """Joined, and serving what was told last, or what a server tells now; ended in order on leaving."""
    state = StateDir(plan.state.resolve())
    state.make()
    async with AsyncExitStack() as stack:
        stack.callback(os.close, state.lock())
        prepare_process(state)
        credentials = Credentials(state.agent, plan.agent)
        await join(credentials, plan.servers, plan.token, say)
        agent = _agent(plan, state, credentials, say)
        stack.push_async_callback(_end, agent)
        await _start(agent)
        yield agent


def _agent(plan: Plan, state: StateDir, credentials: Credentials, say: Say) -> Agent:
    clock, lines = SystemClock(), list[Line]()
    gateway = EnvoyGateway(
        home=home_id(state.path),
        run_dir=state.run,
        log_file=state.logs / "envoy.log",
        settings=GatewaySettings(),
        clock=clock,
        on_change=lambda: lines[0].wake(),  # noqa: PLW0108  # there is a line only once there is a gateway
        on_event=log.info,
    )
    told: asyncio.Queue[Tell] = asyncio.Queue()
    line = Line(
        plan.servers,
        credentials,
        Charge(gateway.nodes, lambda after: gateway.counts.finished("", after), told.put_nowait),
        say=say,
        clock=clock,
        random=Random(),  # noqa: S311  # only so that not all ask the same server at the same moment
    )
    lines.append(line)
    return Agent(plan, state, credentials, gateway, line, say, told)


async def _start(agent: Agent) -> None:
    """Envoy first where what it shall do is known; else as soon as a server has said it. Raises GatewayError."""
    kept = _remembered(agent.file)
    adopted = await agent.gateway.start()
    if kept is not None:
        agent.line.position = kept.position
        agent.told.put_nowait(kept)
        agent.say("starting from what was told last")
    agent.tasks.append(asyncio.create_task(agent.line.run(), name="link"))
    first = await agent.told.get()
    agent.gateway.relay_tls = agent_files(agent.credentials, agent.state.path)
    traffic = agent.fitted(first.traffic)
    _keep(agent, first)
    agent.gateway.processes.settings = traffic.gateway
    if not adopted:
        require_listenable(traffic.gateway.listen)
    agent.gateway.publish(traffic)
    if adopted:
        agent.say(f"taking over: the gateway of an earlier run still serves on {traffic.gateway.listen}")
    else:
        agent.gateway.launch()
    await _obeyed(agent)
    await _bring_up_to_date(agent)
    scheme = "https" if traffic.gateway.tls else "http"
    agent.say(f"{agent.plan.agent.name} is up: {scheme}://{traffic.gateway.listen} → {traffic.split.stable}")
    agent.tasks.append(asyncio.create_task(_obey(agent), name="obey"))
    agent.tasks.append(asyncio.create_task(_keep_certificate(agent), name="certificate"))
    agent.tasks.append(asyncio.create_task(keep_log(SystemClock(), agent.gateway), name="log"))


async def _obeyed(agent: Agent) -> None:
    """Wait until Envoy has its first snapshot. Raises GatewayError with its words."""
    limit = asyncio.get_running_loop().time() + OBEY_S
    while not agent.gateway.settled() and asyncio.get_running_loop().time() < limit:
        for node in agent.gateway.nodes():
            if node.nack:
                raise GatewayError(
                    f"Envoy refuses its configuration: {node.nack}", "mend what it names, then start again"
                )
        await asyncio.sleep(_WATCH_S)


async def _obey(agent: Agent) -> None:
    """Do what is told, the newest alone, and keep it for the next start."""
    while True:
        tell = await agent.told.get()
        while not agent.told.empty():
            tell = agent.told.get_nowait()
        traffic = agent.fitted(tell.traffic)
        agent.gateway.publish(traffic)
        await asyncio.to_thread(_keep, agent, tell)
        agent.gateway.processes.settings = traffic.gateway
        await _bring_up_to_date(agent)


async def _bring_up_to_date(agent: Agent) -> None:
    """Start another Envoy where what runs was started from other settings, or another binary."""
    processes = agent.gateway.processes
    if not processes.outdated:
        return
    agent.say("Envoy or its settings changed: hot restart")
    try:
        await processes.restart()
    except GatewayError as error:
        agent.say(f"the hot restart failed: {error}")


async def _keep_certificate(agent: Agent) -> None:
    """The certificate that relays are shown is the present one."""
    while True:
        await asyncio.sleep(_RENEW_S)
        agent.renew()


def _keep(agent: Agent, tell: Tell) -> None:
    """For a start without any server; it holds the testers' secret, so it is for this user alone."""
    try:
        write_private(agent.file, messages.by_server(tell))
    except StoreError as error:
        log.warning("what was told cannot be kept: %s", error)


def _remembered(file: Path) -> Tell | None:
    try:
        tell = messages.of_server(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("what was told last cannot be read from %s: %s", file, error)
        return None
    return tell if isinstance(tell, Tell) else None


async def _end(agent: Agent) -> None:
    """Leave, so that nobody waits for this gateway, then drain and end it."""
    if any(not task.done() for task in agent.tasks) and not await agent.line.leave(LEAVE_S):
        log.warning("no server was told that this gateway ends")
    for task in agent.tasks:
        task.cancel()
    await asyncio.gather(*agent.tasks, return_exceptions=True)
    await agent.gateway.close(stop=True)
