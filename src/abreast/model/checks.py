"""Checks that others answer: queries on a Prometheus, and webhooks of Flagger's eight kinds.

The kinds of webhook, their payload and the names of its phases are those of Flagger's documentation, "Webhooks"
(https://docs.flagger.app/usage/webhooks), so that receivers made for Flagger can be kept.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

WebhookKind = Literal[
    "confirm-rollout",
    "pre-rollout",
    "rollout",
    "confirm-traffic-increase",
    "confirm-promotion",
    "post-rollout",
    "rollback",
    "event",
]
"""When a webhook is asked, and what its answer means."""

CheckKind = Literal["promql"] | WebhookKind

WEBHOOK_KINDS: Final[tuple[WebhookKind, ...]] = get_args(WebhookKind)

PLACEHOLDERS: Final[Mapping[str, str]] = {
    "service": "the service's name",
    "candidate": "the candidate's name",
    "stable": "stable's name",
    "weight": "the candidate's share of users in percent, without the sign",
    "step_time": "for how long the present step has lasted, such as 90s, at least 1s",
}
"""What ``{{NAME}}`` in a query stands for."""

_PLACEHOLDER: Final = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


@dataclass(frozen=True)
class PromqlGate:
    """A query whose every sample must keep to exactly one bound, ``at_most`` or ``at_least``.

    An instant query, or one over the last ``range_s`` seconds. Asked every ``every_s``; the candidate is worse after
    so many ``failures`` in a row. With ``dry_run`` it is told and counts for nothing.
    """

    name: str
    server: str = field(repr=False)
    query: str
    at_most: float | None = None
    at_least: float | None = None
    range_s: float | None = None
    every_s: float = 10.0
    failures: int = 3
    dry_run: bool = False

    def __post_init__(self) -> None:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError(f"{self.name}: exactly one of at_most and at_least, got {self.at_most}, {self.at_least}")

    @property
    def kind(self) -> Literal["promql"]:
        """As a webhook has one."""
        return "promql"

    @property
    def bound(self) -> str:
        """What is allowed, in words."""
        return f"at most {self.at_most:g}" if self.at_most is not None else f"at least {self.at_least or 0.0:g}"

    def holds(self, value: float) -> bool:
        """Whether a sample keeps to the bound; NaN never does."""
        if self.at_most is not None:
            return value <= self.at_most
        return value >= (self.at_least or 0.0)

    def worst(self, values: list[float]) -> float:
        """The sample that is nearest to breaking the bound, or furthest beyond it; of at least one."""
        return max(values) if self.at_most is not None else min(values)

    def filled(self, values: Mapping[str, str]) -> str:
        """The query with each of `PLACEHOLDERS` replaced. Raises KeyError for one that has no value."""
        return _PLACEHOLDER.sub(lambda found: values[found[1]], self.query)


@dataclass(frozen=True)
class Webhook:
    """A URL that is posted to; any 2xx passes. ``metadata`` goes with the payload.

    ``timeout_s`` is for one attempt, of which there may be ``retries`` more; asked again every ``every_s`` while it
    matters. ``failures`` in a row are what kinds `rollout` and `pre-rollout` take for worse.
    """

    name: str
    kind: WebhookKind
    url: str = field(repr=False)
    timeout_s: float = 10.0
    retries: int = 1
    every_s: float = 10.0
    failures: int = 3
    metadata: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Check:
    """What one of them said last.

    ``passed`` is None while nothing is known: not answered yet, no data, nobody there. ``failed_in_row`` counts
    answers against the candidate; what is not known leaves it as it is. ``value`` is the worst sample of a query, if
    it is finite. ``at`` is when it was asked, in Unix seconds (0: never); ``detail`` says what came, for people,
    without secrets.
    """

    name: str
    kind: CheckKind
    passed: bool | None = None
    failed_in_row: int = 0
    value: float | None = None
    at: float = 0.0
    detail: str = "not asked yet"

    def after(self, before: "Check | None") -> "Check":
        """With the failures in a row counted on from the answer before this one."""
        so_far = before.failed_in_row if before else 0
        row = so_far if self.passed is None else 0 if self.passed else so_far + 1
        return replace(self, failed_in_row=row)


def placeholders(query: str) -> tuple[str, ...]:
    """The names in ``{{…}}``, in their order."""
    return tuple(_PLACEHOLDER.findall(query))


def public_address(url: str) -> str:
    """Scheme, host and port of a URL: its user, its path and its parameters may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
