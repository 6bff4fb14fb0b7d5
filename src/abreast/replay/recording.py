"""A rollout as it was recorded: how it began, what its versions did in each second, and what was decided."""

from dataclasses import dataclass, replace
from typing import Final

from abreast.analysis.tick import Tick
from abreast.model.checks import public_address
from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase, Policy, Rollout

KINDS: Final = frozenset(
    {
        EventKind.STARTED,
        EventKind.PHASE,
        EventKind.WEIGHT,
        EventKind.SHADOW,
        EventKind.STEP,
        EventKind.APPROVED,
        EventKind.HELD,
        EventKind.VERDICT,
        EventKind.REFUSED,
        EventKind.SHELTERED,
        EventKind.UNSHELTERED,
        EventKind.RELEASED,
        EventKind.SPEC,
        EventKind.LEASE,
    }
)
"""What is taken from the audit log. The rest is of instances, gateways and findings: it may name what is private."""


@dataclass(frozen=True)
class Recording:
    """One rollout. ``start`` is its first state, with the policy as it was at its end; the rest is in order of time."""

    start: Rollout
    ticks: tuple[Tick, ...]
    events: tuple[Event, ...]

    @property
    def ended_at(self) -> float:
        """Unix seconds of the last second that is on record."""
        return self.ticks[-1].at if self.ticks else self.start.started_at


def recorded(last: Rollout, ticks: tuple[Tick, ...], events: tuple[Event, ...]) -> Recording:
    """Of a rollout in its last state, its ticks, and events of its service in their order."""
    mine = [_public(event) for event in events if event.rollout == last.number and event.kind in KINDS]
    return Recording(first_state(last), ticks, tuple(sorted(mine, key=lambda event: event.at)))


def _public(event: Event) -> Event:
    """Without a server's name: what counts is that another one had to take over."""
    return replace(event, reason="a server took over") if event.kind is EventKind.LEASE else event


def first_state(last: Rollout) -> Rollout:
    """How the rollout began, as `start` makes it: nobody on the candidate, which is not ready yet."""
    begin = last.started_at
    return Rollout(
        service=last.service,
        number=last.number,
        stable=last.stable,
        candidate=last.candidate,
        policy=shareable(last.policy),
        phase=Phase.PENDING,
        phase_since=begin,
        started_at=begin,
        attempt_since=begin,
        reason="as recorded",
    )


def shareable(policy: Policy) -> Policy:
    """Without what may be secret in addresses that are never asked again."""
    return replace(
        policy,
        promql=tuple(replace(gate, server=public_address(gate.server)) for gate in policy.promql),
        webhooks=tuple(replace(hook, url=public_address(hook.url), metadata=()) for hook in policy.webhooks),
    )
