"""What a relay has done, in batches that reach the control plane exactly once."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from pydantic import TypeAdapter

from abreast.findings.report import BATCH_JSON, Batch, EndpointReport, Sample
from abreast.shadow.plan import Skip

SAMPLES_LIMIT: Final = 1_000_000
"""Bytes of samples in one batch, about: one that is larger by itself still travels, alone."""
_WAITING_LIMIT: Final = 4_000_000
"""Bytes of samples that wait for a batch; beyond it new ones are dropped: their differences stay counted."""
_SEALED_LIMIT: Final = 16
"""Batches of earlier rollouts that wait to be read; the oldest beyond it keep their counts and lose their samples."""

_SAMPLE_JSON: Final[TypeAdapter[Sample]] = TypeAdapter(Sample)


@dataclass(slots=True)
class _Counts:
    """Since the last batch."""

    received: int = 0
    compared: int = 0
    skipped: Counter[str] = field(default_factory=Counter)


class Batches:
    """Counts every exchange once as received and once as compared or skipped; what is between is held.

    ``relay`` names the process, ``now`` gives Unix seconds, ``take`` what the judge counted since it was last asked.
    """

    def __init__(self, relay: str, now: Callable[[], float], take: Callable[[], tuple[EndpointReport, ...]]) -> None:
        self._relay = relay
        self._now = now
        self._take = take
        self._number = 0
        self._counts = _Counts()
        self._held = 0
        self._samples: deque[tuple[int, Sample]] = deque()
        self._waiting_bytes = 0
        self._sealed: deque[Batch] = deque()
        self._current: tuple[int, bytes] | None = None
        self.rollout = 0
        """The rollout that exchanges are counted for."""

    @property
    def held(self) -> int:
        """Exchanges received and not yet decided."""
        return self._held

    @property
    def told(self) -> bool:
        """Whether everything decided so far has been acknowledged."""
        return self._current is None and not self._sealed and not self._news

    @property
    def _news(self) -> bool:
        counts = self._counts
        return bool(counts.received or counts.compared or counts.skipped or self._samples)

    def received(self) -> None:
        """One more is held."""
        self._counts.received += 1
        self._held += 1

    def compared(self) -> None:
        """One that was held has been compared."""
        self._counts.compared += 1
        self._held -= 1

    def skipped(self, reason: Skip) -> None:
        """One that was held has been given up."""
        self._counts.skipped[reason.value] += 1
        self._held -= 1

    def sampled(self, sample: Sample) -> None:
        """Send this one along, if there is room."""
        size = len(_SAMPLE_JSON.dump_json(sample))
        if self._waiting_bytes + size <= _WAITING_LIMIT:
            self._samples.append((size, sample))
            self._waiting_bytes += size

    def begin(self, rollout: int) -> None:
        """From now on exchanges count for this rollout; what was counted before goes into a batch of its own."""
        while self._news:
            self._sealed.append(self._batch())
        for place in range(len(self._sealed) - _SEALED_LIMIT):
            self._sealed[place] = replace(self._sealed[place], samples=())
        self.rollout = rollout

    def next(self, acknowledged: int) -> bytes:
        """The oldest batch that has not been acknowledged, as JSON: the same bytes until it is.

        Empty bytes: nothing has happened since the batch that is ``acknowledged``.
        """
        if self._current is not None and self._current[0] == acknowledged:
            self._current = None
        if self._current is None:
            if self._sealed:
                batch = self._sealed.popleft()
            elif self._news:
                batch = self._batch()
            else:
                return b""
            self._current = (batch.number, BATCH_JSON.dump_json(batch))
        return self._current[1]

    def _batch(self) -> Batch:
        counts, self._counts = self._counts, _Counts()
        self._number += 1
        return Batch(
            relay=self._relay,
            number=self._number,
            at=self._now(),
            rollout=self.rollout,
            received=counts.received,
            compared=counts.compared,
            held=self._held,
            skipped=dict(counts.skipped),
            endpoints=self._take(),
            samples=self._shipment(),
        )

    def _shipment(self) -> tuple[Sample, ...]:
        """As many of the waiting samples as one batch may hold."""
        shipped: list[Sample] = []
        total = 0
        while self._samples and (not shipped or total + self._samples[0][0] <= SAMPLES_LIMIT):
            size, sample = self._samples.popleft()
            self._waiting_bytes -= size
            total += size
            shipped.append(sample)
        return tuple(shipped)
