"""Speaking with one relay: each order once, each batch until it is acknowledged."""

import pytest

from abreast.findings.report import BATCH_JSON
from abreast.shadow.relay_client import RelayAnswer, RelayClient, RelayUnreachableError
from tests.fakes.clock import FakeClock
from tests.findings.batches import batch
from tests.shadow.frames import order


class Wire:
    """Answers as it is told, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer = RelayAnswer(204, b"")
        self.broken = False

    async def ask(self, method: str, path: str, content: bytes) -> RelayAnswer:
        """One question."""
        del content
        if self.broken:
            message = "gone"
            raise RelayUnreachableError(message)
        self.asked.append(f"{method} {path}")
        return self.answer


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def client(wire: Wire) -> RelayClient:
    return RelayClient(wire.ask, FakeClock())


async def test_an_order_is_sent_once_and_again_when_it_changes(wire: Wire, client: RelayClient) -> None:
    await client.tell(order())
    await client.tell(order())
    await client.tell(order(timeout_s=3.0))
    assert wire.asked == ["PUT /order"] * 2


async def test_a_refusal_is_told_in_the_relays_words_and_the_order_sent_again(wire: Wire, client: RelayClient) -> None:
    wire.answer = RelayAnswer(422, b"policy: no such rule")
    for _ in range(2):
        with pytest.raises(ValueError, match="policy: no such rule"):
            await client.tell(order())
    assert wire.asked == ["PUT /order"] * 2


async def test_a_batch_comes_again_until_it_is_acknowledged(wire: Wire, client: RelayClient) -> None:
    wire.answer = RelayAnswer(200, BATCH_JSON.dump_json(batch(number=3)))
    found = await client.report()
    assert found is not None
    assert found.number == 3
    assert client.relay == found.relay
    await client.report()
    client.acknowledge(found)
    wire.answer = RelayAnswer(204, b"")
    assert await client.report() is None
    assert wire.asked == ["GET /report?acknowledge=0", "GET /report?acknowledge=0", "GET /report?acknowledge=3"]


async def test_silence_is_counted_from_its_beginning(wire: Wire) -> None:
    clock = FakeClock()
    client = RelayClient(wire.ask, clock)
    wire.broken, began = True, clock.time
    for _ in range(2):
        with pytest.raises(RelayUnreachableError):
            await client.report()
        clock.time += 5
    assert client.silent_since == began
    wire.broken = False
    assert await client.report() is None
    assert client.silent_since is None


async def test_a_report_that_cannot_be_read_is_silence(wire: Wire, client: RelayClient) -> None:
    wire.answer = RelayAnswer(200, b"{}")
    with pytest.raises(RelayUnreachableError, match="cannot be read"):
        await client.report()
    assert client.silent_since is not None


async def test_recorded_requests_are_lines(wire: Wire, client: RelayClient) -> None:
    wire.answer = RelayAnswer(200, b'{"a": 1}\n{"b": 2}\n')
    assert list(await client.recorded()) == ['{"a": 1}', '{"b": 2}']
    wire.answer = RelayAnswer(404, b"what")
    assert list(await client.recorded()) == []
