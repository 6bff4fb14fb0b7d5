"""Consul's health API, made from its documentation: an index that rises with each change, and blocking queries.

https://developer.hashicorp.com/consul/api-docs/health#list-service-instances-for-service and
https://developer.hashicorp.com/consul/api-docs/features/blocking
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.web import serving


@dataclass
class FakeConsul:
    """``services`` is name to instances as (address, port, tags, passing); `change` tells those who wait.

    ``status`` other than 200 refuses everything; ``token`` is wanted if set; ``asked`` has each query.
    """

    services: dict[str, list[tuple[str, int, tuple[str, ...], bool]]] = field(default_factory=dict)
    index: int = 10
    status: int = 200
    token: str = ""
    sends_index: bool = True
    asked: list[dict[str, str]] = field(default_factory=list)
    waiting: int = 0
    url: str = ""
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FakeConsul"]:
        async with serving(self._answer) as self.url:
            yield self

    async def change(self, service: str, *instances: tuple[str, int, tuple[str, ...], bool]) -> None:
        """Register these in place of what was there."""
        async with self._changed:
            self.services[service] = list(instances)
            self.index += 1
            self._changed.notify_all()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(dict(request.query))
        if self.token and request.headers.get("X-Consul-Token") != self.token:
            return web.Response(status=403, text="ACL not found")
        if self.status != 200:
            return web.Response(status=self.status, text="No cluster leader")
        wanted = int(request.query.get("index", "0"))
        if wanted:
            wait_s = float(request.query["wait"].removesuffix("s"))
            await self._wait(wanted, wait_s)
        service = request.match_info["path"].removeprefix("v1/health/service/")
        headers = {"X-Consul-Index": str(self.index)} if self.sends_index else {}
        return web.json_response(self._instances(service, request.query.get("tag")), headers=headers)

    async def _wait(self, index: int, wait_s: float) -> None:
        self.waiting += 1
        try:
            async with asyncio.timeout(wait_s), self._changed:
                await self._changed.wait_for(lambda: self.index > index)
        except TimeoutError:
            return
        finally:
            self.waiting -= 1

    def _instances(self, service: str, tag: str | None) -> list[dict[str, Any]]:
        return [
            {
                "Node": {"Node": "n1", "Address": "10.1.0.1"},
                "Service": {"ID": f"{service}-{number}", "Address": address, "Port": port, "Tags": list(tags)},
                "Checks": [{"Status": "passing"}],
            }
            for number, (address, port, tags, passing) in enumerate(self.services.get(service, ()))
            if passing and (tag is None or tag in tags)
        ]
