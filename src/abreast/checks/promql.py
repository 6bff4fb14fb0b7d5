"""Prometheus' HTTP API, version 1: https://prometheus.io/docs/prometheus/latest/querying/api/.

A scalar, a vector and a matrix all are samples, each of which must keep to the bound. NaN is no sample: it is what
comes of 0 / 0, a share of nothing.
"""

import json
from math import isfinite, isnan
from typing import Any, Final
from urllib.parse import urlencode

from abreast.checks.exchange import Answer, Exchange, NoAnswerError, Wish
from abreast.model.checks import Check, PromqlGate, public_address

TIMEOUT_S: Final = 10.0
LIMIT_BYTES: Final = 4 * 2**20
POINTS: Final = 60
"""About how many samples of each series a range is looked at; never closer than a second."""

_FORM: Final = "application/x-www-form-urlencoded"


class _UndecidedError(Exception):
    """The answer decides nothing; the text says why."""


async def ask(gate: PromqlGate, query: str, since: float, now: float, exchange: Exchange) -> Check:
    """Ask the query, with its placeholders filled; a range begins at ``since`` (Unix seconds) at the earliest.

    Never raises for what the server does: what cannot be told passes as None.
    """
    try:
        values = _samples(await exchange.post(_wish(gate, query, since, now)), gate)
    except (NoAnswerError, _UndecidedError) as error:
        return Check(gate.name, "promql", at=now, detail=str(error))
    worst = gate.worst(values)
    of = f", the worst of {len(values)} samples" if len(values) > 1 else ""
    return Check(
        gate.name,
        "promql",
        passed=all(gate.holds(value) for value in values),
        value=worst if isfinite(worst) else None,
        at=now,
        detail=f"{worst:g}{of}; {gate.bound} is allowed",
    )


def _wish(gate: PromqlGate, query: str, since: float, now: float) -> Wish:
    form = {"query": query, "timeout": f"{TIMEOUT_S:g}s"}
    path = "query"
    if gate.range_s is not None:
        path = "query_range"
        start = min(max(now - gate.range_s, since), now)
        form |= {"start": f"{start:.3f}", "end": f"{now:.3f}", "step": f"{max(gate.range_s / POINTS, 1.0):.3f}"}
    url = f"{gate.server.rstrip('/')}/api/v1/{path}"
    return Wish(url, urlencode(form).encode(), _FORM, TIMEOUT_S, LIMIT_BYTES)


def _samples(answer: Answer, gate: PromqlGate) -> list[float]:
    """The numbers that came, at least one. Raises _UndecidedError."""
    server = public_address(gate.server)
    if answer.redirects:
        raise _UndecidedError(f"prometheus {server} {answer.words}")
    if not answer.whole:
        size = LIMIT_BYTES // 2**20
        raise _UndecidedError(f"prometheus {server} gave more than {size} MiB: aggregate in the query")
    try:
        document = json.loads(answer.body)
        if document["status"] != "success":
            fault = " ".join(str(document["error"]).split())[:300]
            raise _UndecidedError(f"prometheus {server} answered {answer.status}: {fault}")
        values = list(_numbers(document["data"]))
    except (ValueError, LookupError, TypeError, RecursionError):
        raise _UndecidedError(f"{server} is no Prometheus: it {answer.words}") from None
    if not answer.passes:
        raise _UndecidedError(f"prometheus {server} {answer.words}")
    values = [value for value in values if not isnan(value)]
    if not values:
        raise _UndecidedError("the query gives no data")
    return values


def _numbers(data: Any) -> list[float]:  # noqa: ANN401  # JSON, of whatever shape the server gave it
    kind, result = data["resultType"], data["result"]
    if kind == "scalar":
        return [float(result[1])]
    if kind == "vector":
        return [float(series["value"][1]) for series in result if "histogram" not in series]
    if kind == "matrix":
        return [float(value) for series in result for _, value in series.get("values", ())]
    raise _UndecidedError(f"the query gives a {kind}, not numbers")
