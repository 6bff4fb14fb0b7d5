"""The differences of two answers to the same request: status, headers, body, trailers, in this order."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from abreast.compare import body, grpc, headers
from abreast.compare.json_body import MOST_DIFFERENCES
from abreast.compare.model import Answer, Difference, Headers, Kind
from abreast.compare.rules import Rules, compiled

NO_RULES: Final = Rules()
"""Compares everything."""

_GRPC: Final = re.compile(r"application/grpc(?:-web)?(?:\+.*)?")
_GRPC_STATUS: Final = frozenset({"grpc-status", "grpc-message", "grpc-status-details-bin"})
"""Told by `compare.grpc`, be they headers or trailers."""


def compare(
    left: Answer, right: Answer, rules: Rules = NO_RULES, types: grpc.Types | None = None, *, method: str = ""
) -> tuple[Difference, ...]:
    """How the right answer differs from the left; at most `MOST_DIFFERENCES`, nothing when they agree.

    Total: whatever the bytes are, it returns. Where there is no answer on one side, that is the only difference; two
    answers that failed in the same way agree. When the statuses differ, the body is not compared, and of the headers
    only those that say what a status means: an error page differs everywhere, for one reason.

    ``types`` and ``method`` (the request's path, ``/shop.Orders/Get``) let gRPC messages be compared by field.
    """
    return tuple(islice(_differences(left, right, rules, types, method), MOST_DIFFERENCES))


def _differences(
    left: Answer, right: Answer, rules: Rules, types: grpc.Types | None, method: str
) -> Iterator[Difference]:
    if left.failure or right.failure:
        if left.failure != right.failure:
            sides = [answer.failure or answer.status for answer in (left, right)]
            yield Difference(Kind.NO_ANSWER, "status", "status", *sides)
        return
    asked = compiled(rules)
    if left.status != right.status and not asked.ignores("status"):
        yield Difference(Kind.STATUS, "status", "status", left.status, right.status)
        yield from headers.differences(headers.telling(left), headers.telling(right), asked)
        return
    if _is_grpc(left) and _is_grpc(right):
        yield from headers.differences(_without_status(left.headers), _without_status(right.headers), asked)
        yield from grpc.differences(left, right, rules, types, method=method)
        yield from headers.differences(
            _without_status(left.trailers), _without_status(right.trailers), asked, "trailer"
        )
        return
    bodiless = not left.body and not right.body
    yield from headers.differences(left.headers, right.headers, asked, bodiless=bodiless)
    yield from body.differences(left, right, rules)
    yield from headers.differences(left.trailers, right.trailers, asked, "trailer")


def _is_grpc(answer: Answer) -> bool:
    media_type = (answer.header("content-type") or "").partition(";")[0].strip().lower()
    return _GRPC.fullmatch(media_type) is not None


def _without_status(named: Headers) -> Headers:
    return tuple((name, value) for name, value in named if name not in _GRPC_STATUS)
