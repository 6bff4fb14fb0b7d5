"""The gateway of one machine: publishes snapshots to its Envoys, knows who obeys, counts what they did."""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import httpx
import orjson
from pydantic import TypeAdapter, ValidationError

from abreast.envoy.access_file import AccessFile
from abreast.envoy.ads import MEMORY, AdsServer
from abreast.envoy.counts import TICK_S, EnvoyCounts
from abreast.envoy.own_metrics import own_metrics
from abreast.envoy.process import EnvoyProcesses
from abreast.envoy.snapshot import Snapshot, build
from abreast.model.errors import AbreastError, GatewayError, PortInUseError
from abreast.model.service import GatewaySettings
from abreast.model.traffic import NodeTls, Traffic
from abreast.ports import Clock
from abreast.process.listening import require_listenable
from abreast.rollout.observed import NodeState

log: Final = logging.getLogger(__name__)

_SNAPSHOTS: Final = TypeAdapter(tuple[Snapshot, ...])


class EnvoyGateway:
    """Implements `abreast.ports.Gateway` on one machine.

    The newest snapshots are also kept in a file: a control plane that starts again tells its Envoys the very same
    until it has looked around, and knows which clusters their routes may still use.
    """

    def __init__(
        self,
        *,
        home: str,
        run_dir: Path,
        log_file: Path,
        settings: GatewaySettings,
        clock: Clock,
        on_change: Callable[[], None],
        on_event: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._file = run_dir / "snapshot.json"
        self.relay = run_dir / "relay.sock"
        self.relay_tls: NodeTls | None = None
        """By what relays elsewhere are reached; None: by nothing, copies go to the one of this machine."""
        self._ads = AdsServer(run_dir / "ads.sock", on_change)
        self.counts = EnvoyCounts(clock)
        self.processes = EnvoyProcesses(
            home=home,
            run_dir=run_dir,
            log_file=log_file,
            ads=run_dir / "ads.sock",
            settings=settings,
            clock=clock,
            on_change=on_change,
            on_event=on_event,
        )
        self._poller: asyncio.Task[None] | None = None
        self._access_file: AccessFile | None = None
        self._reopen_due = False
        self._rotation_fault = ""

    async def start(self) -> bool:
        """Serve ADS and adopt Envoys left running; whether there were any (else call `launch`)."""
        remembered = self._remembered()
        adopted = self.processes.adopt()
        # The earlier control plane may have died between moving the access log and saying so.
        self._reopen_due = adopted
        for snapshot in remembered if adopted else ():
            self._ads.publish(snapshot)
        await self._ads.start()
        self._poller = asyncio.create_task(self._poll(), name="counts")
        return adopted

    def launch(self) -> None:
        """Start an Envoy. Raises GatewayError."""
        self.processes.start()

    async def open(self) -> None:
        """Start an Envoy, and wait until it lives. Raises GatewayError."""
        self.launch()
        envoy = self.processes.current
        if envoy is not None:
            await self.processes.wait_live(envoy)

    @staticmethod
    def serving(settings: GatewaySettings) -> str:
        """What an adopted gateway does, for people."""
        return f"the gateway of an earlier run still serves on {settings.listen}"

    @staticmethod
    def address(settings: GatewaySettings) -> str:
        """Where users' requests come in, for people."""
        return f"{'https' if settings.tls else 'http'}://{settings.listen}"

    @staticmethod
    def refusal(words: str) -> AbreastError:
        """What it means at the start that Envoy refuses its first snapshot: mostly that a port is taken."""
        return PortInUseError(f"Envoy refuses its configuration: {words}", "mend what it names, then start again")

    def require_free(self, settings: GatewaySettings) -> None:
        """Raise PortInUseError if somebody else listens where users' requests are to come in."""
        require_listenable(settings.listen)

    def adopt(self, settings: GatewaySettings) -> None:
        """Run by these settings from the next start of an Envoy on; `outdated` if one runs by others."""
        self.processes.settings = settings

    @property
    def outdated(self) -> bool:
        """Whether an Envoy runs that is another one, or by other settings, than would be started now."""
        return self.processes.outdated

    async def restart(self) -> str:
        """Put another Envoy into the place of the present one; what came of it. Raises GatewayError."""
        envoy = await self.processes.restart()
        return f"{envoy.name.node} serves; the one before it drains"

    def rotate_log(self) -> None:
        """Keep Envoy's own log bounded. Raises OSError."""
        self.processes.rotate_log()

    def publish(self, traffic: Traffic) -> None:
        """Tell every Envoy at once; what it told last changes nothing."""
        self._keep_access_file(traffic.gateway)
        workers = traffic.gateway.concurrency or os.cpu_count() or 1
        snapshot = build(traffic, self.relay, workers, self.relay_tls)
        told = self._ads.published
        if told and told[-1].version == snapshot.version:
            return
        # Remembered first: whoever starts again must know of everything that an Envoy may have been told.
        self._remember((*told, snapshot)[-MEMORY:])
        self._ads.publish(snapshot)

    def _keep_access_file(self, settings: GatewaySettings) -> None:
        """Make the access log's file before Envoy does: Envoy would let others read it."""
        path = Path(settings.access_log.file) if settings.access_log and settings.access_log.file else None
        if path == (self._access_file.path if self._access_file else None):
            return
        self._access_file = AccessFile(path) if path else None
        if self._access_file is not None:
            try:
                self._access_file.make()
            except OSError as error:
                # Envoy refuses what it cannot open, with its own words; until then it goes on with what it has.
                log.warning("the access log cannot be made: %s", error)

    async def rotate_access_file(self) -> None:
        """Keep the access log bounded; every Envoy, also one that drains, is told of a new file until it has heard."""
        fault = ""
        try:
            if self._access_file is not None and self._access_file.rotate():
                self._reopen_due = True
        except OSError as error:
            fault = str(error)
        if fault and fault != self._rotation_fault:
            log.warning("the access log cannot be rotated: %s", fault)
        self._rotation_fault = fault
        if not self._reopen_due:
            return
        try:
            for envoy in self.processes.all:
                await envoy.admin.reopen_logs()
        except (httpx.HTTPError, OSError) as error:
            log.debug("the access log is not open again yet: %s", error)
        else:
            self._reopen_due = False

    def _remember(self, snapshots: Sequence[Snapshot]) -> None:
        """Keep them for a restart: a millisecond, not forced to the disk."""
        draft = self._file.with_suffix(".new")
        try:
            draft.write_bytes(orjson.dumps([{"split": each.split, "resources": each.resources} for each in snapshots]))
            draft.replace(self._file)
        except OSError as error:
            # The gateways will obey all the same; what is lost is only the memory for a restart.
            log.warning("the snapshot cannot be remembered in %s: %s", self._file, error)

    def nodes(self) -> Sequence[NodeState]:
        """Every living Envoy with what it acknowledged."""
        return [
            NodeState(node, self._ads.acked(node), self._ads.connected(node), self._ads.nack(node))
            for node in (each.name.node for each in self.processes.all)
        ]

    def silent(self) -> Sequence[NodeState]:
        """None: they are beside it."""
        return ()

    def settled(self) -> bool:
        """Whether every Envoy has the newest snapshot, whole."""
        nodes = [each.name.node for each in self.processes.all]
        return bool(nodes) and all(self._ads.settled(node) for node in nodes)

    async def close(self, *, stop: bool) -> None:
        """Let go; with ``stop`` the Envoys end, else they go on with the last snapshot."""
        if self._poller is not None:
            self._poller.cancel()
        await self.processes.close(stop=stop)
        await self._ads.stop()
        if stop:
            self._file.unlink(missing_ok=True)

    async def _poll(self) -> None:
        while True:
            await self.read_counts()
            await self.rotate_access_file()
            await self._clock.sleep(TICK_S)

    async def read_counts(self) -> None:
        """Take one reading of the newest Envoy, if it answers."""
        envoy = self.processes.current
        if envoy is None:
            return
        try:
            self.counts.feed(envoy.name.node, await envoy.admin.totals(), inherited=envoy.inherited)
        except (httpx.HTTPError, OSError, ValueError) as error:
            log.debug("no counts from %s: %s", envoy.name.node, error)

    async def own_metrics(self, names: str) -> bytes:
        """What the newest Envoy counts by itself (`abreast.envoy.own_metrics`). Raises UsageError, GatewayError."""
        envoy = self.processes.current
        if envoy is None:
            raise GatewayError("no Envoy runs", "see: abreast status")
        return await own_metrics(envoy.admin.path, names)

    def _remembered(self) -> tuple[Snapshot, ...]:
        """The snapshots that an earlier control plane told, the newest last."""
        try:
            return _SNAPSHOTS.validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return ()
        except (OSError, ValidationError) as error:
            log.warning("the remembered snapshots in %s are not readable: %s", self._file, error)
            return ()
