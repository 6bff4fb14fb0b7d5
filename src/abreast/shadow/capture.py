"""What the gateway hands over: one request with its live answer, in one frame of bytes.

The first line is ``abreast1 <n1> <n2> <n3> <n4> <n5> <flags>``, then come five parts of those lengths: the request's
head and body, the answer's head, body and trailers. A head is lines ``name: value``; ``:method``, ``:path``,
``:authority`` and ``:status`` come first. ``x-abreast-upstream: <version> <host:port>`` in the answer's head says who
answered. Flags are ``-`` or a comma list, of which ``cut`` means that the answer's body was cut at the limit.
"""

from dataclasses import dataclass
from typing import Final

from abreast.compare.model import Answer, Headers, Request
from abreast.model.traffic import UPSTREAM_HEADER, USER_COOKIE

FRAME_LIMIT: Final = 512 * 1024
"""Bytes of a frame at most: two bodies of 64 KiB, and heads of the 60 KiB that Envoy lets through, with room."""

_MAGIC: Final = b"abreast1"
_LINE_LIMIT: Final = 128
_PARTS: Final = 5


class FrameError(ValueError):
    """A frame that does not keep to the form; the message says where."""


@dataclass(frozen=True, slots=True)
class Capture:
    """One live exchange. ``version`` answered it; ``answer.instance`` is its host and port."""

    request: Request
    answer: Answer
    version: str
    id_text: str
    """The ``x-request-id``; empty if there was none."""


def read_frame(frame: bytes) -> Capture:
    """The exchange in a frame. Raises FrameError."""
    head, body, answer_head, answer_body, trailers, flags = _parts(frame)
    pseudo, headers = _headers(head, "request head")
    answer_pseudo, answer_headers = _headers(answer_head, "answer head")
    method, path = pseudo.get(":method", ""), pseudo.get(":path", "")
    status = answer_pseudo.get(":status", "")
    if not method or not path or not (status.isascii() and status.isdecimal()):
        raise FrameError("request head: needs :method and :path; answer head: needs :status")
    version, _, instance = _first(answer_headers, UPSTREAM_HEADER).partition(" ")
    if not version or not instance:
        raise FrameError(f"answer head: needs {UPSTREAM_HEADER}: VERSION HOST:PORT")
    if authority := pseudo.get(":authority", ""):
        headers = (("host", authority), *(header for header in headers if header[0] != "host"))
    answer = Answer(
        int(status),
        tuple(header for header in answer_headers if not _of_the_gateway(*header)),
        answer_body,
        _headers(trailers, "trailers")[1],
        truncated="cut" in flags,
        instance=instance,
    )
    return Capture(Request(method, path, headers, body), answer, version, _first(headers, "x-request-id"))


def _of_the_gateway(name: str, value: str) -> bool:
    """Whether the gateway added this header to the answer."""
    return name == UPSTREAM_HEADER or (name == "set-cookie" and value.startswith(f"{USER_COOKIE}="))


def _parts(frame: bytes) -> tuple[bytes, bytes, bytes, bytes, bytes, list[str]]:
    """The five parts and the flags."""
    end = frame.find(b"\n", 0, _LINE_LIMIT)
    words = frame[: max(end, 0)].split(b" ")
    if len(words) != _PARTS + 2 or words[0] != _MAGIC or not all(word.isdigit() for word in words[1:-1]):
        raise FrameError("first line: must be abreast1, five lengths and flags")
    parts = []
    begin = end + 1
    for word in words[1:-1]:
        length = int(word)
        parts.append(frame[begin : begin + length])
        begin += length
    if begin != len(frame):
        raise FrameError(f"the lengths need {begin} bytes, the frame has {len(frame)}")
    return parts[0], parts[1], parts[2], parts[3], parts[4], words[-1].decode("latin-1").split(",")


def _headers(part: bytes, where: str) -> tuple[dict[str, str], Headers]:
    """The pseudo headers, and the others in their order."""
    pseudo: dict[str, str] = {}
    headers: list[tuple[str, str]] = []
    for line in part.decode("latin-1").split("\n"):
        if not line:
            continue
        name, colon, value = line[1:].partition(":")
        if not colon:
            raise FrameError(f"{where}: a line without a colon")
        name = (line[0] + name).lower()
        if name[0] == ":":
            pseudo[name] = value.strip(" \t\r")
        else:
            headers.append((name, value.strip(" \t\r")))
    return pseudo, tuple(headers)


def _first(headers: Headers, wanted: str) -> str:
    return next((value for name, value in headers if name == wanted), "")
