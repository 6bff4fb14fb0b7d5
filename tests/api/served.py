"""The API over TCP, as others reach it: a real server on a port of its own, over a control plane of fakes."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from abreast.api.server import PREFIX, ApiServer
from abreast.model.api_settings import ApiSettings
from abreast.model.rollout import Phase, Rollout
from abreast.model.service import Endpoint
from abreast.model.token import Role
from abreast.operations.tokens import TokenDesk, create
from tests.operations.desk import Desk, running
from tests.rollout.play import under_way

ANYWHERE = ApiSettings(Endpoint("127.0.0.1", 0))


@dataclass
class Served:
    """A server that runs, with a token of each role."""

    desk: Desk
    server: ApiServer
    tokens: dict[Role, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """The address, without a path."""
        return self.server.url

    def by(self, role: Role) -> dict[str, str]:
        """The headers of a request by who has that role."""
        return {"authorization": f"Bearer {self.tokens[role]}"}

    async def make(self, name: str, role: Role, valid_s: float | None = None) -> str:
        """The secret of a new token."""
        control = self.desk.control
        return (await create(TokenDesk(control.tokens, control.clock, "shop"), name, role, "root", valid_s)).secret


@asynccontextmanager
async def serving(rollout: Rollout | None = None, settings: ApiSettings = ANYWHERE) -> AsyncIterator[Served]:
    """Serve a rollout of v2 at 10 %, or this one; the tokens are called like their roles."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ab-", dir="/tmp")))
        desk = await stack.enter_async_context(running(rollout or under_way(Phase.PROGRESSING)))
        server = ApiServer(desk.control, directory / "api.sock", settings)
        served = Served(desk, server)
        for role in Role:
            served.tokens[role] = await served.make(role.value, role)
        await server.listen()
        task = asyncio.create_task(server.serve())
        try:
            yield served
        finally:
            server.stop()
            await asyncio.wait_for(task, 10)


@asynccontextmanager
async def browser(served: Served, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client over TCP that keeps cookies."""
    async with httpx.AsyncClient(base_url=f"{served.origin}{PREFIX}", headers=headers, trust_env=False) as made:
        yield made
