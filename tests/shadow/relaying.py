"""A relay at work inside the test's own process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from abreast.compare.model import Answer, Request
from abreast.findings.report import BATCH_JSON, Batch
from abreast.model.service import Endpoint
from abreast.shadow.ask import Asker
from abreast.shadow.order import ORDER_JSON, Order
from abreast.shadow.worker import Relay
from tests.shadow.frames import JSON, frame
from tests.shadow.servers import Heard, answer

NOW = 1_800_000_000.0
ONE, TEXT = b'{"total": 1}', b'{"total": "1"}'


class StoppedClock:
    """Monotonic seconds in a test's hands."""

    at_s = 0.0

    def __call__(self) -> float:
        return self.at_s


@contextlib.asynccontextmanager
async def relaying(said: Order | None, clock: Callable[[], float] | None = None) -> AsyncIterator[Relay]:
    """A relay at work."""
    async with Asker() as asker:
        relay = Relay(asker, "relay", now=lambda: NOW, clock=clock or StoppedClock())
        if said is not None:
            tell(relay, said)
        working = asyncio.create_task(relay.run())
        yield relay
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working


def tell(relay: Relay, said: Order) -> None:
    relay.obey(ORDER_JSON.dump_json(said))


def held(relay: Relay) -> int:
    held = relay.health()["held"]
    assert isinstance(held, int)
    return held


async def decided(relay: Relay) -> None:
    await until(lambda: held(relay) == 0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10.0):
        while not condition():
            await asyncio.sleep(0.001)


def next_batch(relay: Relay, acknowledged: int = 0) -> Batch:
    return BATCH_JSON.validate_json(relay.report(acknowledged))


def saying(body: bytes) -> Callable[[Heard], bytes]:
    return lambda _: answer(body, content_type="application/json")


def live(endpoint: Endpoint, body: bytes = ONE, version: str = "v1", **more: object) -> bytes:
    request = Request("GET", "/orders", (("cookie", "a=1"),))
    asked = more.pop("request", request)
    assert isinstance(asked, Request)
    return frame(
        asked, Answer(200, JSON, body), upstream=f"{version} {endpoint}", id_text=str(more.pop("id_text", "1"))
    )
