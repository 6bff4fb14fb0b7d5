"""From the bytes on the wire to bytes and text that can be compared: content codings (RFC 9110, 8.4), charsets."""

import codecs
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol, cast

import brotli
import zstandard

from abreast.compare.model import Answer

MOST_BYTES: Final = 16 * 1024 * 1024
"""Bytes of a decoded body, at most: a bomb is not unpacked further."""

_MOST_CODINGS: Final = 4
_ZSTD_WINDOW: Final = 8 * 1024 * 1024
"""What RFC 9659 allows for the content coding."""

_PIECE: Final = 256
"""Bytes that are given to the zstd decoder at a time, which has no limit for its output: at most 64 blocks of
128 KiB."""

_CHARSET_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,39}", re.ASCII)
_CHARSETS: Final = re.compile(
    r"ascii|big5.*|cp\d+|euc_.+|gb.+|hz|iso2022_.+|iso8859-\d+|johab|koi8-[rtu]|kz1048|mac-.+|ptcp154|shift_jis.*"
    r"|tis-620|utf-8|utf-8-sig|utf-16.*|utf-32.*"
)
"""Python's names of charsets: not all of its codecs are, and some of the others take quadratic time."""

_TEXT_TYPES: Final = re.compile(
    r"""
    text/.+
    | .+/(?:.+\+)?(?:json|xml|yaml)             # also by suffix: application/problem+json
    | application/(?:x-)?(?:ndjson|jsonl|jsonlines|json-lines|json-seq|stream\+json|javascript|ecmascript|yaml|toml|sql)
    | application/(?:x-www-form-urlencoded|x-amz-json-.+|x-sh|graphql|graphql-response\+json)
    """,
    re.VERBOSE,
)


class UndecodableError(ValueError):
    """The body cannot be read; the message says why, and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A body that can be compared.

    ``media_type`` is in lower case without parameters, empty when the answer names none. ``body`` has no content
    coding any more. ``text`` is there for types that are text (and for bodies without a type that are UTF-8);
    otherwise None. ``fault`` says why the body could not be read, and is empty when it could: then ``body`` is as it
    came.
    """

    media_type: str
    body: bytes
    text: str | None = None
    fault: str = ""


def decoded(answer: Answer) -> Decoded:
    """Undo the content coding and the charset of a body. Never raises: a fault is told in the result.

    Of a truncated body it is what can be read of it. Bytes after the end of a compressed body are left out, as
    browsers do.
    """
    content_type = answer.header("content-type") or ""
    media_type = content_type.partition(";")[0].strip().lower()
    try:
        body = _uncoded(answer)
        return Decoded(media_type, body, _text(body, media_type, charset_of(content_type), cut=answer.truncated))
    except UndecodableError as error:
        return Decoded(media_type, answer.body, fault=str(error))


def parameter_of(content_type: str, name: str) -> str:
    """A parameter of a media type, unquoted, case as it is; empty when there is none."""
    for part in content_type.split(";")[1:]:
        key, _, value = part.partition("=")
        if key.strip().lower() == name:
            return value.strip().strip('"')
    return ""


def charset_of(content_type: str) -> str:
    """The charset that a media type names; empty when it names none."""
    return parameter_of(content_type, "charset") if ";" in content_type else ""


def _uncoded(answer: Answer) -> bytes:
    named = ",".join(value for name, value in answer.headers if name == "content-encoding").lower()
    codings = [coding.strip() for coding in named.split(",") if coding.strip() not in {"", "identity"}]
    if len(codings) > _MOST_CODINGS:
        raise UndecodableError(f"{len(codings)} content codings on top of each other")
    body = answer.body
    for coding in reversed(codings):
        decoder = _DECODERS.get(coding)
        if decoder is None:
            raise UndecodableError(f"unknown content coding {coding[:40]!r}")
        if body:
            body = _bounded(coding, decoder(body, answer.truncated))
    return body


def _bounded(coding: str, pieces: Iterator[bytes]) -> bytes:
    decoded_pieces: list[bytes] = []
    length = 0
    try:
        for piece in pieces:
            decoded_pieces.append(piece)
            length += len(piece)
            if length > MOST_BYTES:
                raise UndecodableError(f"more than {MOST_BYTES} bytes when {coding} is decoded")
    except (zlib.error, brotli.error, zstandard.ZstdError) as error:
        raise UndecodableError(f"not {coding}: {error}") from error
    return b"".join(decoded_pieces)


def _gzip(body: bytes, cut: bool) -> Iterator[bytes]:
    """All members of a gzip file (RFC 1952, 2.2)."""
    rest, first = body, True
    while first or rest.startswith(b"\x1f\x8b"):
        member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        yield member.decompress(rest, MOST_BYTES + 1)
        _check_end("gzip", ended=member.eof or bool(member.unconsumed_tail), cut=cut)
        rest, first = member.unused_data, False


def _deflate(body: bytes, cut: bool) -> Iterator[bytes]:
    """The zlib format, as RFC 9110 has it, or the bare one that some servers send."""
    decoder = zlib.decompressobj()
    try:
        text = decoder.decompress(body, MOST_BYTES + 1)
    except zlib.error:
        decoder = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        text = decoder.decompress(body, MOST_BYTES + 1)
    yield text
    _check_end("deflate", ended=decoder.eof or bool(decoder.unconsumed_tail), cut=cut)


class _BrotliDecoder(Protocol):
    """What brotli has from 1.2 on; its type stubs lack it."""

    def process(self, data: bytes, /, *, output_buffer_limit: int) -> bytes: ...
    def can_accept_more_data(self) -> bool: ...
    def is_finished(self) -> bool: ...


def _brotli(body: bytes, cut: bool) -> Iterator[bytes]:
    decoder = cast("_BrotliDecoder", brotli.Decompressor())
    yield decoder.process(body, output_buffer_limit=MOST_BYTES + 1)
    _check_end("br", ended=decoder.is_finished() or not decoder.can_accept_more_data(), cut=cut)


def _zstd(body: bytes, cut: bool) -> Iterator[bytes]:
    """All frames (RFC 8878, 3.1)."""
    rest, first = body, True
    while first or rest.startswith(b"\x28\xb5\x2f\xfd"):
        frame = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
        at = 0
        while at < len(rest) and not frame.eof:
            yield frame.decompress(rest[at : at + _PIECE])
            at += _PIECE
        _check_end("zstd", ended=frame.eof, cut=cut)
        rest, first = frame.unused_data + rest[at:], False


def _check_end(coding: str, *, ended: bool, cut: bool) -> None:
    if not ended and not cut:
        raise UndecodableError(f"{coding} ends early")


_DECODERS: Final[dict[str, Callable[[bytes, bool], Iterator[bytes]]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}


def _text(body: bytes, media_type: str, charset: str, *, cut: bool) -> str | None:
    if not media_type:
        return _sniffed(body)
    codec = _codec(charset) if charset else ""
    if not _TEXT_TYPES.fullmatch(media_type):
        return None
    if not codec and media_type.endswith(("json", "xml")):
        codec = _unicode_encoding(body)
    if codec:
        return _strictly(body, codec, cut=cut)
    try:
        return _strictly(body, "utf-8-sig", cut=cut)
    except UndecodableError:
        return body.decode("latin-1")


def _strictly(body: bytes, codec: str, *, cut: bool) -> str:
    try:
        # A truncated body may end within a character.
        text = codecs.getincrementaldecoder(codec)("strict").decode(body, final=not cut)
    except UnicodeError as error:
        raise UndecodableError(f"not {codec.removesuffix('-sig')}: {_reason(error)}") from error
    return text


def _reason(error: UnicodeError) -> str:
    return f"{error.reason} at byte {error.start}" if isinstance(error, UnicodeDecodeError) else "no such text"


def _sniffed(body: bytes) -> str | None:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _unicode_encoding(body: bytes) -> str:
    """What the first bytes say: XML may be UTF-16, and so was JSON before RFC 8259."""
    if body.startswith((codecs.BOM_UTF32_BE, codecs.BOM_UTF32_LE)):
        return "utf-32"
    return "utf-16" if body.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)) else "utf-8-sig"


@lru_cache(maxsize=256)
def _codec(charset: str) -> str:
    """Python's name of a charset. Raises UndecodableError when there is no such charset."""
    try:
        name = codecs.lookup(charset).name if _CHARSET_NAME.fullmatch(charset) else ""
    except LookupError:
        name = ""
    if not _CHARSETS.fullmatch(name):
        raise UndecodableError(f"unknown charset {charset[:40]!r}")
    return "utf-8-sig" if name == "utf-8" else name
