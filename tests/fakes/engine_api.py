"""A container engine's API on a unix socket, as far as a test fills it: answers by method and path."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

Answers = dict[str, tuple[int, Any]]
"""``GET /images/x/json``: status and body; the version in front of the path is left out."""


class EngineApi:
    """``asked`` holds each question in order; what is not in ``answers`` is answered 404.

    Bytes are sent as they are.
    """

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.url = f"unix://{socket}"
        self.asked: list[str] = []
        self.answers: Answers = {"GET /version": (200, {"ApiVersion": "1.41", "Version": "20.10"})}
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.UnixSite(self._runner, str(self.socket)).start()

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.Response:
        question = f"{request.method} {request.path.removeprefix('/v1.41')}"
        self.asked.append(question)
        status, body = self.answers.get(question, (404, {"message": f"nothing is known of {question}"}))
        if isinstance(body, bytes):
            return web.Response(status=status, body=body)
        return web.Response(status=status, text=json.dumps(body), content_type="application/json")


@asynccontextmanager
async def engine_api(folder: Path) -> AsyncIterator[EngineApi]:
    made = EngineApi(folder / "engine.sock")
    await made.open()
    try:
        yield made
    finally:
        await made.close()


def unheard(text: str) -> None:
    """For what is told to nobody."""
    del text
