"""Judges the answers that were asked for, round after round, until it is known which differences are the candidate's.

The engine is the one that judges live traffic (`findings.judge`, `findings.book`), so that both decide alike. What
differs is where more evidence comes from: live traffic goes on by itself, a file of requests ends, so what differed
is asked again.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from math import log
from typing import Final

from abreast.analysis.eprocess import WORSE_BETS, Evidence
from abreast.compare.endpoint import Endpoints
from abreast.compare.exchange import compare
from abreast.compare.model import Answer, Difference, Kind
from abreast.findings.book import Book, Finding, Place, absorb
from abreast.findings.judge import Judge
from abreast.findings.redact import Redactor
from abreast.findings.report import Batch, Key, Sample
from abreast.findings.tracks import ALPHA, Track
from abreast.model.shadow import ShadowPolicy
from abreast.offline.entry import Entry
from abreast.shadow.judging import rules_of

GRAVE: Final = frozenset({Kind.NO_ANSWER, Kind.STATUS, Kind.UNDECODABLE, Kind.MISSING, Kind.TYPE})
"""What is seldom noise: of a request that may not be asked again these count at once."""

TELLING: Final = 1.0
"""ln of the e-value from which a difference that is not decided is worth a line: four times, and never stable's."""

AT_ONCE: Final = 10
"""Requests with the same difference that are asked again in one round."""

_ROLLOUT: Final = 1
_SHOWN: Final = 50
"""Differences of one exchange that a sample shows at most; all are counted."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to one request, asked about ``at`` (Unix s); no control for what may not be asked twice."""

    at: float
    stable: Answer
    candidate: Answer
    control: Answer | None


@dataclass(frozen=True)
class Doubt:
    """A difference that could not be decided. ``once``: because it may not be asked again; ``grave``: so it counts."""

    endpoint: str
    key: Key
    exchanges: int
    compared: int
    once: bool
    grave: bool
    sample: Sample | None


@dataclass
class Row:
    """One endpoint: requests of the file, and of these the compared and the skipped."""

    requests: int = 0
    compared: int = 0
    skipped: int = 0


class Verdict:
    """Knows of every request what came of it, and of every difference whether it is the candidate's.

    ``salt`` keys the hashes that stand for redacted values. Raises ValueError for rules that cannot be read.
    """

    def __init__(self, entries: tuple[Entry, ...], policy: ShadowPolicy, salt: bytes) -> None:
        self._rules = rules_of(policy)
        self._judge = Judge(self._rules)
        self._redactor = Redactor(salt, policy.redact)
        names = Endpoints(policy.templates, policy.operation)
        for entry in entries:
            names.name(entry.request)  # all are seen before one is named, so that like paths have like names
        self.endpoints: Final = tuple(names.name(entry.request) for entry in entries)
        self.rows: Final[dict[str, Row]] = defaultdict(Row)
        for endpoint in self.endpoints:
            self.rows[endpoint].requests += 1
        self.skipped: Final[Counter[str]] = Counter()
        self.asked_again = 0
        self.book = Book(_ROLLOUT)
        self.samples: Final[dict[Place, Sample]] = {}
        self.noise: Final[dict[str, Mapping[str, str]]] = {}
        self._entries = entries
        self._settled: set[int] = set()
        self._differing: defaultdict[int, set[Place]] = defaultdict(set)
        self._round = _Round()
        self._exchanges = 0

    def learn(self, number: int, answers: Answers) -> bool:
        """Learn noise from a request that only stable was asked, twice; whether the two answers differ at all."""
        if answers.control is None or answers.stable.failure:
            return False
        endpoint = self.endpoints[number]
        stable, control = answers.stable, answers.control
        self._judge.judge(endpoint, self._exchange_id(), answers.at, stable, stable, control, chosen=False)
        return bool(compare(stable, control, self._rules(endpoint)))

    def skip(self, number: int, reason: str) -> None:
        """This request is not compared."""
        if number not in self._settled:
            self._settled.add(number)
            self.skipped[reason] += 1
            self.rows[self.endpoints[number]].skipped += 1

    def judge(self, number: int, answers: Answers) -> None:
        """Judge one exchange, the first or a further one, of the request of that number."""
        if answers.stable.failure:
            self.skip(number, "no answer of A")
            return
        endpoint, exchange_id = self.endpoints[number], self._exchange_id()
        judged = self._judge.judge(
            endpoint,
            exchange_id,
            answers.at,
            answers.stable,
            answers.candidate,
            answers.control,
            chosen=answers.control is not None,
        )
        if not judged.attributable:
            self.skip(number, "not attributable")
            return
        self._round.compared += 1
        if number in self._settled:
            self.asked_again += 1
        else:
            self._settled.add(number)
            self.rows[endpoint].compared += 1
        # What both show is noise that no shape was learned of yet: what else differs there can be told once it is.
        self._differing[number] |= {Place(endpoint, _key(each)) for each in (*judged.candidate_only, *judged.both)}
        if judged.candidate_only:
            places = {Place(endpoint, _key(each)) for each in judged.candidate_only}
            if not places <= self.samples.keys():
                self._sample(number, exchange_id, answers, judged.candidate_only)

    def forget_round(self) -> None:
        """What was judged since the last round's end was to learn from, and does not count."""
        self._judge.take()

    def end_round(self, at: float) -> None:
        """Add what was judged since the last round's end to the evidence."""
        ended, self._round = self._round, _Round(self._round.number + 1)
        reports = self._judge.take()
        for report in reports:
            self.noise[report.endpoint] = report.noise
        batch = Batch(
            relay="offline",
            number=ended.number,
            at=at,
            rollout=_ROLLOUT,
            received=ended.compared,
            compared=ended.compared,
            held=0,
            skipped={},
            endpoints=reports,
            samples=tuple(ended.samples),
        )
        self.book, _ = absorb(self.book, batch)

    def undecided(self, rounds: int) -> tuple[int, ...]:
        """The requests that are worth asking again, ``rounds`` being left: those that could still decide something.

        Of each place a few, the first in the file.
        """
        found = self._found()
        waiting: defaultdict[Place, list[int]] = defaultdict(list)
        for number in sorted(self._differing):
            if self._entries[number].request.safe:
                for place in self._differing[number] - found:
                    waiting[place].append(number)
        tracks = {track.place: track for track in self.book.tracks}
        asked = sum(1 for track in tracks.values() if track.candidate_only or track.control_only)
        needed = log(max(asked, 1) / ((len(found) + 1) * ALPHA))
        again: set[int] = set()
        for place, numbers in waiting.items():
            few = numbers[:AT_ONCE]
            if place in tracks and _at_best(tracks[place], rounds * len(few)) >= needed:
                again.update(few)
        return tuple(sorted(again))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is certain, the gravest first."""
        return self.book.ranked

    def doubts(self) -> tuple[Doubt, ...]:
        """What is not, the gravest first."""
        found = self._found()
        once = {
            place
            for number, places in self._differing.items()
            if not self._entries[number].request.safe
            for place in places
        }
        doubts = [
            Doubt(
                track.endpoint,
                track.key,
                track.candidate_only,
                track.compared,
                track.place in once,
                track.place in once and track.key.kind in GRAVE,
                self.samples.get(track.place),
            )
            for track in self.book.tracks
            if track.candidate_only and track.place not in found and (track.place in once or track.log_e >= TELLING)
        ]
        return tuple(
            sorted(doubts, key=lambda doubt: (not doubt.grave, doubt.key.kind.risk, doubt.endpoint, doubt.key))
        )

    @property
    def seen(self) -> int:
        """Requests of the file: compared, or skipped for a reason."""
        return len(self._entries)

    @property
    def compared(self) -> int:
        """Requests of the file that were compared at least once."""
        return sum(row.compared for row in self.rows.values())

    def _found(self) -> frozenset[Place]:
        return frozenset(place for finding in self.book.findings for place in finding.places)

    def _exchange_id(self) -> int:
        self._exchanges += 1
        return exchange_id(self._exchanges)

    def _sample(self, number: int, exchange: int, answers: Answers, found: Iterable[Difference]) -> None:
        """Keep this exchange, redacted, as the example of whatever it shows first."""
        entry, endpoint = self._entries[number], self.endpoints[number]
        control = answers.control
        others = (control,) if control is not None else ()
        redaction = self._redactor.begin(entry.request, answers.stable, answers.candidate, *others)
        headers, path, body = redaction.request()
        shown = tuple(redaction.difference(each) for each in found)[:_SHOWN]
        keys = tuple(dict.fromkeys(each.key for each in shown))
        sample = Sample(
            id=f"{exchange:016x}",
            at=answers.at,
            endpoint=endpoint,
            keys=keys,
            method=entry.request.method,
            path=path,
            request_headers=headers,
            request_body=body,
            stable=redaction.answer(answers.stable),
            candidate=redaction.answer(answers.candidate),
            control=redaction.answer(control) if control is not None else None,
            differences=shown,
        )
        self._round.samples.append(sample)
        for key in keys:
            self.samples.setdefault(Place(endpoint, key), sample)


@dataclass
class _Round:
    number: int = 1
    compared: int = 0
    samples: list[Sample] = field(default_factory=list)


def exchange_id(number: int) -> int:
    """64 bits that no other exchange of this run has."""
    return int.from_bytes(blake2b(number.to_bytes(8), digest_size=8).digest())


def _key(difference: Difference) -> Key:
    return Key(difference.pattern, difference.kind)


def _at_best(track: Track, exchanges: int) -> float:
    """The evidence if the candidate alone differed in each of that many further exchanges."""
    return Evidence(WORSE_BETS, track.growth).after(exchanges, exchanges, 0, exchanges).log_e
