"""The book of findings of one rollout: what batches add to it, what people change in it.

It is a value: every function returns another book. Once a finding, always a finding: only its state changes, by
people, by the end of an acceptance, and by no longer differing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from pydantic import TypeAdapter

from abreast.findings.causes import joined, separated
from abreast.findings.finding import Finding, FindingState, Place, gravity, rank
from abreast.findings.lane import Lane
from abreast.findings.report import Batch, Key
from abreast.findings.tracks import Stretch, Track, advanced, bounded, discoveries

__all__ = [
    "BOOK_JSON",
    "Book",
    "Finding",
    "FindingState",
    "Place",
    "absorb",
    "accept",
    "expire",
    "gravity",
    "rank",
    "reopen",
]

QUIET_AT_LEAST: Final = 100
"""Compared exchanges without the difference before a finding can be resolved."""

QUIET_FACTOR: Final = 3
"""Resolved after this many times the exchanges in which one difference was usual: by chance that is e⁻³, 5 %."""


@dataclass(frozen=True)
class Book:
    """All that is known of the differences of one rollout. ``findings`` are in the order of their numbers.

    ``lane`` is the evidence of the present attempt; whoever absorbs a batch also adds it to the lane.
    """

    rollout: int
    candidate: str = ""
    findings: tuple[Finding, ...] = ()
    tracks: tuple[Track, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    lane: Lane = field(default_factory=Lane)

    @classmethod
    def of(cls, rollout: int, carried: Iterable[Finding] = (), candidate: str = "") -> "Book":
        """A new book. Of ``carried``, an earlier rollout's of the same candidate, what was accepted stays accepted."""
        accepted = [finding for finding in carried if finding.state is FindingState.ACCEPTED]
        findings = [
            Finding(
                number=number,
                rollout=rollout,
                endpoint=finding.endpoint,
                keys=finding.keys,
                endpoints=finding.endpoints,
                state=FindingState.ACCEPTED,
                first_at=finding.first_at,
                last_at=finding.last_at,
                reason=finding.reason,
                actor=finding.actor,
                until=finding.until,
                example=finding.example,
            )
            for number, finding in enumerate(accepted, start=1)
        ]
        return cls(rollout=rollout, candidate=candidate, findings=tuple(findings))

    @property
    def ranked(self) -> tuple[Finding, ...]:
        """The findings as people want them: by risk, then the most frequent."""
        return tuple(sorted(self.findings, key=rank))

    @property
    def accepted(self) -> tuple[tuple[str, Key], ...]:
        """Every endpoint and key whose differences are meant: they no longer count against the candidate."""
        settled = [finding for finding in self.findings if finding.state is FindingState.ACCEPTED]
        return tuple(sorted({place for finding in settled for place in finding.places}))

    def finding(self, number: int) -> Finding | None:
        """The finding of that number, if there is one."""
        return next((finding for finding in self.findings if finding.number == number), None)


BOOK_JSON: TypeAdapter[Book] = TypeAdapter(Book)
"""Says and reads a book."""


def absorb(book: Book, batch: Batch) -> tuple[Book, tuple[Finding, ...]]:
    """The book with one more batch, and the findings that are new or open again, the gravest first.

    Open again are those whose number the book already knew. A batch of another rollout changes nothing.
    """
    if batch.rollout != book.rollout:
        return book, ()
    tracks, stretches = advanced(book.tracks, book.stretches, batch)
    findings = separated(book.findings, tracks)
    known = {place for finding in findings for place in finding.places}
    findings = joined(findings, discoveries(tracks.values()) - known, tracks, book.rollout)
    differing = {
        Place(report.endpoint, path.key)
        for report in batch.endpoints
        for path in report.paths
        if path.count.candidate_only
    }
    compared = {report.endpoint: report.compared for report in batch.endpoints}
    findings = tuple(_turned(_counted(finding, tracks, differing, compared)) for finding in findings)
    before = {finding.number: finding.state for finding in book.findings}
    news = [
        finding
        for finding in findings
        if finding.state is FindingState.OPEN and before.get(finding.number) in {None, FindingState.RESOLVED}
    ]
    kept = frozenset(place for finding in findings for place in finding.places)
    updated = replace(book, findings=findings, tracks=bounded(tracks, kept), stretches=stretches)
    return updated, tuple(sorted(news, key=rank))


def accept(book: Book, number: int, actor: str, reason: str, until: float | None, now: float) -> Book:
    """The finding is an intended change: ``actor`` says so, and why; ``until`` a time in Unix seconds, or for good.

    Raises:
        LookupError: there is no such finding.
        ValueError: nobody or no reason is named, or ``until`` is over.
    """
    faults = []
    if not actor.strip():
        faults.append(f"who accepts it is missing: {actor!r}; say who decides that the change is meant")
    if not reason.strip():
        faults.append(f"the reason is missing: {reason!r}; say why the change is meant")
    if until is not None and until <= now:
        faults.append(f"it would end {now - until:.0f} s ago; give a time to come, or none to accept it for good")
    if faults:
        raise ValueError(f"finding {number} cannot be accepted: " + "; ".join(faults))
    finding = _found(book, number)
    return _with(book, replace(finding, state=FindingState.ACCEPTED, actor=actor, reason=reason, until=until))


def reopen(book: Book, number: int, actor: str, reason: str) -> Book:
    """The finding is open again, as ``actor`` wishes.

    Raises:
        LookupError: there is no such finding.
    """
    return _with(book, _opened(_found(book, number), actor, reason))


def expire(book: Book, now: float) -> Book:
    """Acceptances that have ended by ``now`` are open again."""
    findings = tuple(
        _opened(finding, "", f"what {finding.actor} accepted has ended")
        if finding.state is FindingState.ACCEPTED and finding.until is not None and finding.until <= now
        else finding
        for finding in book.findings
    )
    return book if findings == book.findings else replace(book, findings=findings)


def _counted(finding: Finding, tracks: dict[Place, Track], differing: set[Place], compared: dict[str, int]) -> Finding:
    """With the sums of its leading key over all its endpoints."""
    places = [Place(endpoint, finding.leading) for endpoint in finding.endpoints]
    leading = [tracks[place] for place in places if place in tracks]
    seen = [track for track in leading if track.candidate_only]
    if not seen:
        return finding
    differs = not differing.isdisjoint(finding.places)
    quiet = 0 if differs else finding.quiet + sum(compared.get(endpoint, 0) for endpoint in finding.endpoints)
    return replace(
        finding,
        first_at=min(track.first_at for track in seen),
        last_at=max(track.last_at for track in seen),
        exchanges=sum(track.candidate_only for track in seen),
        compared=sum(track.compared for track in seen),
        quiet=quiet,
        confirmed=sum(track.confirmed for track in seen),
        transient=sum(track.transient for track in seen),
        evidence=max(track.log_e for track in seen),
        example=next((track.example for track in seen if track.example is not None), finding.example),
    )


def _turned(finding: Finding) -> Finding:
    """Resolved when it has been quiet long enough; open again when it was resolved and differs."""
    if finding.state is FindingState.RESOLVED and not finding.quiet:
        return _opened(finding, "", "it differs again")
    usual = (finding.compared - finding.quiet) / finding.exchanges if finding.exchanges else 0.0
    if finding.state is FindingState.OPEN and finding.quiet >= max(QUIET_AT_LEAST, QUIET_FACTOR * usual):
        reason = f"no difference in the last {finding.quiet:,} compared exchanges; it was one in {max(1.0, usual):,.0f}"
        return replace(finding, state=FindingState.RESOLVED, actor="", reason=reason, until=None)
    return finding


def _opened(finding: Finding, actor: str, reason: str) -> Finding:
    return replace(finding, state=FindingState.OPEN, actor=actor, reason=reason, until=None, quiet=0)


def _found(book: Book, number: int) -> Finding:
    finding = book.finding(number)
    if finding is None:
        numbers = ", ".join(str(known.number) for known in book.findings) or "none"
        raise LookupError(f"there is no finding {number} in rollout {book.rollout}; there are: {numbers}")
    return finding


def _with(book: Book, changed: Finding) -> Book:
    findings = (changed if finding.number == changed.number else finding for finding in book.findings)
    return replace(book, findings=tuple(findings))
