"""The evidence kept for each key of each endpoint, and which of it is enough.

For every key: is the candidate alone in differing more often than the control is alone in differing? (analysis.md,
the lane of differences.) Many keys are asked at once, so the e-values are judged together: by the e-BH procedure of
Wang and Ramdas, "False Discovery Rate Control with E-values" (2022), which holds under any dependence between them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import log
from typing import Final

from abreast.analysis.eprocess import WORSE_BETS, Evidence
from abreast.findings.finding import Place
from abreast.findings.report import Batch, EndpointReport, Key, PathCount, ShownDifference

ALPHA: Final = 0.01
"""Share of false ones among all findings, at most."""

MOST_TRACKS: Final = 2_000
"""Keys with evidence kept in a book, over all endpoints."""

PATIENCE: Final = 1_000
"""Compared exchanges that a safe endpoint waits for a control that was chosen by chance, before it does without."""

_SAFE: Final = ("GET ", "HEAD ", "OPTIONS ")

_NOTHING: Final = PathCount()


@dataclass(frozen=True)
class Track:
    """One key of one endpoint: sums over all batches, and its evidence.

    ``growth`` is `Evidence.growth` for `WORSE_BETS`. ``waiting`` of ``candidate_only`` are not in it yet, because no
    control has been chosen since. ``compared`` counts from the first batch in which the candidate differed; so do
    ``first_at`` and ``last_at``.
    """

    endpoint: str
    key: Key
    growth: tuple[float, ...] = (0.0,) * len(WORSE_BETS)
    waiting: int = 0
    compared: int = 0
    candidate_only: int = 0
    control_only: int = 0
    both: int = 0
    confirmed: int = 0
    transient: int = 0
    together: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    example: ShownDifference | None = None

    @property
    def place(self) -> Place:
        """Its name."""
        return Place(self.endpoint, self.key)

    @cached_property
    def log_e(self) -> float:
        """The logarithm of the e-value against "the candidate alone differs no more often than the control alone"."""
        return Evidence(WORSE_BETS, self.growth).log_e

    @property
    def signature(self) -> tuple[int, int]:
        """Keys of one endpoint that have the same have always differed in the same exchanges."""
        return self.candidate_only, self.together


@dataclass(frozen=True)
class Stretch:
    """``compared`` exchanges of an endpoint since the last batch with a control chosen by chance."""

    endpoint: str
    compared: int


@dataclass(frozen=True)
class Stratum:
    """One step of evidence: the candidate in ``seen_c`` exchanges against the control in ``seen_s``."""

    seen_c: int
    seen_s: int


def advanced(
    tracks: Iterable[Track], stretches: Iterable[Stretch], batch: Batch
) -> tuple[dict[Place, Track], tuple[Stretch, ...]]:
    """Every track and stretch with one more batch."""
    known = {track.place: track for track in tracks}
    lengths = {stretch.endpoint: stretch.compared for stretch in stretches}
    by_endpoint: defaultdict[str, list[Track]] = defaultdict(list)
    for track in known.values():
        by_endpoint[track.endpoint].append(track)
    examples = _examples(batch)
    for report in batch.endpoints:
        stratum = _stratum(report, lengths.pop(report.endpoint, 0))
        if stratum.seen_s == 0 and stratum.seen_c:
            lengths[report.endpoint] = stratum.seen_c
        counts = {path.key: path.count for path in report.paths}
        present = {track.key: track for track in by_endpoint[report.endpoint]}
        for key in present.keys() | counts.keys():
            track = present.get(key, Track(report.endpoint, key))
            count = counts.get(key, _NOTHING)
            known[track.place] = _after(track, count, report.compared, stratum, examples.get(track.place))
    return known, tuple(Stretch(endpoint, compared) for endpoint, compared in sorted(lengths.items()))


def discoveries(tracks: Iterable[Track]) -> frozenset[Place]:
    """The places whose evidence is enough, by e-BH at `ALPHA`.

    Every key that ever differed on one side alone is one of the hypotheses, whichever side it was: chosen so, they
    are as likely to be the candidate's as the control's if there is nothing to be found.
    """
    asked = [track for track in tracks if track.candidate_only or track.control_only]
    ranked = sorted(asked, key=lambda track: track.log_e, reverse=True)
    last = 0
    for place, track in enumerate(ranked, start=1):
        if track.candidate_only and track.log_e >= log(len(asked) / (place * ALPHA)):
            last = place
    return frozenset(track.place for track in ranked[:last])


def bounded(tracks: Mapping[Place, Track], kept: frozenset[Place]) -> tuple[Track, ...]:
    """At most `MOST_TRACKS`: those of findings (``kept``) first, then those with the most evidence."""
    ranked = sorted(tracks.values(), key=lambda track: (track.place in kept, track.log_e), reverse=True)
    return tuple(sorted(ranked[:MOST_TRACKS], key=lambda track: track.place))


def _stratum(report: EndpointReport, waiting: int) -> Stratum:
    """What the batch adds to the evidence; ``seen_s`` is 0 while it waits for a control.

    Exchanges without a control chosen by chance say nothing of how often a control differs, so they wait for the
    next that has one (the same as merging ticks until both versions saw a request). Unsafe methods never have one:
    there what the candidate does differently counts by itself.
    """
    seen = waiting + report.compared
    if report.controlled:
        return Stratum(seen, report.controlled)
    uncontrolled = not report.endpoint.startswith(_SAFE) or seen >= PATIENCE
    return Stratum(seen, seen if uncontrolled else 0)


def _after(track: Track, count: PathCount, compared: int, stratum: Stratum, example: ShownDifference | None) -> Track:
    waiting = track.waiting + count.candidate_only
    growth = track.growth
    if stratum.seen_s:
        if waiting or count.control_only:
            # The control alone can differ only where it was chosen: more would be a report that contradicts itself.
            bad_s = min(count.control_only, stratum.seen_s)
            evidence = Evidence(WORSE_BETS, growth).after(waiting, stratum.seen_c, bad_s, stratum.seen_s)
            growth = evidence.growth
        waiting = 0
    differs = count.candidate_only > 0
    return replace(
        track,
        growth=growth,
        waiting=waiting,
        compared=track.compared + (compared if differs or track.candidate_only else 0),
        candidate_only=track.candidate_only + count.candidate_only,
        control_only=track.control_only + count.control_only,
        both=track.both + count.both,
        confirmed=track.confirmed + count.confirmed,
        transient=track.transient + count.transient,
        together=track.together ^ count.together,
        first_at=count.first_at if differs and not track.candidate_only else track.first_at,
        last_at=max(track.last_at, count.last_at) if differs else track.last_at,
        example=track.example if track.example is not None else example,
    )


def _examples(batch: Batch) -> dict[Place, ShownDifference]:
    """One difference of each key that the samples show."""
    examples: dict[Place, ShownDifference] = {}
    for sample in batch.samples:
        for difference in sample.differences:
            examples.setdefault(Place(sample.endpoint, difference.key), difference)
    return examples
