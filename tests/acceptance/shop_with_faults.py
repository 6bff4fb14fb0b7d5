"""The shop with faults that a test sets while it runs: ``uvicorn shop_with_faults:app`` where the shop is.

``FAULTS`` names files, one a line; each holds JSON such as ``{"fail_share": 0.05}``, or is not there. A file of one
version's is its own flaw, one that several versions name is something that all of them need. ``/healthz`` has no
faults. ``/-/last`` tells when the last user's request came (Unix seconds).
"""

import asyncio
import importlib
import json
import os
import random
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse

Scope = MutableMapping[str, Any]  # Any: ASGI
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_SHOP: Application = importlib.import_module("shop").app
"""Found where uvicorn runs."""


class Fault:
    """What one file says, read again whenever it was written: the share that fails, the share that is slow by so much.

    Both by chance, so that no request is like the next.
    """

    def __init__(self, path: Path) -> None:
        """Nothing is wrong before there is a file."""
        self._path = path
        self._written = 0
        self._told: dict[str, float] = {}

    def told(self) -> dict[str, float]:
        """As the file is now; it is replaced whole, never half written."""
        try:
            written = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return {}
        if written != self._written:
            self._written, self._told = written, json.loads(self._path.read_text("utf-8"))
        return self._told

    async def strikes(self) -> bool:
        """Whether this request fails; slow ones have waited then."""
        told = self.told()
        if random.random() < told.get("slow_share", 0.0):
            await asyncio.sleep(told["slow_s"])
        return random.random() < told.get("fail_share", 0.0)


class Faults:
    """ASGI: the shop behind its faults."""

    def __init__(self, paths: str) -> None:
        """``paths``: one a line."""
        self._faults = [Fault(Path(path)) for path in paths.splitlines()]
        self._last_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or fail."""
        if scope["type"] != "http" or scope["path"] == "/healthz":
            await _SHOP(scope, receive, send)
        elif scope["path"] == "/-/last":
            await JSONResponse({"last_at": self._last_at})(scope, receive, send)
        else:
            self._last_at = time.time()
            struck = [await fault.strikes() for fault in self._faults]
            answer: Application = JSONResponse({"detail": "out of order"}, 500) if any(struck) else _SHOP
            await answer(scope, receive, send)


app = Faults(os.environ["FAULTS"])
