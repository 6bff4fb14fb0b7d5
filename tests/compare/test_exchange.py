"""Two answers to one request."""

import itertools

import pytest

from abreast.compare.exchange import compare
from abreast.compare.json_body import MOST_DIFFERENCES
from abreast.compare.model import ABSENT, Answer, Difference, Headers, Kind
from abreast.compare.rules import Rules

JSON: Headers = (("content-type", "application/json"),)
GRPC: Headers = (("content-type", "application/grpc+proto"),)


def paths(found: tuple[Difference, ...]) -> list[str]:
    return [difference.path for difference in found]


def test_equal_answers_do_not_differ_whatever_they_are() -> None:
    broken = Answer(200, (*JSON, ("content-encoding", "gzip")), b"\x1f\x8b broken", (("checksum", "1"),))
    assert compare(broken, broken) == ()
    assert compare(broken, Answer(200, (*broken.headers, ("date", "now")), broken.body, broken.trailers)) == ()


def test_who_answered_does_not_matter() -> None:
    assert compare(Answer(200, instance="a"), Answer(200, instance="b")) == ()


def test_status_headers_body_and_trailers_are_told_in_this_order() -> None:
    left = Answer(200, (*JSON, ("x-a", "1")), b'{"a":1}', (("checksum", "1"),))
    right = Answer(200, (*JSON, ("x-a", "2")), b'{"a":2}', (("checksum", "2"),))
    assert paths(compare(left, right)) == ["header:x-a", "/a", "trailer:checksum"]


def test_another_status_is_one_cause_and_the_body_is_not_compared() -> None:
    left = Answer(200, (*JSON, ("x-a", "1")), b'{"a":1}', (("checksum", "1"),))
    right = Answer(500, (("content-type", "text/html"),), b"<h1>Sorry</h1>")
    assert compare(left, right) == (Difference(Kind.STATUS, "status", "status", 200, 500),)


def test_headers_that_say_what_a_status_means_are_told_with_it() -> None:
    found = compare(Answer(200, JSON, b"{}"), Answer(302, (("location", "/login"),)))
    assert paths(found) == ["status", "header:location"]
    assert found[1].left is ABSENT


def test_an_ignored_status_leaves_the_rest_to_be_compared() -> None:
    rules = Rules(ignore=("status",))
    assert paths(compare(Answer(200, JSON, b'{"a":1}'), Answer(201, JSON, b'{"a":2}'), rules)) == ["/a"]
    assert compare(Answer(200, JSON, b"{}"), Answer(201, JSON, b"{}"), rules) == ()


def test_no_answer_is_the_only_difference() -> None:
    there, gone = Answer(200, JSON, b"{}"), Answer(0, failure="time-out after 2 s")
    assert compare(there, gone) == (Difference(Kind.NO_ANSWER, "status", "status", 200, "time-out after 2 s"),)
    assert compare(gone, there) == (Difference(Kind.NO_ANSWER, "status", "status", "time-out after 2 s", 200),)
    assert compare(gone, gone) == ()
    assert paths(compare(gone, Answer(0, failure="connection reset"))) == ["status"]
    # A rule against a noisy status does not hide that there is no answer.
    assert paths(compare(there, gone, Rules(ignore=("status",)))) == ["status"]


def test_the_length_of_an_answer_to_head_is_compared() -> None:
    left, right = (Answer(200, (*JSON, ("content-length", length))) for length in ("10", "12"))
    assert paths(compare(left, right)) == ["header:content-length"]
    assert compare(Answer(200, left.headers, b"{}"), Answer(200, right.headers, b"{}")) == ()


def frame(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4, "big") + message


def test_grpc_is_told_by_its_status_wherever_it_is() -> None:
    good = Answer(200, GRPC, frame(b"\x08\x01"), (("grpc-status", "0"),))
    trailers_only = Answer(200, (*GRPC, ("grpc-status", "5"), ("grpc-message", "gone")))
    found = compare(good, trailers_only)
    assert (found[0].kind, found[0].path) == (Kind.STATUS, "trailer:grpc-status")
    assert {difference.path for difference in found} <= {"trailer:grpc-status", "trailer:grpc-message"}
    moved = Answer(200, (*GRPC, ("grpc-status", "0")), frame(b"\x08\x01"))
    assert compare(good, moved) == ()


def test_grpc_messages_and_other_trailers_are_compared() -> None:
    left = Answer(200, (*GRPC, ("x-a", "1")), frame(b"\x08\x01"), (("grpc-status", "0"), ("x-cost", "1")))
    right = Answer(200, (*GRPC, ("x-a", "2")), frame(b"\x08\x02"), (("grpc-status", "0"), ("x-cost", "2")))
    found = paths(compare(left, right))
    assert found[0] == "header:x-a"
    assert found[-1] == "trailer:x-cost"
    assert any(path.startswith("/0") for path in found)


@pytest.mark.parametrize("media_type", ["application/grpc", "application/grpc-web+proto", "Application/gRPC; a=b"])
def test_what_is_grpc(media_type: str) -> None:
    left, right = (
        Answer(200, (("content-type", media_type),), b"", (("grpc-status", status),)) for status in ("0", "14")
    )
    assert [found.kind for found in compare(left, right)] == [Kind.STATUS]


def test_no_more_than_so_many_are_told_in_all() -> None:
    left = Answer(200, (*JSON, ("x-a", "1")), b"[]", (("checksum", "1"),))
    many = "[" + ",".join(map(str, range(1_000))) + "]"
    found = compare(left, Answer(200, JSON, many.encode()))
    assert len(found) == MOST_DIFFERENCES
    assert found[0].path == "header:x-a"


def test_any_two_of_the_strangest_answers_are_compared() -> None:
    types = ["application/json", "application/xml", "text/html", "multipart/mixed; boundary=x", "application/grpc", ""]
    types += [
        "text/event-stream",
        "application/x-ndjson",
        "text/plain; charset=utf-16",
        "application/json; charset=hex",
    ]
    bodies = [
        b"",
        b"\0",
        b"[" * 5_000,
        b'{"a":' * 120 + b"1" + b"}" * 120,
        b"7" * 5_000,
        b"1e9999999999999999999999",
        b'{"\\ud800": NaN, "a": Infinity, "a": -0}',
        b"\xff\xfe<a>",
        b"<a>" * 3_000,
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b"--x\r\n\r\n--x--",
        b"\x01\xff\xff\xff\xff",
    ]
    answers = [Answer(200, (("content-type", media_type),), body) for media_type in types for body in bodies]
    rules = Rules(ignore=("/**/a",), unordered=("/**",), mask=("a+",))
    for left, right in itertools.islice(itertools.combinations(answers, 2), 0, None, 5):
        agree = compare(left, right) == ()
        assert agree is (compare(right, left) == ())
        compare(left, right, rules)
