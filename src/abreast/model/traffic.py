"""What one gateway is told: which versions get which users, and where their instances are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from abreast.model.service import Endpoint, GatewaySettings, UserKey, Version
from abreast.model.shadow import IsolatedRoute
from abreast.model.units import FULL_WEIGHT

USER_COOKIE: Final = "abreast-id"
"""The gateway sets it for users without an identity, so that they stay on their side."""

UPSTREAM_HEADER: Final = "x-abreast-upstream"
"""On its way to the relay an answer says who gave it: ``VERSION HOST:PORT``; users never see it."""


@dataclass(frozen=True)
class NodeTls:
    """How a node of a fleet shows others who it is: files in PEM. ``authority`` is who must have signed for them."""

    certificate: Path
    key: Path
    authority: Path


@dataclass(frozen=True)
class Shadowing:
    """How much is copied: ``share`` of the requests (hundredths of a percent), at most so many per second.

    ``unsafe`` are routes whose unsafe methods are copied too.
    """

    share: int
    at_most_per_s: float
    unsafe: tuple[IsolatedRoute, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.share <= FULL_WEIGHT:
            message = f"a share of {self.share} is outside 1..{FULL_WEIGHT}"
            raise ValueError(message)


@dataclass(frozen=True)
class Split:
    """Which share of users goes to the candidate: the pure part of `Traffic` that the rollout decides.

    ``weight`` is in hundredths of a percent; ``salt`` moves users' buckets, one per rollout, so that the
    same users are not always the first. Without a candidate everything goes to ``stable``.
    ``shadow``: a share of the requests is also copied; None: nothing is.
    """

    stable: str
    candidate: str | None = None
    weight: int = 0
    salt: str = ""
    shadow: Shadowing | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= FULL_WEIGHT:
            message = f"weight {self.weight} is outside 0..{FULL_WEIGHT}"
            raise ValueError(message)
        if self.candidate is None and (self.weight or self.shadow):
            message = f"weight {self.weight}, shadow {self.shadow} without a candidate"
            raise ValueError(message)
        if self.candidate == self.stable:
            message = f"{self.stable!r} on both sides"
            raise ValueError(message)

    @property
    def versions(self) -> tuple[str, ...]:
        """Every version that this split can route to, also at weight 0 (testers can force a side)."""
        return (self.stable,) if self.candidate is None else (self.stable, self.candidate)


@dataclass(frozen=True)
class Backend:
    """One version as the gateway sees it: its settings and the endpoints that are ready."""

    version: Version
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True)
class Traffic:
    """Everything a snapshot is made from. ``recording``: what is copied for somebody who records requests.

    ``relays`` take the copies; none: a relay of the gateway's own machine does.
    """

    service: str
    split: Split
    stable: Backend
    candidate: Backend | None
    gateway: GatewaySettings
    users: tuple[UserKey, ...] = ()
    tester_secret: str = ""
    recording: Shadowing | None = None
    relays: tuple[Endpoint, ...] = ()

    @property
    def copying(self) -> Shadowing | None:
        """What is copied, for whatever purpose."""
        return self.split.shadow or self.recording

    def __post_init__(self) -> None:
        names = (self.stable.version.name,) + ((self.candidate.version.name,) if self.candidate else ())
        if names != self.split.versions:
            message = f"backends {names} do not match the split's versions {self.split.versions}"
            raise ValueError(message)
