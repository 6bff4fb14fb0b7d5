"""gRPC answers."""

import gzip
import zlib
from collections.abc import Callable

import pytest

from abreast.compare.forms import digest
from abreast.compare.grpc import Types, differences
from abreast.compare.model import ABSENT, Answer, Difference, Kind
from abreast.compare.rules import Rules, Tolerance
from tests.compare.descriptors import GET, WATCH, descriptor_set, order

OK = (("grpc-status", "0"),)


def frame(message: bytes, flags: int = 0) -> bytes:
    return bytes([flags]) + len(message).to_bytes(4, "big") + message


def answer(*messages: bytes, trailers: tuple[tuple[str, str], ...] = OK, coding: str = "") -> Answer:
    headers = (("content-type", "application/grpc"), *((("grpc-encoding", coding),) if coding else ()))
    return Answer(200, headers, b"".join(map(frame, messages)), trailers)


def found(left: Answer, right: Answer, rules: Rules | None = None, method: str = "") -> list[Difference]:
    types = Types.from_descriptor_set(descriptor_set()) if method else None
    return list(differences(left, right, rules or Rules(), types, method=method))


def test_equal_answers_have_no_difference() -> None:
    assert found(answer(b"abc", b""), answer(b"abc", b"")) == []


def test_the_status_comes_first_and_its_message_is_decoded() -> None:
    failed = answer(trailers=(("grpc-status", "5"), ("grpc-message", "no order %2217%22"), ("x-other", "1")))
    status, message = found(answer(b"abc"), failed)
    assert status == Difference(Kind.STATUS, "trailer:grpc-status", "trailer:grpc-status", "0", "5")
    assert message == Difference(Kind.HEADER, "trailer:grpc-message", "trailer:grpc-message", ABSENT, 'no order "17"')


def test_messages_are_not_compared_when_the_status_differs_unless_that_is_ignored() -> None:
    failed = answer(trailers=(("grpc-status", "5"),))
    assert [each.kind for each in found(answer(b"abc"), failed)] == [Kind.STATUS]
    ignoring = found(answer(b"abc"), failed, Rules(ignore=("trailer:grpc-status",)))
    assert [(each.kind, each.path) for each in ignoring] == [(Kind.MISSING, "/0")]


def test_a_status_in_the_headers_of_an_answer_without_messages_is_the_same_status() -> None:
    in_trailers = Answer(200, (), b"", (("grpc-status", "5"),))
    in_headers = Answer(200, (("grpc-status", "5"),), b"")
    assert found(in_trailers, in_headers) == []
    assert [each.kind for each in found(in_trailers, Answer(200, (("grpc-status", "0"),)))] == [Kind.STATUS]


def test_a_status_that_is_not_there_is_a_difference() -> None:
    (status,) = found(answer(b"a"), answer(b"a", trailers=()))
    assert (status.kind, status.left, status.right) == (Kind.STATUS, "0", ABSENT)


def test_trailers_of_grpc_web_are_read_from_the_body() -> None:
    web = Answer(200, (), frame(b"abc") + frame(b"grpc-status: 0\r\nGrpc-Message: \r\n", 0x80))
    assert found(web, answer(b"abc", trailers=(("grpc-status", "0"), ("grpc-message", "")))) == []
    assert [
        each.path for each in found(web, answer(b"abc", trailers=(("grpc-status", "2"), ("grpc-message", ""))))
    ] == ["trailer:grpc-status"]


def test_rules_hold_for_trailers() -> None:
    left = answer(trailers=(("grpc-status", "5"), ("grpc-message", "request 17 failed")))
    right = answer(trailers=(("grpc-status", "5"), ("grpc-message", "request 18 failed")))
    assert [each.path for each in found(left, right)] == ["trailer:grpc-message"]
    assert found(left, right, Rules(mask=(r"\d+",))) == []
    assert found(left, right, Rules(ignore=("trailer:grpc-message",))) == []


def test_messages_are_compared_by_field_when_the_type_is_known() -> None:
    left = order('id: 9007199254740993 total: 12.5 items { sku: "tea" count: 2 } items { sku: "cup" count: 4 }')
    right = order('id: 9007199254740992 total: 12.5 items { sku: "tea" count: 3 } items { sku: "cup" count: 4 }')
    assert found(answer(left), answer(right), method=GET) == [
        Difference(Kind.CHANGED, "/0/id", "/*/id", 9007199254740993, 9007199254740992),
        Difference(Kind.CHANGED, "/0/items/0/count", "/*/items/*/count", 2, 3),
    ]


def test_fields_in_another_order_of_bytes_are_the_same_and_rules_hold_for_fields() -> None:
    left, right = order("id: 1") + order("total: 100"), order("total: 100.2") + order("id: 1")
    assert [each.path for each in found(answer(left), answer(right), method=GET)] == ["/0/total"]
    rules = Rules(tolerance=(("/*/total", Tolerance(absolute=0.5)),))
    assert found(answer(left), answer(right), rules, method=GET) == []


def test_a_message_more_in_a_stream_is_one_difference() -> None:
    events = [order(f"id: {number}") for number in (1, 2, 3)]
    more = [events[0], order("id: 9"), *events[1:]]
    (added,) = found(answer(*events), answer(*more), method=WATCH)
    assert (added.kind, added.path, added.pattern) == (Kind.ADDED, "/1", "/*")


@pytest.mark.parametrize("method", ["", "/shop.v1.Orders/Unknown"])
def test_messages_of_unknown_type_are_compared_by_digest_and_length(method: str) -> None:
    assert found(answer(b"same", b"abc"), answer(b"same", b"abcd"), method=method) == [
        Difference(Kind.CHANGED, "/1/digest", "/*/digest", digest(b"abc")["digest"], digest(b"abcd")["digest"]),
        Difference(Kind.CHANGED, "/1/length", "/*/length", 3, 4),
    ]


def test_a_message_that_is_not_of_its_type_is_compared_by_digest_and_length() -> None:
    broken = found(answer(order("id: 1")), answer(b"\x08\xff"), method=GET)
    assert {(each.kind, each.path) for each in broken} >= {(Kind.MISSING, "/0/id"), (Kind.ADDED, "/0/digest")}


@pytest.mark.parametrize(("coding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_messages_are_compared_by_what_they_mean(coding: str, compress: Callable[[bytes], bytes]) -> None:
    packed = Answer(200, (("grpc-encoding", coding),), frame(compress(b"abc" * 99), 1) + frame(b"plain"), OK)
    assert found(answer(b"abc" * 99, b"plain"), packed) == []
    assert [each.path for each in found(answer(b"abc" * 98, b"plain"), packed)] == ["/0/digest", "/0/length"]


@pytest.mark.parametrize(
    ("body", "coding", "fault"),
    [
        (frame(b"abc") + frame(b"abcdef")[:-2], "", "message 2 is cut: 9 of 11 bytes"),
        (b"\0\0", "", "message 1 is cut: 2 of 5 bytes"),
        (frame(b"abc", 1), "snappy", "message 1 is compressed with 'snappy'; read are gzip, deflate"),
        (frame(b"abc", 1), "gzip", "message 1 is not gzip: Error -3 while decompressing data: incorrect header check"),
        (frame(gzip.compress(b"abc" * 9, mtime=0)[:-9], 1), "gzip", "message 1 ends in the middle of its gzip data"),
        (
            frame(gzip.compress(bytes(2**24 + 1), mtime=0), 1),
            "gzip",
            "message 1 brings the answer above 16777216 bytes",
        ),
    ],
)
def test_a_body_that_cannot_be_read_says_why_on_its_side(body: bytes, coding: str, fault: str) -> None:
    broken = Answer(200, (("grpc-encoding", coding),) if coding else (), body, OK)
    assert found(answer(b"abc"), broken) == [Difference(Kind.UNDECODABLE, "body", "body", ABSENT, fault)]
    assert found(broken, answer(b"abc")) == [Difference(Kind.UNDECODABLE, "body", "body", fault, ABSENT)]
    assert found(broken, broken) == []
    assert found(answer(b"abc"), broken, Rules(ignore=("body",))) == []


def test_the_bound_is_that_of_all_messages_together() -> None:
    half = frame(gzip.compress(bytes(2**23)), 1)
    whole, more = (Answer(200, (("grpc-encoding", "gzip"),), half * times, OK) for times in (2, 3))
    (fault,) = found(whole, more)
    assert (fault.kind, fault.left) == (Kind.UNDECODABLE, ABSENT)
    assert str(fault.right).startswith("message 3 brings the answer above")


def test_two_bodies_that_cannot_be_read_differ_as_bytes() -> None:
    left, right = Answer(200, (), b"\0\0", OK), Answer(200, (), b"\0\1\2", OK)
    assert found(left, right) == [Difference(Kind.CHANGED, "body", "body", digest(b"\0\0"), digest(b"\0\1\2"))]


def test_of_an_answer_that_was_cut_what_both_have_is_compared() -> None:
    whole = answer(b"one", b"two", b"three")
    cut = Answer(200, whole.headers, whole.body[:-2], OK, truncated=True)
    assert found(whole, cut) == []
    assert [each.path for each in found(answer(b"one", b"TWO", b"three"), cut)] == ["/1/digest"]


def test_the_same_bytes_of_another_coding_are_not_the_same() -> None:
    body = frame(gzip.compress(b"abc"), 1)
    left, right = Answer(200, (("grpc-encoding", "gzip"),), body, OK), Answer(200, (), body, OK)
    assert [each.path for each in found(left, right)] == ["/0/digest", "/0/length"]
