"""Who is to be asked about one live exchange. Pure: chance is a hash of the exchange's id."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from abreast.compare.model import Request
from abreast.model.service import Endpoint
from abreast.model.shadow import ShadowPolicy
from abreast.model.units import FULL_WEIGHT
from abreast.shadow.answers import Protocol
from abreast.shadow.capture import Capture
from abreast.shadow.order import Arm, Order


class Skip(StrEnum):
    """Why an exchange that a relay received was not compared."""

    QUEUE_FULL = "queue-full"
    """More came than could be asked about."""
    EXPIRED = "expired"
    """It waited too long, or the rollout that it belonged to is over."""
    NO_CANDIDATE = "no-candidate"
    """No instance of the candidate was ready."""
    NO_UPSTREAM = "no-upstream"
    """The candidate answered live, and no instance of stable was ready."""
    NOT_ATTRIBUTABLE = "not-attributable"
    """It follows up on something that only the instance which answered live can know."""
    SIDE = "side"
    """Asking again could change something that is not the candidate's own."""
    OVERSIZE = "oversize"
    """An answer's body was beyond the limit."""
    MALFORMED = "malformed"
    """It could not be read, or not be sent as it was."""


@dataclass(frozen=True, slots=True)
class Target:
    """One instance to ask."""

    endpoint: Endpoint
    protocol: Protocol

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://{self.endpoint}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom to ask; None where the live answer is that side's.

    ``control`` is where a control comes from (None for an unsafe request), ``chosen`` whether chance asks it.
    """

    candidate: Target | None
    stable: Target | None
    control: Target | None
    chosen: bool
    candidate_first: bool


def exchange_id(text: str) -> int:
    """64 bits that name an exchange, of its request id."""
    return int.from_bytes(hashlib.blake2b(text.encode("latin-1", "replace"), digest_size=8).digest())


def plan(order: Order, capture: Capture, number: int) -> Plan | Skip:
    """Whom to ask about the exchange with that id, or why nobody."""
    if order.candidate is None:
        return Skip.NO_CANDIDATE
    if not capture.request.safe and not _isolated(order.policy, capture.request):
        return Skip.SIDE
    if capture.version == order.stable.version:
        return _after_stable(order, order.candidate, capture, _Chances.of(number))
    if capture.version == order.candidate.version:
        return _after_candidate(order, capture, _Chances.of(number))
    return Skip.EXPIRED


@dataclass(frozen=True, slots=True)
class _Chances:
    """Independent numbers of 32 bits, one for each choice."""

    controls: int
    first: int
    candidate: int
    stable: int
    control: int

    @classmethod
    def of(cls, number: int) -> "_Chances":
        digest = hashlib.blake2b(number.to_bytes(8), digest_size=20, person=b"abreast-plan").digest()
        return cls(*(int.from_bytes(digest[at : at + 4]) for at in range(0, 20, 4)))


def _after_stable(order: Order, candidate: Arm, capture: Capture, chances: _Chances) -> Plan | Skip:
    """Stable answered the user: ask the candidate."""
    asked = _pick(candidate, chances.candidate, "")
    if asked is None:
        return Skip.NO_CANDIDATE
    control = _pick(order.stable, chances.control, capture.answer.instance) if capture.request.safe else None
    return Plan(asked, None, control, control is not None and _chosen(order, chances), bool(chances.first & 1))


def _after_candidate(order: Order, capture: Capture, chances: _Chances) -> Plan | Skip:
    """The candidate answered the user: ask stable; but a write is never sent to stable a second time."""
    if not capture.request.safe:
        return Skip.SIDE
    asked = _pick(order.stable, chances.stable, "")
    if asked is None:
        return Skip.NO_UPSTREAM
    control = _pick(order.stable, chances.control, str(asked.endpoint))
    return Plan(None, asked, control, _chosen(order, chances), bool(chances.first & 1))


def _chosen(order: Order, chances: _Chances) -> bool:
    return chances.controls % FULL_WEIGHT < order.policy.controls


def _isolated(policy: ShadowPolicy, request: Request) -> bool:
    """Whether the spec lets this unsafe request go to the candidate: checked here too, not by the gateway alone."""
    return any(request.method in route.methods and request.path.startswith(route.prefix) for route in policy.isolated)


def _pick(arm: Arm, chance: int, other_than: str) -> Target | None:
    """An instance of the arm, another than the one named wherever there are two."""
    others = [endpoint for endpoint in arm.endpoints if str(endpoint) != other_than] or list(arm.endpoints)
    return Target(others[chance % len(others)], arm.protocol) if others else None
