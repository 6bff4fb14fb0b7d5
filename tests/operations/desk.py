"""Operations over a control plane of fakes: what `abreast.app` wires, with a test's hand on everything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from abreast.model.errors import DriverError, UsageError
from abreast.model.rollout import Policy, Rollout
from abreast.operations.control import Control
from abreast.operations.flags import FlagDesk
from tests.controller.stage import SERVICE, Stage
from tests.fakes.flags import FakeFlags
from tests.fakes.tokens import FakeTokens
from tests.rollout.play import POLICY


@dataclass
class Desk:
    """One running service: its ``stage``, and the ``control`` that operations are given."""

    stage: Stage
    control: Control


def policy_of(name: str) -> Policy:
    """The spec's policy. Raises UsageError, as the spec does."""
    if SERVICE.version(name) is None:
        raise UsageError(f"no version is called {name!r}", "name one of these: v1, v2, v3")
    return POLICY


def desk_of(stage: Stage) -> Desk:
    """Operations over this stage."""

    def require(name: str) -> None:
        if name in stage.driver.hopeless:
            raise DriverError(f"there is no command for {name!r}", "install it")

    async def restart_gateway() -> str:
        stage.log.append("restarted")
        return "gateway-2 serves; the one before it drains"

    async def gateway_metrics(names: str) -> bytes:
        if names == "(":
            raise UsageError("names='(': Envoy refuses it", "mend it")
        return f"envoy_{names} 1\n".encode()

    control = Control(
        service=SERVICE,
        controller=stage.controller,
        store=stage.store,
        tokens=FakeTokens(stage.store),
        counts=stage.counts,
        clock=stage.clock,
        policy=policy_of,
        require=require,
        restart_gateway=restart_gateway,
        gateway_metrics=gateway_metrics,
        tester_secret="secret",
        settled=lambda: True,
        flags=FlagDesk(SERVICE.name, FakeFlags(stage.store), stage.clock),
    )
    return Desk(stage, control)


@asynccontextmanager
async def running(rollout: Rollout) -> AsyncIterator[Desk]:
    """A desk whose controller cycles by itself, woken by what happens."""
    desk = desk_of(await Stage.at(rollout))
    task = asyncio.create_task(desk.stage.controller.run())
    try:
        yield desk
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
