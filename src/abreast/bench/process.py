"""An origin in a process of its own, as the servers behind a gateway are."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Any, Self

import httpx
import orjson

from abreast.bench.origin import CONTROL_PATH
from abreast.bench.target import TargetError

if TYPE_CHECKING:
    from collections.abc import Mapping

_READY_S = 20.0
_STOP_S = 5.0


class OriginProcess:
    """``python -m abreast.bench.origin`` as a child: ``async with OriginProcess("v1") as origin``."""

    def __init__(self, version: str, port: int = 0, json_bytes: int = 0, delay_s: float = 0.0) -> None:
        """Prepare; port 0 takes a free one. With ``json_bytes`` it answers JSON of about that size."""
        self.version = version
        self.port = port
        self._json_bytes = json_bytes
        self._delay_s = delay_s
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Its process id; raises TargetError before it is started."""
        if self._process is None:
            raise TargetError(f"the origin {self.version} is not running")
        return self._process.pid

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        """Start it and wait for its port; raises TargetError with what it said when it does not come."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "abreast.bench.origin", "--version", self.version, "--port", str(self.port)),
            *("--json-bytes", str(self._json_bytes), "--delay-ms", str(self._delay_s * 1e3)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = self._process.stdout, self._process.stderr
        if out is None or err is None:
            raise TargetError(f"the origin {self.version} has no pipes to be read from")
        try:
            line = await asyncio.wait_for(out.readline(), _READY_S)
        except TimeoutError:
            await self.__aexit__()
            raise TargetError(f"the origin {self.version} said nothing within {_READY_S:g} s") from None
        if not line:
            words = (await err.read()).decode(errors="replace").strip()
            await self.__aexit__()
            raise TargetError(f"the origin {self.version} did not start: {words or 'it said nothing'}")
        self.port = orjson.loads(line)["port"]
        return self

    async def __aexit__(self, *_: object) -> None:
        """SIGTERM, then SIGKILL."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def behave(self, **change: object) -> None:
        """Change how it answers, such as ``mode="hang"``; raises ValueError with its words if it refuses."""
        answer = await self._control("POST", change)
        if not answer.is_success:
            raise ValueError(answer.text)

    async def seen(self) -> dict[str, Any]:  # Any: JSON
        """What it has received so far: the fields of ``Seen``, ``ids`` and ``duplicates`` counted."""
        seen: dict[str, Any] = (await self._control("GET", {})).json()["seen"]
        return seen

    async def _control(self, method: str, change: Mapping[str, object]) -> httpx.Response:
        # No TLS here: reading all certificates would take longer than the request.
        transport = httpx.AsyncHTTPTransport(verify=False)
        async with httpx.AsyncClient(transport=transport, timeout=5.0) as client:
            body = orjson.dumps(change) if change else None
            return await client.request(method, self.url + CONTROL_PATH.decode(), content=body)
