import random

import pytest

from abreast.compare.model import Answer, Request
from abreast.model.traffic import UPSTREAM_HEADER
from abreast.shadow.capture import FrameError, read_frame
from tests.shadow.frames import frame, joined, lines

REQUEST_HEAD = lines(((":method", "GET"), (":path", "/")))
ANSWER_HEAD = lines(((":status", "200"), (UPSTREAM_HEADER, "v1 127.0.0.1:9")))


def test_a_whole_exchange_comes_through() -> None:
    request = Request("POST", "/orders?x=1", (("accept", "a"), ("accept", "b")), b"\x00\n{}")
    answer = Answer(201, (("set-cookie", "a=1"), ("set-cookie", "b=2")), b"\xff\n\n", (("grpc-status", "0"),))
    capture = read_frame(frame(request, answer, upstream="v2 127.0.0.1:9002", id_text="abc"))
    assert capture.request.method == "POST"
    assert capture.request.path == "/orders?x=1"
    assert capture.request.headers == (
        ("host", "shop.test"),
        ("x-request-id", "abc"),
        ("accept", "a"),
        ("accept", "b"),
    )
    assert capture.request.body == b"\x00\n{}"
    assert (capture.answer.status, capture.answer.body) == (201, b"\xff\n\n")
    assert capture.answer.headers == answer.headers
    assert capture.answer.trailers == (("grpc-status", "0"),)
    assert (capture.version, capture.answer.instance, capture.id_text) == ("v2", "127.0.0.1:9002", "abc")
    assert not capture.answer.truncated


def test_what_the_gateway_added_is_no_part_of_the_answer() -> None:
    added = ANSWER_HEAD + b"set-cookie: abreast-id=7; Path=/\nset-cookie: mine=1\n"
    assert read_frame(joined(REQUEST_HEAD, b"", added, b"", b"")).answer.headers == (("set-cookie", "mine=1"),)


def test_a_cut_body_is_marked() -> None:
    assert read_frame(frame(flags="cut")).answer.truncated
    assert read_frame(frame(flags="other,cut")).answer.truncated
    assert not read_frame(frame(flags="other")).answer.truncated


def test_an_ipv6_instance_keeps_its_brackets() -> None:
    assert read_frame(frame(upstream="v1 [::1]:9001")).answer.instance == "[::1]:9001"


def test_names_are_in_lower_case_and_values_keep_their_colons_and_bytes() -> None:
    head = REQUEST_HEAD + b"X-Link: http://a:1/\nx-name: caf\xc3\xa9\nx-empty:\n"
    request = read_frame(joined(head, b"", ANSWER_HEAD, b"", b"")).request
    assert request.headers == (("x-link", "http://a:1/"), ("x-name", "caf\xc3\xa9"), ("x-empty", ""))


def test_the_authority_stands_for_a_host_header() -> None:
    head = lines(((":method", "GET"), (":path", "/"), (":authority", "new.test"), ("host", "old.test")))
    assert read_frame(joined(head, b"", ANSWER_HEAD, b"", b"")).request.headers == (("host", "new.test"),)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (b"", "first line"),
        (b"abreast1 0 0 0 0 0 -", "first line"),
        (b"abreast2 0 0 0 0 0 -\n", "first line"),
        (b"abreast1 0 0 0 0 -\n", "first line"),
        (b"abreast1 0 0 -1 0 0 -\n", "first line"),
        (b"abreast1 0 0 0 0 0 " + b"x" * 200 + b"\n", "first line"),
        (b"abreast1 1 0 0 0 0 -\n", "the frame has"),
        (frame() + b"x", "the frame has"),
        (joined(b"", b"", ANSWER_HEAD, b"", b""), ":method"),
        (joined(REQUEST_HEAD, b"", b"", b"", b""), ":status"),
        (joined(REQUEST_HEAD, b"", b":status: 2oo\nx-abreast-upstream: v1 h:1\n", b"", b""), ":status"),
        (joined(REQUEST_HEAD, b"", b":status: 200\n", b"", b""), UPSTREAM_HEADER),
        (joined(REQUEST_HEAD, b"", b":status: 200\nx-abreast-upstream: v1\n", b"", b""), UPSTREAM_HEADER),
        (joined(REQUEST_HEAD + b"no colon\n", b"", ANSWER_HEAD, b"", b""), "request head: a line without a colon"),
        (joined(REQUEST_HEAD, b"", ANSWER_HEAD, b"", b"no colon"), "trailers: a line without a colon"),
    ],
)
def test_what_is_no_frame_is_told(broken: bytes, words: str) -> None:
    with pytest.raises(FrameError, match=words):
        read_frame(broken)


def test_any_bytes_give_an_exchange_or_a_frame_error() -> None:
    """Mutations of a good frame; a seed that fails is in the message."""
    good = frame(Request("GET", "/x", (("a", "b"),), b"body"), Answer(200, (("c", "d"),), b"answer"))
    for seed in range(2000):
        dice = random.Random(seed)
        bad = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            bad[dice.randrange(len(bad))] = dice.randrange(256)
        try:
            read_frame(bytes(bad))
        except FrameError:
            continue
