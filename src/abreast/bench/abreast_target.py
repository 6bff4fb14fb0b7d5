"""abreast itself as a target: a real ``abreast up`` over two origins that it only routes to."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from abreast.bench.target import TargetError, Upstream, answers, free_port
from abreast.model.errors import AbreastError
from abreast.model.spec import FILE_NAME
from abreast.model.units import FULL_WEIGHT, format_weight
from abreast.process.identity import Identity, home_id
from abreast.process.table import read_table
from abreast.up_process import Json, UpProcess

ACTOR: Final = "the bench"
STABLE: Final = "v1"
CANDIDATE: Final = "v2"

_SHIFT_S: Final = 20.0
_LOOK_S: Final = 0.02


def spec_text(port: int, stable: int, candidate: int, weight: int, workers: int) -> str:
    """A spec with two external versions on those ports, and one step that nothing but an order ends.

    Users stay where they are whatever a gate finds: what is measured is the way there, not the candidate.
    """
    versions = {
        name: {"endpoints": [f"127.0.0.1:{own}"], "ready": "GET /healthz"}
        for name, own in ((STABLE, stable), (CANDIDATE, candidate))
    }
    spec: dict[str, Any] = {  # Any: YAML
        "service": "bench",
        "gateway": {"listen": f"127.0.0.1:{port}", "drain": "1s", "concurrency": workers},
        "users": {"by": ["header:x-user-id"]},
        "versions": versions,
        "stable": STABLE,
        "rollout": {
            "steps": [{"weight": format_weight(weight).replace(" ", "")}, {"weight": "100%"}],
            "step_time": {"at_least": "1d", "at_most": "2d"},
            "on_failure": "freeze",
            "retire": {"after": "1d", "unused_for": "1d"},
        },
    }
    return yaml.safe_dump(spec, sort_keys=False)


class Abreast:
    """The whole of abreast, users split by identity: stable is the first upstream, the candidate the second."""

    name = "abreast"

    def __init__(self, upstreams: Sequence[Upstream], workers: int) -> None:
        """Prepare; Envoy may use ``workers`` cores, as every other proxy."""
        self._stable, self._candidate = upstreams
        self._weight = self._candidate.weight * FULL_WEIGHT // (self._stable.weight + self._candidate.weight)
        self._workers = workers
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._up: UpProcess | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Where it takes requests."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def pids(self) -> Sequence[int]:
        """Envoy alone: what a request passes through."""
        return self.pids_of("envoy")

    @property
    def beside(self) -> Sequence[int]:
        """The control plane, which works whether requests come or not."""
        return () if self._up is None else (self._up.pid,)

    @property
    def up(self) -> UpProcess:
        """The running control plane. Raises TargetError before it is started."""
        if self._up is None:
            raise TargetError("abreast is not running")
        return self._up

    def pids_of(self, kind: str) -> Sequence[int]:
        """The living processes of that kind that it has started."""
        if self._up is None:
            return ()
        home = home_id(self._up.state.path)
        own = ((row.pid, Identity.parse(row.token)) for row in read_table() if row.token and not row.dead)
        return [pid for pid, identity in own if identity and identity.home == home and identity.kind == kind]

    def spec(self, port: int) -> str:
        """The spec that it runs with, the gateway on that port."""
        return spec_text(port, self._stable.port, self._candidate.port, self._weight, self._workers)

    async def begin(self) -> None:
        """Bring it to where it is to be measured. Raises TargetError, AbreastError."""
        await self.up.order("start", ACTOR, version=CANDIDATE)
        await shifted(self.up, self._weight)

    async def start(self) -> None:
        """Start it, and bring it to where it is measured. Raises TargetError with its words."""
        self._directory = tempfile.TemporaryDirectory(prefix="abreast-bench-")
        spec_file = Path(self._directory.name) / FILE_NAME
        self._port = free_port()
        spec_file.write_text(self.spec(self._port), "utf-8")
        up = UpProcess(spec_file)
        try:
            await up.__aenter__()
            self._up = up
            await answers(self.url)
            await self.begin()
        except (AbreastError, TargetError) as error:
            await self.stop()
            raise TargetError(f"abreast: {error}") from error

    async def stop(self) -> None:
        """End it, and everything that it started."""
        up, self._up = self._up, None
        if up is not None:
            await up.__aexit__()
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None


async def shifted(up: UpProcess, weight: int) -> None:
    """Wait until every gateway sends that share of users to the candidate. Raises TargetError."""
    deadline_s = time.monotonic() + _SHIFT_S
    status: Json = {}
    while time.monotonic() < deadline_s:
        status = await up.status()
        obeyed = bool(status["nodes"]) and all(node["obeys"] for node in status["nodes"])
        if status["phase"] == "progressing" and status["weight"] == weight and obeyed:
            return
        await asyncio.sleep(_LOOK_S)
    raise TargetError(f"the candidate is not at {format_weight(weight)} after {_SHIFT_S:g} s: {status.get('because')}")
