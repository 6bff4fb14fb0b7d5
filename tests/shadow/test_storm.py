"""The ledger is exact whatever happens: nothing is lost, nothing counted twice."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from abreast.compare.model import Request
from abreast.findings.report import BATCH_JSON, Batch
from abreast.model.service import Endpoint
from abreast.model.shadow import BODY_LIMIT
from abreast.shadow.order import Order
from abreast.shadow.worker import QUEUE, Relay
from tests.shadow.frames import frame, joined, order
from tests.shadow.relaying import ONE, TEXT, decided, live, relaying, tell
from tests.shadow.servers import Heard, answer, hang, serving, talking

STEPS = 90


@dataclass
class _Reader:
    """A control plane that reads, and whose acknowledgements get lost at times."""

    relay: Relay
    batches: dict[int, Batch] = field(default_factory=dict)
    acknowledged: int = 0

    def read(self, *, remembers: bool = True) -> bool:
        """Read one batch, if there is one."""
        text = self.relay.report(self.acknowledged)
        if not text:
            return False
        batch = BATCH_JSON.validate_json(text)
        assert self.batches.setdefault(batch.number, batch) == batch, "the same number is the same batch"
        if remembers:
            self.acknowledged = batch.number
        return True


def _stormy(dice: random.Random) -> Callable[[Heard], bytes]:
    """Answers of every kind."""
    answers = [
        answer(ONE, content_type="application/json"),
        answer(TEXT, content_type="application/json"),
        answer(b"{}", 404, content_type="application/json"),
        answer(b"x" * (BODY_LIMIT + 1)),
        b"nonsense\r\n\r\n",
        b"",
    ]
    return lambda _: dice.choices(answers, [6, 2, 6, 1, 1, 1])[0]


def _frame(dice: random.Random, number: int, stable: Endpoint, candidate: Endpoint) -> bytes:
    """Exchanges of every kind."""
    frames = [
        live(stable, id_text=str(number)),
        live(candidate, version="v2", id_text=str(number)),
        live(stable, request=Request("POST", "/"), id_text=str(number)),
        joined(b"nonsense"),
        frame(flags="cut"),
    ]
    return dice.choices(frames, [50, 10, 5, 3, 3])[0]


async def _storm(dice: random.Random, relay: Relay, said: Order, reader: _Reader) -> int:
    """Exchanges in bursts, orders that change, reports that get lost; returns how many exchanges there were."""
    candidate = said.candidate
    assert candidate is not None
    sent = 0
    for step in range(STEPS):
        for _ in range(dice.randint(0, 40) if step != STEPS // 2 else 2 * QUEUE):
            relay.take(_frame(dice, sent, said.stable.endpoints[0], candidate.endpoints[0]))
            sent += 1
        await asyncio.sleep(dice.choice([0, 0, 0.001, 0.01]))
        if dice.random() < 0.1:
            tell(relay, replace(said, rollout=1 + step // 30))
        if dice.random() < 0.5:
            reader.read(remembers=dice.random() < 0.7)
    await decided(relay)
    while reader.read():
        pass
    return sent


async def test_the_ledger_is_exact_in_a_storm() -> None:
    dice = random.Random(7)
    reply = _stormy(dice)
    async with serving(reply) as one, serving(reply) as two, serving(reply) as candidate, talking(hang) as hung:
        said = order(stable=(one.endpoint, two.endpoint), candidate=(candidate.endpoint, hung), timeout_s=0.05)
        async with relaying(said) as relay:
            reader = _Reader(relay)
            sent = await _storm(dice, relay, said, reader)
    batches = [reader.batches[number] for number in sorted(reader.batches)]
    assert [batch.number for batch in batches] == list(range(1, len(batches) + 1))
    held = 0
    for batch in batches:
        decided_now = batch.compared + sum(batch.skipped.values())
        assert batch.received == decided_now + batch.held - held, f"batch {batch.number}"
        held = batch.held
    assert held == 0
    skipped = sum((Counter(batch.skipped) for batch in batches), Counter())
    compared = sum(batch.compared for batch in batches)
    assert sum(batch.received for batch in batches) == sent == compared + skipped.total()
    assert set(skipped) >= {"malformed", "oversize", "side", "queue-full"}
    assert compared > 0
    assert sum(report.compared for batch in batches for report in batch.endpoints) == compared
