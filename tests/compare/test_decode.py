"""Content codings and charsets."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Final

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from abreast.compare.decode import MOST_BYTES, Decoded, charset_of, decoded, parameter_of
from abreast.compare.model import Answer

TEXT = '{"name": "Zoë"}' * 40
BODY = TEXT.encode()


def bare_deflate(body: bytes) -> bytes:
    coder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return coder.compress(body) + coder.flush()


CODERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda body: brotli.compress(body, quality=5),
    "zstd": zstandard.compress,
}


def answer(body: bytes, *, media_type: str = "application/json", coding: str = "", truncated: bool = False) -> Answer:
    named = (("content-type", media_type), ("content-encoding", coding))
    return Answer(200, tuple((name, value) for name, value in named if value), body, truncated=truncated)


@pytest.mark.parametrize("coding", CODERS)
def test_every_coding_is_undone(coding: str) -> None:
    assert decoded(answer(CODERS[coding](BODY), coding=coding)) == Decoded("application/json", BODY, TEXT)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("", BODY),
        ("identity", BODY),
        ("GZip", gzip.compress(BODY, mtime=0)),
        ("deflate", bare_deflate(BODY)),
        ("gzip, br", brotli.compress(gzip.compress(BODY, mtime=0))),
        ("gzip", gzip.compress(BODY[:50], mtime=0) + gzip.compress(BODY[50:], mtime=0)),
        ("zstd", zstandard.compress(BODY[:50]) + zstandard.compress(BODY[50:])),
        ("gzip", gzip.compress(BODY, mtime=0) + b"\0\0 garbage"),
        ("deflate", zlib.compress(BODY) + b"garbage"),
        ("zstd", zstandard.compress(BODY) + b"garbage" * 100),
    ],
)
def test_less_usual_ways_of_coding(coding: str, body: bytes) -> None:
    assert decoded(answer(body, coding=coding)).text == TEXT


@pytest.mark.parametrize("coding", CODERS)
def test_a_body_that_ends_early_is_undecodable_unless_it_was_truncated(coding: str) -> None:
    # Random enough that the coder cannot put all in one block's head.
    whole = bytes((number * number) % 251 for number in range(400_000))
    part = CODERS[coding](whole)[:-5]
    cut = decoded(answer(part, media_type="image/png", coding=coding))
    assert "ends early" in cut.fault
    assert cut.body == part
    truncated = decoded(answer(part, media_type="image/png", coding=coding, truncated=True))
    assert not truncated.fault
    assert whole.startswith(truncated.body)


@pytest.mark.parametrize("coding", CODERS)
def test_bytes_of_another_kind_are_undecodable(coding: str) -> None:
    fault = decoded(answer(b"<html>not compressed</html>", coding=coding)).fault
    assert fault.startswith("not ")
    assert coding.removeprefix("x-") in fault


@pytest.mark.parametrize("coding", CODERS)
def test_no_body_needs_no_decoding(coding: str) -> None:
    assert decoded(answer(b"", coding=coding)) == Decoded("application/json", b"", "")


@pytest.mark.parametrize("coding", CODERS)
def test_a_bomb_is_not_unpacked(coding: str) -> None:
    bomb = CODERS[coding](b"\0" * (MOST_BYTES + 1))
    assert len(bomb) < 20_000
    fault = decoded(answer(bomb, coding=coding)).fault
    assert f"more than {MOST_BYTES} bytes" in fault


@pytest.mark.parametrize("coding", CODERS)
def test_a_bomb_takes_no_more_memory_than_the_limit_allows(coding: str) -> None:
    bomb = answer(CODERS[coding](b"\0" * (6 * MOST_BYTES)), coding=coding)
    tracemalloc.start()
    try:
        assert decoded(bomb).fault
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * MOST_BYTES


@pytest.mark.parametrize("coding", CODERS)
def test_the_most_that_is_unpacked(coding: str) -> None:
    body = b"\0" * MOST_BYTES
    assert decoded(answer(CODERS[coding](body), media_type="image/png", coding=coding)).body == body


@pytest.mark.parametrize(
    ("coding", "told"), [("rot13", "unknown content coding 'rot13'"), ("br," * 5 + "br", "6 content codings")]
)
def test_what_cannot_be_undone_is_named(coding: str, told: str) -> None:
    assert told in decoded(answer(BODY, coding=coding)).fault


@pytest.mark.parametrize(
    ("media_type", "body", "text"),
    [
        ("text/plain; charset=ISO-8859-1", b"Zo\xeb", "Zoë"),
        ('text/html;charset="windows-1252"', b"\x80", "€"),
        ("text/plain; charset=utf-8", b"\xef\xbb\xbfZo\xc3\xab", "Zoë"),
        ("application/json; charset=utf-16", "Zoë".encode("utf-16"), "Zoë"),
        ("application/json", "Zoë".encode("utf-16"), "Zoë"),
        ("application/xml", "Zoë".encode("utf-32"), "Zoë"),
        ("application/problem+json", b"{}", "{}"),
        ("Text/HTML", b"<p>", "<p>"),
        ("text/html", b"Zo\xeb", "Zoë"),  # no charset, and no UTF-8
        ("", b"plain", "plain"),
        ("", b"\xff\xfe", None),
        ("", b"\0", None),
        ("image/png", b"plain", None),
        ("application/octet-stream; charset=utf-8", b"plain", None),
    ],
)
def test_what_is_text(media_type: str, body: bytes, text: str | None) -> None:
    read = decoded(answer(body, media_type=media_type))
    assert read.text == text
    assert not read.fault


@pytest.mark.parametrize(
    ("media_type", "told"),
    [
        ("text/plain; charset=utf-8", "not utf-8: invalid start byte at byte 1"),
        ("application/json", "not utf-8: invalid start byte at byte 1"),
        ("text/plain; charset=us-ascii", "not ascii"),
        ("text/plain; charset=klingon", "unknown charset 'klingon'"),
        ("text/plain; charset=zlib", "unknown charset 'zlib'"),
        ("text/plain; charset=punycode", "unknown charset 'punycode'"),
        ("text/plain; charset=unicode_escape", "unknown charset"),
        ("text/plain; charset=../x", "unknown charset '../x'"),
        ("text/plain; charset=é\0", "unknown charset"),
    ],
)
def test_a_charset_that_is_not_kept_or_not_known(media_type: str, told: str) -> None:
    read = decoded(answer(b"a\xff", media_type=media_type))
    assert told in read.fault
    assert read.body == b"a\xff"
    assert read.text is None


def test_a_truncated_body_may_end_within_a_character() -> None:
    read = decoded(answer(b"Zo\xc3", media_type="text/plain; charset=utf-8", truncated=True))
    assert (read.text, read.fault) == ("Zo", "")


def test_parameters_of_media_types() -> None:
    assert parameter_of('multipart/mixed; a=b; Boundary="x y"', "boundary") == "x y"
    assert parameter_of("multipart/mixed", "boundary") == ""
    assert charset_of("text/html") == ""


CHARSETS = ["utf-8", "utf-16", "utf-32-be", "latin-1", "shift_jis", "gb18030", "iso2022_jp", "big5", "hz", "cp037", ""]


@given(
    st.binary(max_size=200),
    st.sampled_from([*CODERS, "", "gzip, br", "what"]),
    st.sampled_from(["text/html", "application/json", "", "image/png"]),
    st.sampled_from(CHARSETS) | st.text(max_size=8),
    st.booleans(),
    st.booleans(),
)
def test_any_bytes_are_read_or_said_to_be_unreadable(
    body: bytes, coding: str, media_type: str, charset: str, coded: bool, truncated: bool
) -> None:
    if coded and coding in CODERS:
        body = CODERS[coding](body)
    named = f"{media_type}; charset={charset}" if charset else media_type
    read = decoded(answer(body, media_type=named, coding=coding, truncated=truncated))
    if read.fault:
        assert (read.body, read.text) == (body, None)
    elif read.text is not None:
        read.text.encode()  # no lone surrogates: it can be stored
