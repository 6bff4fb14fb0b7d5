"""Counts of one endpoint since they were last reported."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from abreast.findings.report import EndpointReport, Key, PathCount, PathReport

_ID_MASK = (1 << 64) - 1


@dataclass(slots=True)
class _Count:
    """A `PathCount` being counted."""

    candidate_only: int = 0
    control_only: int = 0
    both: int = 0
    confirmed: int = 0
    transient: int = 0
    together: int = 0
    first_at: float = 0.0
    last_at: float = 0.0

    def frozen(self) -> PathCount:
        return PathCount(
            self.candidate_only,
            self.control_only,
            self.both,
            self.confirmed,
            self.transient,
            self.together,
            self.first_at,
            self.last_at,
        )


@dataclass(slots=True)
class Tally:
    """Counts of one endpoint. ``accepted`` keys count by themselves, but make no exchange a differing one."""

    accepted: frozenset[Key] = frozenset()
    compared: int = 0
    controlled: int = 0
    candidate_only: int = 0
    control_only: int = 0
    _counts: dict[Key, _Count] = field(default_factory=dict)

    def count(self, *, controlled: bool) -> None:
        """One more exchange; ``controlled``: it has a control that was chosen by chance."""
        self.compared += 1
        self.controlled += controlled

    def _of(self, key: Key) -> _Count:
        if key not in self._counts:
            self._counts[key] = _Count()
        return self._counts[key]

    def count_candidate(self, keys: frozenset[Key], exchange_id: int, at: float) -> None:
        """The keys in which only the candidate differed in this exchange, at ``at`` (Unix s)."""
        self.candidate_only += not keys <= self.accepted
        for key in keys:
            count = self._of(key)
            count.candidate_only += 1
            count.together ^= exchange_id & _ID_MASK
            count.first_at = min(count.first_at, at) if count.first_at else at
            count.last_at = max(count.last_at, at)

    def count_control(self, keys: frozenset[Key]) -> None:
        """The keys in which only a control chosen by chance differed."""
        self.control_only += not keys <= self.accepted
        for key in keys:
            self._of(key).control_only += 1

    def count_both(self, keys: frozenset[Key]) -> None:
        """The keys in which the candidate and the control differed from stable."""
        for key in keys:
            self._of(key).both += 1

    def confirm(self, keys: Iterable[Key], again: frozenset[Key]) -> None:
        """``keys`` were asked for again, and of these ``again`` differed again."""
        for key in keys:
            count = self._of(key)
            count.confirmed += key in again
            count.transient += key not in again

    def taken(self, endpoint: str, noise: Mapping[str, str]) -> EndpointReport:
        """All of it as a report."""
        paths = tuple(PathReport(key, count.frozen()) for key, count in sorted(self._counts.items()))
        return EndpointReport(
            endpoint, self.compared, self.controlled, self.candidate_only, self.control_only, paths, noise
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to report."""
        return not self.compared and not self._counts
