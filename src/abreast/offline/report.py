"""What a comparison found, for people and for programs. Everything in it is redacted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final, Literal, NamedTuple

from pydantic import TypeAdapter

from abreast.findings.book import Finding, Place
from abreast.findings.report import Sample, ShownDifference
from abreast.offline.requests_file import RequestsFile
from abreast.offline.run import Sides
from abreast.offline.verdict import Doubt, Verdict

FOUND_EXIT: Final = 13
"""The exit code when there is a difference: see `model.errors`."""

_VALUE: Final = 160
"""Characters of a value that are shown."""
_BEFORE: Final = 24
"""Of these, what is shown before the place where two long values begin to differ."""
_SHOWN_DOUBTS: Final = 10
_SHOWN_DIFFERENCES: Final = 6
_SAMPLE: Final[TypeAdapter[Sample]] = TypeAdapter(Sample)


class Line(NamedTuple):
    """A line for people, and how a terminal may mark it."""

    text: str = ""
    tone: Literal["plain", "strong", "left", "right"] = "plain"


@dataclass(frozen=True)
class Report:
    """One comparison: of which sides, by which requests, and what came of it."""

    sides: Sides
    requests: RequestsFile
    verdict: Verdict

    @property
    def exit_code(self) -> int:
        """0: no difference; else `FOUND_EXIT`."""
        grave = any(doubt.grave for doubt in self.verdict.doubts())
        return FOUND_EXIT if self.verdict.findings or grave else 0

    def lines(self) -> Iterator[Line]:
        """For people: the sides, the endpoints, the findings, what is not decided, and how the sum comes out."""
        yield from map(Line, self._sides())
        yield Line()
        yield from map(Line, _table(self.verdict))
        yield Line()
        findings = self.verdict.findings
        yield Line(_count(len(findings), "finding") if findings else "no difference beyond noise", "strong")
        for number, finding in enumerate(findings, start=1):
            yield Line()
            yield Line(f"{number}. {finding.title}", "strong")
            sample = self._sample(finding)
            if sample is not None:
                yield from _example(sample, [each for each in sample.differences if each.key in finding.keys])
        yield from _undecided(self.verdict.doubts())
        yield Line()
        yield Line(self._ledger())

    def as_dict(self) -> dict[str, Any]:  # Any: JSON
        """For programs: everything, with one sample of each finding."""
        verdict = self.verdict
        return {
            "a": str(self.sides.a),
            "b": str(self.sides.b),
            "control": str(self.sides.control),
            "requests": self.requests.name,
            "endpoints": [
                {"endpoint": endpoint, "requests": row.requests, "compared": row.compared, "skipped": row.skipped}
                for endpoint, row in sorted(verdict.rows.items())
            ],
            "findings": [
                {"number": number, **self._finding(finding)} for number, finding in enumerate(verdict.findings, start=1)
            ],
            "undecided": [_doubt(doubt) for doubt in verdict.doubts()],
            "noise": {endpoint: dict(words) for endpoint, words in sorted(verdict.noise.items()) if words},
            "ledger": {
                "seen": verdict.seen,
                "compared": verdict.compared,
                "skipped": dict(sorted(verdict.skipped.items())),
                "left_out": dict(self.requests.left_out),
                "asked_again": verdict.asked_again,
            },
        }

    def _sides(self) -> Iterator[str]:
        sides = self.sides
        yield f"A        {sides.a}"
        yield f"B        {sides.b}"
        if sides.control == sides.a:
            yield "control  A, asked again: what differs between any two instances is not told from a difference of B"
        else:
            yield f"control  {sides.control}"

    def _ledger(self) -> str:
        verdict = self.verdict
        skipped = sum(verdict.skipped.values())
        line = f"{_count(verdict.seen, 'request')} = {verdict.compared} compared + {skipped} skipped"
        line += f" ({_counts(verdict.skipped)})" if skipped else ""
        if verdict.asked_again:
            line += f"; {_count(verdict.asked_again, 'exchange')} more to decide"
        if self.requests.left_out:
            line += f"; left out of {self.requests.name}: {_counts(self.requests.left_out)}"
        return line

    def _sample(self, finding: Finding) -> Sample | None:
        return self.verdict.samples.get(Place(finding.endpoint, finding.leading))

    def _finding(self, finding: Finding) -> dict[str, Any]:  # Any: JSON
        return {
            "title": finding.title,
            "endpoint": finding.endpoint,
            "endpoints": list(finding.endpoints),
            "keys": [{"pattern": key.pattern, "kind": key.kind.value} for key in finding.keys],
            "exchanges": finding.exchanges,
            "compared": finding.compared,
            "evidence": round(finding.evidence, 3),
            "sample": _json(self._sample(finding)),
        }


def _table(verdict: Verdict) -> Iterator[str]:
    width = max([len("endpoint"), *map(len, verdict.rows)])
    yield f"{'endpoint':{width}}  requests  compared  skipped"
    for endpoint, row in sorted(verdict.rows.items()):
        yield f"{endpoint:{width}}  {row.requests:8}  {row.compared:8}  {row.skipped:7}"


def _example(sample: Sample, differences: list[ShownDifference]) -> Iterator[Line]:
    yield Line(f"   in {sample.method} {_cut(sample.path)}")
    for each in differences[:_SHOWN_DIFFERENCES]:
        left, right = _pair(each.left, each.right)
        yield Line(f"   {each.path or 'body'} ({each.key.kind})")
        yield Line(f"     A  {left}", "left")
        yield Line(f"     B  {right}", "right")
    if len(differences) > _SHOWN_DIFFERENCES:
        yield Line(f"   and {_count(len(differences) - _SHOWN_DIFFERENCES, 'more difference')} in this answer")


def _undecided(doubts: tuple[Doubt, ...]) -> Iterator[Line]:
    if not doubts:
        return
    yield Line()
    yield Line("not decided", "strong")
    for doubt in doubts[:_SHOWN_DOUBTS]:
        yield Line(f"   {doubt.endpoint}: {doubt.key.pattern or 'body'} ({doubt.key.kind}) {_why(doubt)}")
        if doubt.grave and doubt.sample is not None:
            yield from _example(doubt.sample, [each for each in doubt.sample.differences if each.key == doubt.key])
    if len(doubts) > _SHOWN_DOUBTS:
        yield Line(f"   and {len(doubts) - _SHOWN_DOUBTS} more")


def _why(doubt: Doubt) -> str:
    share = f"in {doubt.exchanges} of {_count(doubt.compared, 'answer')}"
    if doubt.grave:
        return f"{share}: asked only once, and too grave not to count"
    return f"{share}: {'asked only once' if doubt.once else 'a higher --repeat may decide it'}"


def _doubt(doubt: Doubt) -> dict[str, Any]:  # Any: JSON
    return {
        "endpoint": doubt.endpoint,
        "key": {"pattern": doubt.key.pattern, "kind": doubt.key.kind.value},
        "exchanges": doubt.exchanges,
        "compared": doubt.compared,
        "once": doubt.once,
        "counted": doubt.grave,
        "sample": _json(doubt.sample),
    }


def _json(sample: Sample | None) -> object:
    return None if sample is None else _SAMPLE.dump_python(sample, mode="json")


def _pair(left: str | None, right: str | None) -> tuple[str, str]:
    """Two values on a line each; long ones from shortly before where they begin to differ."""
    if left is None or right is None or max(len(left), len(right)) <= _VALUE:
        return _cut(left), _cut(right)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))
    start = max(0, same - _BEFORE)
    mark = "…" if start else ""
    return mark + _cut(left[start:]), mark + _cut(right[start:])


def _cut(value: str | None) -> str:
    """On one line, and short."""
    if value is None:
        return "absent"
    line = " ".join(value.split())
    return line if len(line) <= _VALUE else f"{line[: _VALUE - 1]}…"


def _counts(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
