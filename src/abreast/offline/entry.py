"""One request of a file, whatever the file's format."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlsplit

from abreast.compare.model import Headers, Request
from abreast.model.errors import Fault

DROPPED: Final = frozenset(
    {"connection", "content-length", "expect", "keep-alive", "proxy-authorization", "proxy-connection", "te"}
    | {"trailer", "transfer-encoding", "upgrade"}
)
"""Headers of the connection that a request was recorded on; the new connection makes its own."""

_TOKEN: Final = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_PATH_SAFE: Final = "!#$%&'()*+,-./:;=?@[]_~|^`\"<>{}\\"
"""What stays as written in a target: everything visible in ASCII, so that an odd request stays the odd one it was."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A request and where it stands: ``line`` counts from 1; ``host`` is its URL's, empty when only a path is given."""

    line: int
    host: str
    request: Request


@dataclass
class Reading:
    """What a reader found: the entries, every fault, and what is no request to repeat, by reason."""

    file: str
    entries: list[Entry] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)

    def refuse(self, line: int, error: "EntryError", path: str = "") -> None:
        """Note the fault of one entry; the others are read nonetheless."""
        place = ".".join(each for each in (path, error.path) if each)
        self.faults.append(Fault(self.file, line, place, error.message, error.remedy))

    def leave_out(self, reason: str) -> None:
        """Count something that is there but no request that could be asked again."""
        self.left_out[reason] = self.left_out.get(reason, 0) + 1


class EntryError(ValueError):
    """What is wrong with one entry, at which member of it, and what to write instead."""

    def __init__(self, message: str, remedy: str, path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.path = path


def target(url: str) -> tuple[str, str]:
    """The host (with its port; empty for a mere path) and the target, path with query, of a URL. Raises EntryError."""
    if url.startswith("/"):
        path = url.partition("#")[0]
        return "", _quoted(path)
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port
    except ValueError as error:
        raise EntryError(f"{url!r} is no URL: {error}", "write http://HOST/PATH, or /PATH alone") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise EntryError(f"{url!r} is neither an http(s) URL nor a path", "write http://HOST/PATH, or /PATH alone")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return (f"{host}:{port}" if port else host), _quoted(path)


def method(name: str) -> str:
    """A method as it is sent. Raises EntryError unless it is a token (RFC 9110, 5.6.2)."""
    if not name or not set(name) <= _TOKEN:
        raise EntryError(f"{name!r} is no method", "write GET, HEAD, POST or another method's name")
    if name.upper() in {"CONNECT", "TRACE"}:
        raise EntryError(f"{name} cannot be compared", "leave this request out")
    return name.upper() if name.isalpha() else name


def headers(pairs: Iterable[tuple[str, str]]) -> Headers:
    """Headers in lower case, less those of the old connection and HTTP/2's pseudo headers. Raises EntryError."""
    kept = []
    for name, value in pairs:
        lowered = name.strip().lower()
        if lowered.startswith(":") or lowered in DROPPED:
            continue
        if not lowered or not set(lowered) <= _TOKEN:
            raise EntryError(f"{name!r} is no header's name", "correct it, or leave this header out")
        if any(sign in value for sign in "\r\n\0"):
            message = f"the value of header {lowered!r} holds a line break or NUL"
            raise EntryError(message, "write it on one line, or leave this header out")
        kept.append((lowered, value.strip()))
    return tuple(kept)


def text_of(members: Mapping[str, object], name: str, default: str | None = None) -> str:
    """A member that must be text. Raises EntryError when it is another type, or missing without a default."""
    found = members.get(name, default)
    if isinstance(found, str):
        return found
    if found is None:
        raise EntryError(f"there is no {name!r}", f"add {name!r} to this request")
    raise EntryError(f"{name!r} is {shown(found)}, and text is wanted", f'write "{name}": "…"')


def bytes_of(members: Mapping[str, object], name: str, path: str) -> bytes:
    """A member that must be base64. Raises EntryError; ``path`` says where."""
    written = text_of(members, name)
    try:
        return base64.b64decode(written, validate=True)
    except ValueError as error:
        raise EntryError(f"no base64: {error}", "encode the body's bytes again", path) from None


def shown(value: object) -> str:
    """A value as a fault quotes it, in short."""
    written = repr(value)
    return written if len(written) <= _QUOTED else f"{written[: _QUOTED - 1]}…"


def _quoted(path: str) -> str:
    return quote(path, safe=_PATH_SAFE, errors="surrogatepass")


_QUOTED: Final = 60
"""Characters of a wrong value that a fault quotes."""
