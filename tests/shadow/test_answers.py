import errno

import pytest

from abreast.model.shadow import BODY_LIMIT
from abreast.shadow.answers import Body, failed, failure_words, text_headers, timed_out


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ECONNREFUSED, "connection refused"),
        (errno.ECONNRESET, "connection reset"),
        (errno.EPIPE, "connection reset"),
        (errno.EHOSTUNREACH, "host unreachable"),
        (errno.EMFILE, "connection failed"),
    ],
)
def test_failures_have_words_without_addresses(number: int, words: str) -> None:
    assert failure_words(OSError(number, "Connect call failed ('127.0.0.1', 9001)")) == words


def test_an_error_without_a_number_has_words_too() -> None:
    assert failure_words(OSError("lost 127.0.0.1")) == "connection failed"


def test_a_failure_is_an_answer_of_nothing() -> None:
    answer = failed("connection refused", "127.0.0.1:1")
    assert (answer.status, answer.headers, answer.body) == (0, (), b"")
    assert (answer.failure, answer.instance) == ("connection refused", "127.0.0.1:1")


@pytest.mark.parametrize(("timeout_s", "words"), [(10.0, "time-out after 10 s"), (0.25, "time-out after 0.25 s")])
def test_time_outs_say_how_long(timeout_s: float, words: str) -> None:
    assert timed_out(timeout_s, "x").failure == words


def test_a_body_is_kept_to_its_limit() -> None:
    body = Body()
    body.add(b"a" * (BODY_LIMIT - 1))
    body.add(b"b")
    assert (len(bytes(body)), body.truncated) == (BODY_LIMIT, False)
    body.add(b"")
    assert not body.truncated
    body.add(b"c")
    assert (len(bytes(body)), body.truncated, bytes(body)[-1:]) == (BODY_LIMIT, True, b"b")


def test_headers_are_read_in_lower_case_and_as_latin_1() -> None:
    assert text_headers([(b"X-Name", b"caf\xe9"), (b"x-name", b"")]) == (("x-name", "caf\xe9"), ("x-name", ""))
