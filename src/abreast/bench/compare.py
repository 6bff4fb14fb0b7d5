"""How many pairs of JSON answers one core compares in a second: answers that agree, and answers that differ.

Processor time is counted, not the clock, so that a busy machine shows less. Beside each number stands what reading
both bodies with Python's own ``json`` would have cost in the same round, which no comparison of content can avoid.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from random import Random
from statistics import median
from typing import Any, Final

from abreast.compare.exchange import compare
from abreast.compare.model import Answer, Headers

SIZES_KB: Final = (2, 50)
SAME: Final = "equal bytes"
REORDERED: Final = "another key order"
ONE: Final = "one value differs"
TEN: Final = "ten values differ"
PAIRS: Final = {SAME: 0, REORDERED: 0, ONE: 1, TEN: 10}
"""The kinds of pairs, and how many differences each has."""

BARS_PER_S: Final = {(2, SAME): 5000.0, (2, REORDERED): 5000.0, (2, ONE): 1500.0, (2, TEN): 1500.0}
"""What one core is to reach at least, by size in KB and kind."""

_DOCUMENTS: Final = 16
"""Different documents of each size: no cache shall know them all by the last one."""
_CHANGED: Final = 10
_KB: Final = 1024


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured: ``slice_s`` seconds of processor time for each kind of pair in each round."""

    rounds: int = 7
    slice_s: float = 0.5

    @classmethod
    def quick(cls) -> "Sizes":
        """A look, not evidence."""
        return cls(rounds=1, slice_s=0.1)


@dataclass(frozen=True, slots=True)
class Measured:
    """One kind of pair in one round: comparisons a second, and how often both could have been read meanwhile."""

    kb: int
    pair: str
    round: int
    per_s: float
    reading_per_s: float


@dataclass(frozen=True, slots=True)
class Summary:
    """One kind of pair over all rounds.

    ``per_s`` is the median, ``times_reading`` the median of what a round's comparison cost in readings of both
    bodies; ``bar_per_s`` is what is asked for, 0 of nothing.
    """

    kb: int
    pair: str
    per_s: float
    times_reading: float
    bar_per_s: float

    @property
    def met(self) -> bool:
        """Whether it reaches its bar."""
        return self.per_s >= self.bar_per_s


@dataclass(frozen=True, slots=True)
class Comparing:
    """The whole bench."""

    sizes: Sizes
    measured: tuple[Measured, ...]
    summaries: tuple[Summary, ...]

    def as_dict(self) -> dict[str, Any]:  # Any: JSON
        """Return plain data for JSON."""
        return {**asdict(self), "met": all(each.met for each in self.summaries)}


def measure(sizes: Sizes, tell: Callable[[str], None] = lambda _: None) -> Comparing:
    """Compare all kinds of pairs in turn, in each round from another one on; ``tell`` gets a line for each round."""
    stock = [(kb, name, answers(kb, name)) for kb in SIZES_KB for name in PAIRS]
    found: list[Measured] = []
    for number in range(sizes.rounds):
        tell(f"round {number + 1} of {sizes.rounds}: {len(stock)} kinds of pairs")
        turn = number % len(stock)
        for kb, name, pairs in [*stock[turn:], *stock[:turn]]:
            per_s = _rate(compare, pairs, sizes.slice_s)
            reading_per_s = _rate(_read, pairs, sizes.slice_s / 2)
            found.append(Measured(kb, name, number, per_s, reading_per_s))
    return Comparing(sizes, tuple(found), tuple(summary(kb, name, found) for kb, name, _ in stock))


def summary(kb: int, pair: str, found: Sequence[Measured]) -> Summary:
    """The medians of one kind of pair."""
    own = [each for each in found if (each.kb, each.pair) == (kb, pair)]
    return Summary(
        kb=kb,
        pair=pair,
        per_s=median(each.per_s for each in own),
        times_reading=median(each.reading_per_s / each.per_s for each in own),
        bar_per_s=BARS_PER_S.get((kb, pair), 0.0),
    )


def answers(kb: int, pair: str) -> list[tuple[Answer, Answer]]:
    """Pairs of answers of that kind, each of some other document of about that size."""
    made = []
    for seed in range(_DOCUMENTS):
        left = document(kb * _KB, seed)
        body = json.dumps(left).encode()
        right = body if pair == SAME else json.dumps(_other(left, PAIRS[pair])).encode()
        made.append((_answer(body), _answer(right)))
    return made


def document(size: int, seed: int) -> dict[str, Any]:  # Any: JSON
    """An order as shops answer it: texts, whole and broken numbers, flags, objects in arrays; at least so many bytes.

    It has at least ten lines, and no two of them are the same.
    """
    dice = Random(f"document {seed}")
    lines: list[dict[str, Any]] = []  # Any: JSON
    order: dict[str, Any] = {
        "id": f"{dice.getrandbits(64):016x}",
        "customer": {"name": f"customer {seed}", "since": "2021-03-04T05:06:07Z", "vip": bool(seed % 2), "phone": None},
        "lines": lines,
        "currency": "EUR",
        "total": dice.randrange(100, 100_000) / 100,
    }
    length = len(json.dumps(order))
    while len(lines) < _CHANGED or length < size:
        line = {
            "sku": f"{dice.getrandbits(40):010x}",
            "name": f"article {dice.randrange(10_000)} in {dice.choice(('red', 'green', 'blue'))}",
            "quantity": dice.randrange(1, 9),
            "price": dice.randrange(100, 10_000) / 100,
            "tags": dice.sample(("new", "sale", "fragile", "bulky", "gift"), 2),
            "in_stock": bool(dice.randrange(10)),
        }
        lines.append(line)
        length += len(json.dumps(line)) + len(", ")
    return order


def _other(left: dict[str, Any], changes: int) -> object:  # Any: JSON
    """The same with its members in the reverse order, or with the first lines' prices a little higher."""
    if not changes:
        return _reversed(left)
    lines = [dict(line) for line in left["lines"]]
    for line in lines[:changes]:
        line["price"] = float(Decimal(str(line["price"])) + 1)
    return {**left, "lines": lines}


def _reversed(value: object) -> object:
    if isinstance(value, dict):
        return {name: _reversed(value[name]) for name in reversed(value)}
    return [_reversed(each) for each in value] if isinstance(value, list) else value


def _answer(body: bytes) -> Answer:
    headers: Headers = (
        ("content-type", "application/json; charset=utf-8"),
        ("content-length", str(len(body))),
        ("date", "Fri, 05 Mar 2021 08:00:00 GMT"),
        ("server", "shop"),
        ("cache-control", "no-store"),
        ("vary", "accept-encoding"),
    )
    return Answer(200, headers, body)


def _read(left: Answer, right: Answer) -> None:
    json.loads(left.body)
    json.loads(right.body)


def _rate(act: Callable[[Answer, Answer], object], pairs: Sequence[tuple[Answer, Answer]], slice_s: float) -> float:
    """How often it can be done in a second of processor time; the clock is read once per run over all pairs."""
    done, begun_s = 0, time.process_time()
    while (used_s := time.process_time() - begun_s) < slice_s:
        for left, right in pairs:
            act(left, right)
        done += len(pairs)
    return done / used_s
