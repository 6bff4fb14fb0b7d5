"""``abreast down``: ends what runs for a directory, in order, and whatever a killed control plane has left."""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from abreast.clock import SystemClock
from abreast.drivers.docker_engine import Engine
from abreast.drivers.docker_host import engine_url
from abreast.drivers.kubernetes_manifest import HOME
from abreast.drivers.leftovers import end_containers, end_instances, end_rest, recorded
from abreast.drivers.record import Records
from abreast.envoy.process import EnvoyProcesses
from abreast.model.errors import AbreastError, AlreadyRunningError, RefusedError, StoreError, WaitTimeoutError
from abreast.model.service import GatewaySettings
from abreast.model.spec import Spec
from abreast.process.identity import Identity, known_home
from abreast.process.survey import Left, survey
from abreast.process.table import read_row, read_table
from abreast.spec_source import load_spec
from abreast.state_dir import StateDir

Say = Callable[[str], None]

LONGEST_S: Final = 300.0
"""How long everything together may take, unless it is said."""

_LOOK_S: Final = 0.1
_ANSWER_S: Final = 5.0
_MOMENT_S, _MOMENTS = 0.01, 500
_REFUSED: Final = 409
_MUTE: Final = "holds the directory and does not listen (it starts or ends, or is another abreast down): waiting"


@dataclass
class Outcome:
    """What came of it, in words. ``control_plane``: the process that was asked to end, and has.

    ``faults`` says what could not be done, ``left`` what still runs, ``stays`` what is meant to.
    """

    control_plane: int | None = None
    ended: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    stays: list[str] = field(default_factory=list)

    @property
    def nothing(self) -> bool:
        """Whether there was nothing to end."""
        return not (self.control_plane or self.ended or self.left or self.faults)


@dataclass
class _Work:
    """One `run_down`; ``seen`` holds all that has run since it began."""

    state: StateDir
    say: Say
    limit: float
    """Until when, on the loop's clock."""
    outcome: Outcome = field(default_factory=Outcome)
    seen: dict[Identity, Left] = field(default_factory=dict)

    @property
    def home(self) -> str:
        """The directory's id, "" if nothing was ever started for it. Raises StoreError."""
        try:
            return known_home(self.state.path)
        except OSError as error:
            message = f"{str(self.state.path / 'home')!r} cannot be read: {error.strerror}"
            raise StoreError(message, "run abreast down as the user who ran abreast up") from error

    async def look(self) -> Sequence[Left]:
        """What runs now of this directory's."""
        home = self.home
        found = await asyncio.to_thread(_runs, home, self.state.run / "instances") if home else ()
        self.seen.update((each.identity, each) for each in found)
        return found


async def run_down(spec_file: Path, say: Say, actor: str, longest_s: float = LONGEST_S) -> Outcome:
    """End all that runs for the directory of the spec, which need not be there; ``say`` hears of the progress.

    ``actor`` is who wants it. May be broken off at any moment and done again. Raises WaitTimeoutError when whoever
    holds the directory does not let it go in time, RefusedError when it is a server of a fleet, StoreError.
    """
    work = _Work(StateDir.beside(spec_file.parent), say, asyncio.get_running_loop().time() + longest_s)
    outcome = work.outcome
    if not work.state.path.is_dir():
        return outcome
    await work.look()
    descriptor = await _take(work, actor)
    try:
        await _gone(outcome.control_plane)
        if work.home:
            await _end_left(work, _known_spec(spec_file))
        left = {each.identity for each in await work.look()}
    finally:
        os.close(descriptor)
    outcome.left = sorted(str(work.seen[each]) for each in left)
    outcome.ended = sorted([*outcome.ended, *(str(each) for name, each in work.seen.items() if name not in left)])
    return outcome


async def _take(work: _Work, actor: str) -> int:
    """Hold the directory once nobody else does; each control plane that does is asked to end, once."""
    state, loop = work.state, asyncio.get_running_loop()
    asked: set[str] = set()
    told = ""
    while True:
        holder = state.holder()
        try:
            return state.lock()
        except AlreadyRunningError as error:
            if loop.time() > work.limit:
                raise await _not_let_go(work, holder, error) from error
        if holder not in asked and await _ask(work, actor):
            asked.add(holder)
            pid = work.outcome.control_plane
            work.say(f"told abreast (process {pid}) to end: the gateway drains, then the versions end")
        running = ", ".join(map(str, await work.look()))
        news = f"running still: {running}" if holder in asked else f"process {holder or 'unknown'} {_MUTE}"
        if news != told and (running or holder not in asked):
            work.say(news)
            told = news
        await asyncio.sleep(_LOOK_S)


async def _ask(work: _Work, actor: str) -> bool:
    """Whether a control plane has taken the order. Raises RefusedError."""
    transport = httpx.AsyncHTTPTransport(uds=str(work.state.api))
    async with httpx.AsyncClient(transport=transport, base_url="http://abreast/api/v1", timeout=_ANSWER_S) as http:
        try:
            answer = await http.post("/end", json={"actor": actor})
            told = answer.json()
        except (httpx.HTTPError, OSError, ValueError):
            return False  # not yet, or not any more
    if answer.status_code == _REFUSED:
        raise RefusedError(str(told.get("detail")), str(told.get("remedy")))
    if answer.is_success:
        work.outcome.control_plane = int(told["pid"])
    return answer.is_success


async def _gone(pid: int | None) -> None:
    """Its lock is let go of a moment before the process ends: wait for that too, but not for ever."""
    for _ in range(_MOMENTS):
        row = read_row(pid) if pid is not None else None
        if row is None or row.dead:
            return
        await asyncio.sleep(_MOMENT_S)


async def _not_let_go(work: _Work, holder: str, error: AlreadyRunningError) -> WaitTimeoutError:
    running = ", ".join(map(str, await work.look())) or "nothing else"
    return WaitTimeoutError(
        f"{error.message}, and has not ended; beside it runs: {running}",
        f"see {str(work.state.logs / 'abreast.log')!r}, and give it more time with --timeout; "
        f"if it hangs: kill -9 {holder or 'PROCESS'}, then abreast down again, which ends the rest",
    )


async def _end_left(work: _Work, spec: Spec | None) -> None:
    """End what a control plane has left that did not end in order: the gateway first, then the rest."""
    state, loop = work.state, asyncio.get_running_loop()
    state.make()
    left = await work.look()
    if left or (state.run / "docker").exists():
        work.say(f"left by an earlier run: {', '.join(map(str, left)) or 'containers, maybe'}")
    engine = Engine(engine_url, work.home, SystemClock(), work.say)
    ending = asyncio.ensure_future(_end_all(work, spec, engine))
    try:
        done, _ = await asyncio.wait({ending}, timeout=max(work.limit - loop.time(), _LOOK_S))
        if done:
            ending.result()
        else:
            work.outcome.faults.append("not everything has ended in time")
    finally:
        ending.cancel()
        await asyncio.gather(ending, return_exceptions=True)
        await engine.close()
    work.outcome.stays += _deployments(work.home, spec)


async def _end_all(work: _Work, spec: Spec | None, engine: Engine) -> None:
    state, faults = work.state, work.outcome.faults
    try:
        await _end_gateway(state, spec, work.home)
    except OSError as error:
        faults.append(f"the gateway cannot be ended: {error.strerror or error}")
    instances = end_instances(work.home, Records(state.run / "instances"))
    for told in await asyncio.gather(instances, _end_containers(engine, state.run / "docker", work.outcome)):
        faults += told
    # Relays, and whatever else has our name: an Envoy whose leader is gone, say.
    faults += await end_rest(await work.look())
    for socket in state.run.glob("*.sock"):
        socket.unlink(missing_ok=True)


async def _end_gateway(state: StateDir, spec: Spec | None, home: str) -> None:
    """Drain and end every Envoy, and remove what they leave in this machine's shared memory."""
    processes = EnvoyProcesses(
        home=home,
        run_dir=state.run,
        log_file=state.logs / "envoy.log",
        ads=state.run / "ads.sock",
        settings=spec.service().gateway if spec else GatewaySettings(),
        clock=SystemClock(),
        on_change=lambda: None,
        on_event=lambda _: None,
    )
    processes.adopt()
    await processes.close(stop=True)
    processes.sweep()


async def _end_containers(engine: Engine, mark: Path, outcome: Outcome) -> list[str]:
    """The driver's ``mark`` is there as long as some may be left; without it the engine is not asked."""
    if not await asyncio.to_thread(mark.exists):
        return []
    faults = await end_containers(engine, outcome.ended.append)
    if not faults:
        await asyncio.to_thread(mark.unlink, missing_ok=True)
    return faults


def _runs(home: str, records: Path) -> Sequence[Left]:
    """What runs of that home: by its token, or else, where that is hidden, by its record."""
    found = survey(home, read_table())
    known = {each.identity for each in found}
    hidden = recorded(home, Records(records)) if records.is_dir() else ()
    return [*found, *(each for each in hidden if each.identity not in known)]


def _known_spec(spec_file: Path) -> Spec | None:
    """The spec; None if it cannot be read, which must not keep anything from ending."""
    try:
        return load_spec(spec_file)
    except AbreastError:
        return None


def _deployments(home: str, spec: Spec | None) -> list[str]:
    """Deployments are left as they are, as by `abreast up` when it ends; how ours are removed."""
    versions = spec.service().versions if spec else ()
    made = [each.name for each in versions if each.workload is not None and not each.workload.adopted]
    if not made:
        return []
    return [f"Deployments of {', '.join(made)}, if they were started: kubectl delete deployment -l {HOME}={home}"]
