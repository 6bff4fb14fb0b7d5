"""A rollout of v2 beside v1 that is to be checked."""

from typing import Any, Final

from abreast.model.checks import PromqlGate, Webhook, WebhookKind
from abreast.model.rollout import Phase, Policy, Rollout, WeightStep
from tests.fakes.clock import FakeClock

BEGIN: Final = FakeClock().time


def gate(server: str = "http://127.0.0.1:1", query: str = "q", **fields: Any) -> PromqlGate:  # noqa: ANN401  # a gate's
    """No sample above a quarter, unless told otherwise."""
    bound = {} if "at_least" in fields else {"at_most": 0.25}
    return PromqlGate("p99", server, query, **(bound | fields))


def hook(kind: WebhookKind, url: str = "http://127.0.0.1:1", **fields: Any) -> Webhook:  # noqa: ANN401  # a webhook's
    """A webhook named by its kind, asked without retries unless told otherwise."""
    known: dict[str, Any] = {"name": kind, "kind": kind, "url": url, "retries": 0}
    return Webhook(**(known | fields))


def under_way(phase: Phase, *asked: PromqlGate | Webhook, **fields: Any) -> Rollout:  # noqa: ANN401  # a Rollout's
    """A rollout in that phase, which has only just begun; at the first of two steps while it climbs."""
    policy = Policy(
        steps=(WeightStep(1000), WeightStep(5000)),
        promql=tuple(each for each in asked if isinstance(each, PromqlGate)),
        webhooks=tuple(each for each in asked if isinstance(each, Webhook)),
    )
    known: dict[str, Any] = {
        "service": "shop",
        "number": 3,
        "stable": "v1",
        "candidate": "v2",
        "policy": policy,
        "phase": phase,
        "phase_since": BEGIN,
        "started_at": BEGIN,
        "attempt_since": BEGIN,
        "step_since": BEGIN,
        "weight": 1000,
    }
    return Rollout(**(known | fields))
