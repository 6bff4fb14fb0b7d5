"""Batches as a relay would report them, for the tests of the book."""

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import xor

from abreast.compare.model import Kind
from abreast.findings.report import (
    Batch,
    EndpointReport,
    Key,
    PathCount,
    PathReport,
    Sample,
    ShownAnswer,
    ShownDifference,
)

ORDERS = "GET /orders/{id}"
TOTAL = Key("/total", Kind.TYPE)
NAME = Key("/name", Kind.CHANGED)
NOTE = Key("/note", Kind.ADDED)
SERVER = Key("header:server", Kind.HEADER)
POWERED = Key("header:x-powered-by", Kind.HEADER)
STATUS = Key("status", Kind.STATUS)


def path(key: Key, ids: Iterable[int] = (), *, control: int = 0, both: int = 0, at: float = 1.0) -> PathReport:
    """``ids`` are the exchanges in which the candidate alone differed."""
    differing = list(ids)
    together = reduce(xor, differing, 0)
    return PathReport(key, PathCount(len(differing), control, both, 0, 0, together, at, at))


def report(
    *paths: PathReport, endpoint: str = ORDERS, compared: int = 100, controlled: int | None = None
) -> EndpointReport:
    """``controlled`` None: as many as were compared."""
    return EndpointReport(endpoint, compared, compared if controlled is None else controlled, paths=paths)


def batch(*reports: EndpointReport, number: int = 1, rollout: int = 1, samples: Sequence[Sample] = ()) -> Batch:
    total = sum(each.compared for each in reports)
    return Batch("relay", number, float(number), rollout, total, total, 0, {}, reports, tuple(samples))


def sample(key: Key, left: str | None, right: str | None, *, endpoint: str = ORDERS) -> Sample:
    answer = ShownAnswer(200, (), "")
    shown = ShownDifference(key.pattern, key, left, right)
    return Sample("1", 1.0, endpoint, (key,), "GET", "/orders/1", (), "", answer, answer, None, (shown,))
