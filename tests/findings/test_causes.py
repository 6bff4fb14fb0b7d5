"""What always differs together is one finding."""

from collections.abc import Iterable
from dataclasses import replace
from functools import reduce
from operator import xor

from abreast.compare.model import Kind
from abreast.findings.causes import MOST_FINDINGS, joined, separated
from abreast.findings.finding import Finding, FindingState, Place
from abreast.findings.report import Key
from abreast.findings.tracks import Track
from tests.findings.batches import NAME, NOTE, ORDERS, POWERED, SERVER, STATUS, TOTAL


def track(key: Key, ids: Iterable[int], *, endpoint: str = ORDERS, first_at: float = 1.0) -> Track:
    differing = list(ids)
    together = reduce(xor, differing, 0)
    return Track(endpoint, key, candidate_only=len(differing), together=together, first_at=first_at)


def tracks(*known: Track) -> dict[Place, Track]:
    return {each.place: each for each in known}


def found(*known: Track, findings: Iterable[Finding] = ()) -> tuple[Finding, ...]:
    """All of the tracks' places are fresh, but for those that are in findings."""
    every = tracks(*known)
    members = {place for finding in findings for place in finding.places}
    return joined(findings, every.keys() - members, every, 1)


def accepted(finding: Finding) -> Finding:
    return replace(finding, state=FindingState.ACCEPTED, actor="ada", reason="meant")


def test_keys_of_the_same_exchanges_are_one_cause_led_by_the_gravest() -> None:
    (finding,) = found(track(NOTE, [1, 2]), track(TOTAL, [1, 2]), track(SERVER, [1, 2]))
    assert (finding.number, finding.rollout, finding.endpoint, finding.endpoints) == (1, 1, ORDERS, (ORDERS,))
    assert finding.keys == (TOTAL, NOTE, SERVER)
    assert finding.state is FindingState.OPEN


def test_as_many_in_other_exchanges_are_another_cause() -> None:
    assert [finding.keys for finding in found(track(TOTAL, [1, 2]), track(NAME, [1, 3]))] == [(TOTAL,), (NAME,)]


def test_the_same_exchanges_at_another_endpoint_are_another_cause() -> None:
    findings = found(track(TOTAL, [1, 2]), track(TOTAL, [1, 2], endpoint="GET /a"))
    assert {finding.endpoint for finding in findings} == {ORDERS, "GET /a"}


def test_numbers_follow_the_first_appearance() -> None:
    findings = found(track(TOTAL, [1], first_at=30.0), track(NAME, [2], first_at=10.0), track(NOTE, [3], first_at=20.0))
    assert [(finding.number, finding.leading) for finding in findings] == [(1, NAME), (2, NOTE), (3, TOTAL)]


def test_a_key_that_is_sure_only_later_joins_its_cause() -> None:
    first = found(track(NAME, [1, 2]))
    (finding,) = found(track(NAME, [1, 2, 3]), track(TOTAL, [1, 2, 3]), findings=first)
    assert (finding.number, finding.keys) == (1, (TOTAL, NAME))


def test_nothing_joins_what_was_accepted() -> None:
    first = accepted(found(track(NAME, [1, 2]))[0])
    findings = found(track(NAME, [1, 2]), track(TOTAL, [1, 2]), findings=[first])
    assert findings[0] == first
    assert [finding.keys for finding in findings[1:]] == [(TOTAL,)]


def test_a_header_at_several_endpoints_is_one_finding() -> None:
    findings = found(*(track(SERVER, [at], endpoint=f"GET /{at}", first_at=float(at)) for at in range(3)))
    (finding,) = findings
    assert finding.endpoints == ("GET /0", "GET /1", "GET /2")
    assert finding.keys == (SERVER,)


def test_a_header_that_changes_with_something_graver_belongs_to_that() -> None:
    alone = track(SERVER, [1], endpoint="GET /a")
    findings = found(alone, track(STATUS, [5, 6], first_at=2.0), track(SERVER, [5, 6], first_at=2.0))
    assert [(finding.endpoints, finding.keys) for finding in findings] == [
        (("GET /a",), (SERVER,)),
        ((ORDERS,), (STATUS, SERVER)),
    ]


def test_headers_of_one_cause_are_found_together_elsewhere() -> None:
    here = [track(key, [1, 2], endpoint="GET /a") for key in (SERVER, POWERED)]
    there = [track(key, [5, 6], first_at=2.0) for key in (SERVER, POWERED)]
    (finding,) = found(*here, *there)
    assert (finding.keys, finding.endpoints) == ((SERVER, POWERED), ("GET /a", ORDERS))


def test_a_header_known_elsewhere_goes_there_before_it_joins_other_headers() -> None:
    other = Key("header:a", Kind.HEADER)
    here = track(SERVER, [1], endpoint="GET /a")
    findings = found(here, track(other, [5, 6], first_at=2.0), track(SERVER, [5, 6], first_at=2.0))
    assert [(finding.keys, finding.endpoints) for finding in findings] == [
        ((SERVER,), ("GET /a", ORDERS)),
        ((other,), (ORDERS,)),
    ]


def test_what_is_no_header_does_not_spread_over_the_endpoints_of_one() -> None:
    spread = found(track(SERVER, [1], endpoint="GET /a"), track(SERVER, [2], first_at=2.0))
    late = track(TOTAL, [1], endpoint="GET /a", first_at=3.0)
    findings = found(track(SERVER, [1], endpoint="GET /a"), track(SERVER, [2], first_at=2.0), late, findings=spread)
    assert [(finding.keys, finding.endpoints) for finding in findings] == [
        ((SERVER,), ("GET /a", ORDERS)),
        ((TOTAL,), ("GET /a",)),
    ]


def test_an_accepted_header_is_not_accepted_everywhere() -> None:
    first = accepted(found(track(SERVER, [1], endpoint="GET /a"))[0])
    findings = found(track(SERVER, [1], endpoint="GET /a"), track(SERVER, [2]), findings=[first])
    assert [finding.endpoints for finding in findings] == [("GET /a",), (ORDERS,)]


def test_what_no_longer_differs_together_is_taken_apart() -> None:
    (one,) = found(track(TOTAL, [1]), track(NAME, [1]), track(NOTE, [1]))
    apart = separated([one], tracks(track(TOTAL, [1, 2]), track(NAME, [1]), track(NOTE, [1])))
    assert [(finding.number, finding.keys) for finding in apart] == [(1, (TOTAL,)), (2, (NAME, NOTE))]
    assert all(finding.state is FindingState.OPEN for finding in apart)
    assert separated([one], tracks(track(TOTAL, [1, 2]), track(NAME, [2, 1]), track(NOTE, [1, 2]))) == (one,)


def test_what_was_accepted_together_stays_together() -> None:
    one = accepted(found(track(TOTAL, [1]), track(NAME, [1]))[0])
    assert separated([one], tracks(track(TOTAL, [1, 2]), track(NAME, [1]))) == (one,)


def test_keys_that_have_not_been_seen_again_stay() -> None:
    """After a book was begun anew, or a track was dropped."""
    (one,) = found(track(TOTAL, [1]), track(NAME, [1]))
    assert separated([one], tracks(track(TOTAL, [4]))) == (one,)
    assert separated([one], {}) == (one,)


def test_there_is_a_limit_to_numbered_causes() -> None:
    many = [track(Key(f"/{at}", TOTAL.kind), [at + 1]) for at in range(MOST_FINDINGS + 20)]
    findings = found(*many)
    assert len(findings) == MOST_FINDINGS
    assert len({finding.number for finding in findings}) == MOST_FINDINGS
