"""What is posted to webhooks, as Flagger's documentation describes it (https://docs.flagger.app/usage/webhooks)."""

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from abreast.checks.exchange import Answer, Exchange, NoAnswerError, Wish
from abreast.model.checks import Check, CheckKind, Webhook, public_address
from abreast.model.event import Event, EventKind, sentence
from abreast.model.rollout import Phase, Rollout
from abreast.ports import Clock

NAMESPACE: Final = "default"
"""Flagger's payload names a Kubernetes namespace; a service of abreast's is in none."""

LIMIT_BYTES: Final = 64 * 2**10
BACK_OFF_S: Final = 0.5
"""Before another attempt at the same question."""

PHASES: Final[Mapping[Phase, str]] = {
    Phase.PENDING: "Progressing",
    Phase.PROGRESSING: "Progressing",
    Phase.PAUSED: "Waiting",
    Phase.FROZEN: "Waiting",
    Phase.PROMOTING: "Promoting",
    Phase.BAKING: "Finalising",
    Phase.RETIRING: "Finalising",
    Phase.COMPLETED: "Succeeded",
    Phase.ROLLING_BACK: "Failed",
    Phase.ROLLED_BACK: "Failed",
}
"""Each phase in Flagger's spelling."""

_WAITING: Final[frozenset[CheckKind]] = frozenset({"confirm-rollout", "confirm-promotion"})
_WARNINGS: Final = frozenset(
    {EventKind.VERDICT, EventKind.HELD, EventKind.REFUSED, EventKind.SHELTERED, EventKind.NACK}
)
_PASSING: Final = frozenset({429})
"""Statuses beside 5xx that another attempt may mend."""


def payload(webhook: Webhook, rollout: Rollout) -> dict[str, object]:
    """What a webhook is told; ``checksum`` is the same for all that is told of one rollout."""
    identity = "\0".join([rollout.service, str(rollout.number), rollout.stable, rollout.candidate or ""])
    return {
        "name": rollout.service,
        "namespace": NAMESPACE,
        "phase": "Waiting" if webhook.kind in _WAITING else PHASES[rollout.phase],
        "checksum": hashlib.sha256(identity.encode()).hexdigest()[:10],
        "metadata": dict(webhook.metadata),
    }


def event_payload(webhook: Webhook, rollout: Rollout, event: Event) -> dict[str, object]:
    """What a webhook of kind `event` is told: ``timestamp`` is in milliseconds, as text."""
    told = {
        "eventMessage": sentence(event.kind, event.reason, event.data),
        "eventType": "Warning" if event.kind in _WARNINGS else "Normal",
        "timestamp": str(round(event.at * 1000)),
    }
    return {**payload(webhook, rollout), "metadata": {**dict(webhook.metadata), **told}}


async def ask(webhook: Webhook, told: Mapping[str, object], exchange: Exchange, clock: Clock) -> Check:
    """Post it, once more where that may help; never raises for what the receiver does.

    Any 2xx passes, any other answer fails; nobody there, too late, or sent elsewhere is None.
    """
    at = clock.now()
    wish = Wish(webhook.url, json.dumps(told).encode(), "application/json", webhook.timeout_s, LIMIT_BYTES)
    left = webhook.retries
    while True:
        check, may_pass = await _attempt(webhook, wish, exchange, at)
        if not may_pass or not left:
            return check
        left -= 1
        await clock.sleep(BACK_OFF_S)


async def _attempt(webhook: Webhook, wish: Wish, exchange: Exchange, at: float) -> tuple[Check, bool]:
    """What one attempt gave, and whether another one may give something else."""
    try:
        answer = await exchange.post(wish)
    except NoAnswerError as error:
        return Check(webhook.name, webhook.kind, at=at, detail=str(error)), True
    passed = None if answer.redirects else answer.passes
    detail = f"{public_address(webhook.url)} {answer.words}"
    check = Check(webhook.name, webhook.kind, passed=passed, at=at, detail=detail)
    return check, _may_pass(answer)


def _may_pass(answer: Answer) -> bool:
    return answer.status >= 500 or answer.status in _PASSING  # noqa: PLR2004  # server errors
