"""What a relay knows about the answers of one rollout: endpoints, rules, noise, and what may be shown of them."""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from abreast.compare.endpoint import Endpoints
from abreast.compare.model import Answer, Difference, Request
from abreast.compare.rules import Rules, Tolerance
from abreast.findings.judge import Judge, Judged
from abreast.findings.redact import Redaction, Redactor
from abreast.findings.report import EndpointReport, Key, Sample, ShownDifference
from abreast.findings.samples import Reservoir
from abreast.model.shadow import RulePolicy, ShadowPolicy
from abreast.shadow.order import Order

_REMEMBERED_ENDPOINTS: Final = 1024
_SHOWN_DIFFERENCES: Final = 50
"""Differences of one exchange that are shown at most; all are counted."""


class Exchange:
    """One live exchange with all its answers, as it comes before the judge."""

    __slots__ = ("at", "candidate", "chosen", "control", "endpoint", "number", "request", "stable")

    def __init__(self, number: int, at: float, endpoint: str, request: Request) -> None:
        self.number = number
        self.at = at
        self.endpoint = endpoint
        self.request = request
        self.stable = self.candidate = Answer(0)
        self.control: Answer | None = None
        self.chosen = False

    @property
    def answers(self) -> tuple[Answer, ...]:
        """All there are."""
        return (self.stable, self.candidate) if self.control is None else (self.stable, self.candidate, self.control)


class Judging:
    """Judges exchanges by an order's rules. Raises ValueError when made of an order whose policy cannot be read."""

    def __init__(self, order: Order) -> None:
        self._terms = _terms(order)
        self._endpoints = Endpoints(order.policy.templates, order.policy.operation)
        self._judge = Judge(rules_of(order.policy), order.accepted)
        self._redactor = Redactor(order.redaction_salt.encode(), order.policy.redact)
        self._reservoir = Reservoir()

    def fits(self, order: Order) -> bool:
        """Whether the order asks for the same judging: instances may come and go, and changes be accepted."""
        return self._terms == _terms(order)

    def accept(self, order: Order) -> None:
        """From now on its accepted differences are meant; what was learned stays."""
        self._judge.accept(order.accepted)

    def endpoint(self, request: Request) -> str:
        """The name of the request's endpoint."""
        return self._endpoints.name(request)

    def redacted(self, request: Request, answer: Answer) -> Request:
        """The request as it may be kept."""
        headers, path, body = self._redactor.begin(request, answer).request()
        return Request(request.method, path, headers, body.encode())

    def wants_control(self, exchange: Exchange) -> bool:
        """Whether a second answer of stable's is needed to tell a difference from noise."""
        return self._judge.wants_control(exchange.endpoint, exchange.stable, exchange.candidate, exchange.at)

    def judge(self, exchange: Exchange) -> Judged:
        """Count the exchange, and learn from it."""
        return self._judge.judge(
            exchange.endpoint,
            exchange.number,
            exchange.at,
            exchange.stable,
            exchange.candidate,
            exchange.control,
            chosen=exchange.chosen,
        )

    def confirm(self, exchange: Exchange, keys: tuple[Key, ...], at: float, stable: Answer, candidate: Answer) -> None:
        """The exchange's request was asked once more, at ``at`` (Unix seconds): whether the keys still differ."""
        again = self._judge.replayed(exchange.endpoint, at, stable, candidate)
        self._judge.confirm(exchange.endpoint, keys, again)

    def wants_sample(self, exchange: Exchange, differences: tuple[Difference, ...]) -> bool:
        """Whether the exchange is worth being kept."""
        return self._reservoir.wants(exchange.endpoint, keys_of(differences), exchange.number)

    def sampled(self, exchange: Exchange, differences: tuple[Difference, ...]) -> None:
        """It is kept."""
        self._reservoir.added(exchange.endpoint, keys_of(differences), exchange.number)

    def redaction(self, exchange: Exchange) -> Redaction:
        """The exchange with its secrets known: through it alone may anything of it be shown."""
        return self._redactor.begin(exchange.request, *exchange.answers)

    def take(self) -> tuple[EndpointReport, ...]:
        """The counts since the last take; a batch ends here."""
        self._reservoir.next_batch()
        return self._judge.take()


def shown(redaction: Redaction, differences: tuple[Difference, ...]) -> tuple[ShownDifference, ...]:
    """The differences as they may be shown, the first of them."""
    return tuple(redaction.difference(each) for each in differences[:_SHOWN_DIFFERENCES])


def sample(exchange: Exchange, differences: tuple[Difference, ...], redaction: Redaction) -> Sample:
    """The exchange as it may be kept: everything in it is redacted."""
    headers, path, body = redaction.request()
    return Sample(
        id=str(exchange.number),
        at=exchange.at,
        endpoint=exchange.endpoint,
        keys=keys_of(differences),
        method=exchange.request.method,
        path=path,
        request_headers=headers,
        request_body=body,
        stable=redaction.answer(exchange.stable),
        candidate=redaction.answer(exchange.candidate),
        control=None if exchange.control is None else redaction.answer(exchange.control),
        differences=shown(redaction, differences),
    )


def _terms(order: Order) -> tuple[object, ...]:
    """All of an order that needs another judging if it changes."""
    return order.rollout, order.policy, order.redaction_salt


def keys_of(differences: Iterable[Difference]) -> tuple[Key, ...]:
    """What the differences are counted as, each once."""
    return tuple(dict.fromkeys(Key(difference.pattern, difference.kind) for difference in differences))


def rules_of(policy: ShadowPolicy) -> Callable[[str], Rules]:
    """The rules of an endpoint: those of every entry whose glob fits its name, later ones added to earlier ones.

    Raises ValueError for rules that cannot be read.
    """
    # A bracket is part of a name (``POST / [GetItem]``), not of a glob.
    entries = [(entry.endpoint.replace("[", "[[]"), _rules(entry)) for entry in policy.rules]

    @lru_cache(maxsize=_REMEMBERED_ENDPOINTS)
    def rules(endpoint: str) -> Rules:
        merged = Rules()
        for glob, added in entries:
            if fnmatchcase(endpoint, glob):
                merged = merged.merged(added)
        return merged

    return rules


def _rules(entry: RulePolicy) -> Rules:
    return Rules(
        ignore=entry.ignore,
        unordered=entry.unordered,
        keyed=entry.keyed,
        tolerance=tuple(
            (path, Tolerance(each.absolute, each.relative, each.seconds)) for path, each in entry.tolerance
        ),
        mask=entry.mask,
    )
