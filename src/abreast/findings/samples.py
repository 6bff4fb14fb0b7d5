"""Which exchanges are kept as samples: of each key the first, the newest, and three by chance.

By chance without dice: those whose ids have the smallest digests. That is a uniform choice among all exchanges
(bottom-k sampling), it comes out the same wherever it is made, and the choices of several relays merge into one.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from hashlib import blake2b
from typing import Final

from abreast.findings.finding import Place
from abreast.findings.report import Key, Sample

RANDOM_KEPT: Final = 3
"""Samples of each key that are kept by chance, beside the first and the newest."""

BODY_CAP: Final = 32_768
"""Bytes of a body that a sample keeps, in UTF-8."""

MOST_PLACES: Final = 2_000
"""Keys that a reservoir knows; of more it wants nothing."""


class Reservoir:
    """Says, before the cost of rendering, whether an exchange is worth being a sample. One per relay.

    Of each key it wants the first exchanges, those that the choice by chance would keep, and the first of each batch
    as the newest: so at most one per key and batch when differences are many.
    """

    def __init__(self) -> None:
        self._smallest: dict[Place, tuple[int, ...]] = {}
        self._in_batch: set[Place] = set()

    def wants(self, endpoint: str, keys: Iterable[Key], exchange_id: int) -> bool:
        """Whether it would be kept for any of the keys."""
        digest = _digest(str(exchange_id))
        return any(self._keeps(Place(endpoint, key), digest) for key in keys)

    def added(self, endpoint: str, keys: Iterable[Key], exchange_id: int) -> None:
        """It was rendered and goes into the present batch."""
        digest = _digest(str(exchange_id))
        for key in keys:
            place = Place(endpoint, key)
            known = self._smallest.get(place, ())
            if known or len(self._smallest) < MOST_PLACES:
                self._smallest[place] = tuple(sorted({*known, digest})[:RANDOM_KEPT])
                self._in_batch.add(place)

    def next_batch(self) -> None:
        """The present batch was closed: from now on there is a newer newest."""
        self._in_batch.clear()

    def _keeps(self, place: Place, digest: int) -> bool:
        known = self._smallest.get(place)
        if known is None:
            return len(self._smallest) < MOST_PLACES
        return place not in self._in_batch or len(known) < RANDOM_KEPT or digest < known[-1]


def kept(samples: Collection[Sample]) -> tuple[Sample, ...]:
    """Of all samples those to keep, in the order of their times: per key the first, the newest, and three by chance."""
    by_place: defaultdict[Place, list[Sample]] = defaultdict(list)
    for sample in sorted(samples, key=lambda sample: (sample.at, sample.id)):
        for key in sample.keys:
            by_place[Place(sample.endpoint, key)].append(sample)
    chosen: dict[str, Sample] = {}
    for candidates in by_place.values():
        by_chance = sorted(candidates, key=lambda sample: _digest(sample.id))[:RANDOM_KEPT]
        chosen |= {sample.id: sample for sample in (candidates[0], candidates[-1], *by_chance)}
    return tuple(sorted(chosen.values(), key=lambda sample: (sample.at, sample.id)))


def capped(body: str) -> tuple[str, bool]:
    """The body cut to `BODY_CAP`, between two characters; and whether it was cut."""
    if len(body) * 4 <= BODY_CAP:
        return body, False
    encoded = body.encode(errors="replace")
    if len(encoded) <= BODY_CAP:
        return body, False
    return encoded[:BODY_CAP].decode(errors="ignore"), True


def _digest(exchange_id: str) -> int:
    return int.from_bytes(blake2b(exchange_id.encode(errors="replace"), digest_size=8).digest())
