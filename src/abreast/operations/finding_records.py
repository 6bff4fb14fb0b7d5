"""Findings and samples as the API, and so ``--json``, tells them."""

from collections.abc import Mapping
from dataclasses import dataclass

from abreast.findings.finding import Finding
from abreast.findings.report import Sample, ShownAnswer
from abreast.operations.aligned import Row
from abreast.operations.finding_words import next_move, strength


@dataclass(frozen=True)
class KeyRecord:
    """One place of a finding, array indexes as ``*``, and the kind of difference there."""

    pattern: str
    kind: str


@dataclass(frozen=True)
class FindingRecord:
    """One finding, for people and scripts.

    ``share`` is 0 to 1; times are Unix seconds; ``evidence`` is the ln of the e-value, ``strength`` the same in
    words. ``actor``, ``reason`` and ``until`` belong to its state. ``next`` is what can be done about it.
    """

    number: int
    rollout: int
    state: str
    title: str
    endpoint: str
    endpoints: list[str]
    keys: list[KeyRecord]
    share: float
    exchanges: int
    compared: int
    confirmed: int
    transient: int
    first_at: float
    last_at: float
    evidence: float
    strength: str
    actor: str
    reason: str
    until: float | None
    next: str


@dataclass(frozen=True)
class LedgerRecord:
    """What became of each request: ``seen = compared + the sum of skipped + lost + pending``."""

    seen: int
    compared: int
    skipped: Mapping[str, int]
    lost: int
    pending: int


@dataclass(frozen=True)
class FindingsRecord:
    """The findings of one rollout, the gravest first."""

    rollout: int
    ledger: LedgerRecord
    findings: list[FindingRecord]


@dataclass(frozen=True)
class DifferenceRecord:
    """One difference in a sample: values as short JSON text, None: absent."""

    path: str
    pattern: str
    kind: str
    stable: str | None
    candidate: str | None


@dataclass(frozen=True)
class SampleRecord:
    """One exchange, redacted; headers are pairs of name and value."""

    id: str
    at: float
    method: str
    path: str
    request_headers: list[tuple[str, str]]
    request_body: str
    stable: ShownAnswer
    candidate: ShownAnswer
    control: ShownAnswer | None
    differences: list[DifferenceRecord]


@dataclass(frozen=True)
class FindingDetail:
    """One finding with the samples that are kept, oldest first; ``gateway`` is where its requests can be repeated."""

    finding: FindingRecord
    gateway: str
    samples: list[SampleRecord]


@dataclass(frozen=True)
class SideBySide:
    """Both answers of a sample line by line: stable's on the left, the candidate's on the right."""

    rows: list[Row]


@dataclass(frozen=True)
class Suggestions:
    """Rules for what is clearly noise: ``yaml`` to be merged into the spec, each line with its reason."""

    yaml: str


def record(finding: Finding) -> FindingRecord:
    """A finding as it is told."""
    return FindingRecord(
        number=finding.number,
        rollout=finding.rollout,
        state=finding.state.value,
        title=finding.title,
        endpoint=finding.endpoint,
        endpoints=list(finding.endpoints),
        keys=[KeyRecord(key.pattern, key.kind.value) for key in finding.keys],
        share=finding.share,
        exchanges=finding.exchanges,
        compared=finding.compared,
        confirmed=finding.confirmed,
        transient=finding.transient,
        first_at=finding.first_at,
        last_at=finding.last_at,
        evidence=finding.evidence,
        strength=strength(finding.evidence),
        actor=finding.actor,
        reason=finding.reason,
        until=finding.until,
        next=next_move(finding),
    )


def sample_record(sample: Sample) -> SampleRecord:
    """A sample as it is told."""
    return SampleRecord(
        id=sample.id,
        at=sample.at,
        method=sample.method,
        path=sample.path,
        request_headers=list(sample.request_headers),
        request_body=sample.request_body,
        stable=sample.stable,
        candidate=sample.candidate,
        control=sample.control,
        differences=[
            DifferenceRecord(each.path, each.key.pattern, each.key.kind.value, each.left, each.right)
            for each in sample.differences
        ],
    )
