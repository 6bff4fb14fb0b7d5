"""Differences grouped by cause: what always differs together is one finding."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from abreast.compare.model import Kind
from abreast.findings.finding import Finding, FindingState, Place, gravity
from abreast.findings.report import Key
from abreast.findings.tracks import Track

MOST_FINDINGS: Final = 500
"""Findings of one book: more causes than anybody reads are not numbered."""

Tracks = Mapping[Place, Track]


def separated(findings: Iterable[Finding], tracks: Tracks) -> tuple[Finding, ...]:
    """Findings whose keys no longer differ together, taken apart.

    What has left the leading key becomes findings of their own, open, at the end. What a person has accepted stays as
    it was accepted.
    """
    whole: list[Finding] = []
    left: list[Finding] = []
    for finding in findings:
        if len(finding.keys) == 1 or finding.state is FindingState.ACCEPTED:
            whole.append(finding)
            continue
        staying, *leaving = _by_signature(finding, tracks)
        whole.append(replace(finding, keys=staying))
        left.extend(_finding(finding.rollout, finding.endpoint, keys) for keys in leaving)
    for finding in left:
        _append(whole, finding)
    return tuple(whole)


def joined(findings: Iterable[Finding], fresh: Collection[Place], tracks: Tracks, rollout: int) -> tuple[Finding, ...]:
    """The findings with every place of ``fresh`` in one of them: in a known one, or in new ones at the end.

    New ones are numbered by their first appearance.
    """
    known = list(findings)
    for place in sorted(fresh, key=lambda place: (tracks[place].first_at, place.endpoint, gravity(place.key))):
        at = _home(known, place, tracks)
        if at is None:
            _append(known, _finding(rollout, place.endpoint, (place.key,)))
            continue
        home = known[at]
        keys = tuple(sorted({*home.keys, place.key}, key=gravity))
        endpoints = tuple(dict.fromkeys((*home.endpoints, place.endpoint)))
        known[at] = replace(home, keys=keys, endpoints=endpoints)
    return tuple(known)


def _home(findings: list[Finding], place: Place, tracks: Tracks) -> int | None:
    """Which finding the place belongs to.

    One whose keys have always differed in the same exchanges; or, for a header, one that is about headers and has
    seen this one elsewhere: that goes before others of the same exchanges that are only about headers. Never an
    accepted one: nobody has agreed to more than they saw.
    """
    together: list[int] = []
    elsewhere: list[int] = []
    for at, finding in enumerate(findings):
        if finding.state is FindingState.ACCEPTED:
            continue
        if finding.about_headers and place.key in finding.keys:
            elsewhere.append(at)
        leading = tracks.get(Place(place.endpoint, finding.leading))
        alike = leading is not None and leading.signature == tracks[place].signature
        widens = len(finding.endpoints) > 1 and place.key.kind is not Kind.HEADER
        if alike and finding.endpoint == place.endpoint and not widens:
            together.append(at)
    graver = [at for at in together if not findings[at].about_headers]
    return next(iter([*graver, *elsewhere, *together]), None)


def _by_signature(finding: Finding, tracks: Tracks) -> tuple[tuple[Key, ...], ...]:
    """The keys in groups that have differed together, the leading key's first.

    A key without a track (it was seen in an earlier rollout only) has nothing to part it from the leading one.
    """
    leading = tracks.get(Place(finding.endpoint, finding.leading))
    if leading is None:
        return (finding.keys,)
    groups: dict[tuple[int, int], list[Key]] = {leading.signature: []}
    for key in finding.keys:
        track = tracks.get(Place(finding.endpoint, key), leading)
        groups.setdefault(track.signature, []).append(key)
    return tuple(tuple(keys) for keys in groups.values())


def _finding(rollout: int, endpoint: str, keys: tuple[Key, ...]) -> Finding:
    """One without a number yet."""
    return Finding(number=0, rollout=rollout, endpoint=endpoint, keys=keys, endpoints=(endpoint,))


def _append(findings: list[Finding], finding: Finding) -> None:
    """Number it; beyond `MOST_FINDINGS` it is let go."""
    if len(findings) < MOST_FINDINGS:
        number = max((known.number for known in findings), default=0) + 1
        findings.append(replace(finding, number=number))
