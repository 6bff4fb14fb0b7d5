"""The keys of gates that others answer: queries on a Prometheus, webhooks."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Final

from pydantic import ConfigDict, Field

from abreast.model.checks import WEBHOOK_KINDS, PromqlGate, Webhook, WebhookKind
from abreast.model.document import Path
from abreast.model.spec_conflict import Conflict
from abreast.model.spec_entry import HOUR, YEAR, Keys, entry, seconds
from abreast.model.spec_gate_values import NAME_PATTERN, http_url, number, promql_query
from abreast.model.spec_values import choice, duration, line, truth, whole, word

MOST: Final = 50
"""Of each list: every one is a question that may be open at any time."""

PROMQL: Final[Path] = ("rollout", "gates", "promql")
WEBHOOKS: Final[Path] = ("rollout", "gates", "webhooks")

_IDLE: Final = {
    "failures": (
        frozenset({"confirm-rollout", "confirm-traffic-increase", "confirm-promotion"})
        | frozenset({"post-rollout", "rollback", "event"}),
        "its failures roll nothing back",
    ),
    "every_s": (frozenset({"post-rollout", "event"}), "it is told once"),
}
"""Keys that mean nothing for some kinds of webhook, and why."""

Name = Annotated[str, word(NAME_PATTERN, "1 to 60 letters, digits, blanks and - _ .")]


class PromqlKeys(Keys):
    """A query on a Prometheus. Exactly one of ``at_most`` and ``at_least`` is needed."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["at_most"]}, {"required": ["at_least"]}]})

    name: Name = Field(description="what it is called in sentences; no other gate has the same name")
    server: Annotated[str, http_url("http://127.0.0.1:9090")] = Field(
        description="where the Prometheus is, without /api/v1; user and password may stand in it"
    )
    query: Annotated[str, promql_query()] = Field(
        description="the query; {{service}}, {{candidate}}, {{stable}}, {{weight}} and {{step_time}} are replaced"
    )
    at_most: Annotated[float | None, number()] = entry("no sample may be above this", None)
    at_least: Annotated[float | None, number()] = entry("no sample may be below this", None)
    range_s: Annotated[float | None, duration(1, YEAR)] = entry(
        "look at all samples of this long, at most since the attempt began; left out: at the newest",
        None,
        alias="range",
    )
    every_s: Annotated[float, duration(1, HOUR)] = seconds("every", "how often it is asked", PromqlGate.every_s)
    failures: Annotated[int, whole(1, 1000)] = entry(
        "after so many failures in a row the candidate is worse", PromqlGate.failures
    )
    dry_run: Annotated[bool, truth()] = entry("tell what it says, and let it count for nothing", PromqlGate.dry_run)

    def gate(self) -> PromqlGate:
        """The value that the rest of abreast speaks of."""
        return PromqlGate(
            name=self.name,
            server=self.server,
            query=self.query,
            at_most=self.at_most,
            at_least=self.at_least,
            range_s=self.range_s,
            every_s=self.every_s,
            failures=self.failures,
            dry_run=self.dry_run,
        )


class WebhookKeys(Keys):
    """A URL that is posted to; its answer's status says whether the rollout may go on."""

    name: Name = Field(description="what it is called in sentences; no other gate has the same name")
    kind: Annotated[WebhookKind, choice(*WEBHOOK_KINDS)] = Field(
        description="when it is asked, and what its answer means", alias="type"
    )
    url: Annotated[str, http_url("http://127.0.0.1:8080/gate")] = Field(
        description="where to post; user and password may stand in it"
    )
    timeout_s: Annotated[float, duration(0.1, HOUR)] = seconds(
        "timeout", "how long one attempt may take", Webhook.timeout_s
    )
    retries: Annotated[int, whole(0, 10)] = entry(
        "how many more attempts there are without an answer, or after 429 or 5xx", Webhook.retries
    )
    every_s: Annotated[float, duration(1, HOUR)] = seconds("every", "how often it is asked", Webhook.every_s)
    failures: Annotated[int, whole(1, 1000)] = entry(
        "after so many failures in a row the candidate is worse; only of `rollout` and `pre-rollout`",
        Webhook.failures,
    )
    metadata: dict[
        Annotated[str, line("a name")], Annotated[str, line('text, "" for none', empty=True, unquoted=True)]
    ] = Field(default_factory=dict, description="texts that go with what is posted")

    def webhook(self) -> Webhook:
        """The value that the rest of abreast speaks of."""
        return Webhook(
            name=self.name,
            kind=self.kind,
            url=self.url,
            timeout_s=self.timeout_s,
            retries=self.retries,
            every_s=self.every_s,
            failures=self.failures,
            metadata=tuple(self.metadata.items()),
        )


def gate_conflicts(promql: Sequence[PromqlKeys], webhooks: Sequence[WebhookKeys]) -> Iterator[Conflict]:
    """What the gates have against themselves and each other, in no particular order."""
    for index, gate in enumerate(promql):
        yield from _bounds((*PROMQL, index), gate)
    for index, webhook in enumerate(webhooks):
        yield from _idle((*WEBHOOKS, index), webhook)
    for path, gates in ((PROMQL, promql), (WEBHOOKS, webhooks)):
        if len(gates) > MOST:
            yield Conflict(path, f"there are {len(gates)}", f"keep at most {MOST}")
    yield from _names(promql, webhooks)


def _bounds(path: Path, gate: PromqlKeys) -> Iterator[Conflict]:
    if gate.at_most is None and gate.at_least is None:
        message = "neither `at_most` nor `at_least`: nothing says what is good"
        yield Conflict(path, message, "add one of the two, such as `at_most: 0.25`")
    elif gate.at_most is not None and gate.at_least is not None:
        message = "both `at_most` and `at_least`: a gate has one bound"
        yield Conflict(path, message, "keep one of the two, and write another gate for the other")


def _idle(path: Path, webhook: WebhookKeys) -> Iterator[Conflict]:
    for field, (kinds, reason) in _IDLE.items():
        if field in webhook.model_fields_set and webhook.kind in kinds:
            name = field.removesuffix("_s")
            message = f"`{name}` has no effect with `type: {webhook.kind}`: {reason}"
            yield Conflict((*path, name), message, "remove it", ((*path, "type"),))


def _names(promql: Sequence[PromqlKeys], webhooks: Sequence[WebhookKeys]) -> Iterator[Conflict]:
    """Names are how answers are kept apart."""
    holders: dict[str, Path] = {}
    named = [((*PROMQL, index, "name"), gate.name) for index, gate in enumerate(promql)]
    named += [((*WEBHOOKS, index, "name"), webhook.name) for index, webhook in enumerate(webhooks)]
    for path, name in named:
        if name in holders:
            first = holders[name]
            message = f"{name!r} is the name of {first[2]}[{first[3]}] already"
            yield Conflict(path, message, "give each gate a name of its own", (first,))
        else:
            holders[name] = path
