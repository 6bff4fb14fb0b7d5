"""A database in miniature: sides that take time to make, fences, rows that may contradict themselves, silence."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from abreast.rollout.observed import DataState

SILENT = 0.05
"""How likely a look at it gets no answer."""


@dataclass
class Database:
    """What `abreast.operations.data_keeper.Keeper` looks at and changes; the last wish is the one that counts.

    ``drifting`` are the versions that write what the other side contradicts, by how many rows; a check of all rows
    comes every ``check_s``.
    """

    dice: random.Random
    drifting: Mapping[str, int]
    check_s: float
    sides: set[str] = field(default_factory=lambda: {"v1"})
    fenced: set[str] = field(default_factory=set)
    pair: tuple[str, str] | None = None
    wish: tuple[object, ...] = ()
    opened: bool = False
    due: float | None = None
    checked_at: float = 0.0
    drift: int | None = None
    ready_since: float = 0.0
    state: DataState | None = None

    def want(self, *wish: object) -> None:
        """What the control plane wishes for, in place of what it wished before."""
        if wish != self.wish:
            self.wish, self.opened, self.due = wish, False, None

    def lose_control_plane(self) -> None:
        """What was seen and wished is forgotten; what is in the database stays."""
        self.wish, self.state, self.drift = (), None, None

    def pass_time(self, now: float) -> None:
        """Work on the wish, check rows, and look, unless it is silent."""
        if self.dice.random() < SILENT:
            return
        match self.wish:
            case ("open", str() as stable, str() as candidate, bool() as expand):
                self._open(stable, candidate, now, expand=expand)
            case ("fence", str() as version) if version in self.sides:
                self.fenced.add(version)
            case ("contract", str() as old, str()) if self.pair and self.pair[0] == old:
                self.sides.discard(old)
                self.pair = None
        if self.pair is None:
            self.drift, self.checked_at = 0, now
        elif now >= self.checked_at + self.check_s:
            self.drift, self.checked_at = self.contradicting, now
        self.state = DataState(
            ready=tuple(sorted(self.sides - self.fenced)),
            ready_since=self.ready_since,
            fenced=tuple(sorted(self.sides & self.fenced)),
            contractible=self.pair[0] if self.pair else "",
            doing="making its side" if self.due is not None else "",
            drift=self.drift,
            rows=1000,
            checked_at=self.checked_at,
        )

    @property
    def contradicting(self) -> int:
        """How many rows contradict themselves, whether or not anybody has looked."""
        return sum(self.drifting[version] for version in self.pair or () if version not in self.fenced)

    def _open(self, stable: str, candidate: str, now: float, *, expand: bool) -> None:
        if candidate not in self.sides and expand:
            if self.due is None:
                self.due = now + self.dice.uniform(0.1, 20.0)
            elif now >= self.due:
                self.made(stable, candidate, now)
        if candidate in self.sides and not self.opened:
            self.opened = True
            self.fenced.discard(candidate)

    def made(self, stable: str, candidate: str, now: float) -> None:
        """The candidate's side is there, by abreast's hand or a person's; until then nobody has looked at its rows."""
        self.sides |= {stable, candidate}
        self.pair, self.drift, self.due = (stable, candidate), None, None
        self.ready_since = self.checked_at = now
