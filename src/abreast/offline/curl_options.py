"""What each of curl's options makes of a request."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final
from urllib.parse import quote_plus

from abreast.compare.model import Request
from abreast.offline.entry import EntryError, headers, method, target

_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"
_INLINE: Final = "write the body itself into the command, or give this request as NDJSON"


@dataclass
class Command:
    """What a command's words have said so far."""

    urls: list[str] = field(default_factory=list)
    method: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)
    data: list[str] = field(default_factory=list)
    json: bool = False
    get: bool = False
    head: bool = False

    def request(self) -> tuple[str, Request]:
        """The host and the request. Raises EntryError."""
        if len(self.urls) != 1:
            found = "no URL" if not self.urls else f"{len(self.urls)} URLs ({', '.join(self.urls[:3])})"
            raise EntryError(f"the command has {found}", "write one command for each request, with one URL")
        url = self.urls[0]
        host, path = target(url if "://" in url or url.startswith("/") else f"http://{url}")
        body = ("" if self.json else "&").join(self.data)
        if self.get and self.data:
            path, body = f"{path}{'&' if '?' in path else '?'}{body}", ""
        with_body = bool(self.data) and not self.get
        given = list(self.headers)
        names = {name.lower() for name, _ in given} | self.removed
        if with_body and "content-type" not in names:
            given.append(("content-type", _JSON if self.json else _FORM))
        if self.json and "accept" not in names:
            given.append(("accept", _JSON))
        usual = "HEAD" if self.head else "POST" if with_body else "GET"
        return host, Request(method(self.method or usual), path, headers(given), body.encode("utf-8", "surrogatepass"))


def take(command: Command, word: str, rest: Iterator[str]) -> None:
    """Take an option, ``word``, and its value, which may be the next of ``rest``. Raises EntryError."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        _take_one(command, name, value if equals else None, rest)
        return
    letters = word[1:]
    while letters:
        name, letters = f"-{letters[0]}", letters[1:]
        if _takes_value(name):
            _take_one(command, name, letters or None, rest)
            return
        _take_one(command, name, None, rest)


def _takes_value(name: str) -> bool:
    return name in _WITH_VALUE or name in _IGNORED_WITH_VALUE or name in _REFUSED_WITH_VALUE


def _take_one(command: Command, name: str, value: str | None, rest: Iterator[str]) -> None:
    if name in _REFUSED:
        raise EntryError(f"{name} {_REFUSED[name][0]}", _REFUSED[name][1])
    if name in _FLAGS:
        _FLAGS[name](command)
        return
    if name in _IGNORED:
        return
    if not _takes_value(name):
        near = get_close_matches(name, [*_WITH_VALUE, *_FLAGS, *_IGNORED], n=1)
        remedy = f"did you mean {near[0]}?" if near else "leave it out if the request is the same without it"
        raise EntryError(f"unknown option {name}", remedy)
    given = next(rest, None) if value is None else value
    if given is None:
        raise EntryError(f"{name} lacks its value", "complete the command")
    if name in _WITH_VALUE:
        _WITH_VALUE[name](command, given)


def _header(command: Command, value: str) -> None:
    if value.startswith("@"):
        raise EntryError(f"-H {value}: a file of headers is not read", "write each header with its own -H")
    name, colon, content = value.partition(":")
    if colon and content.strip():
        command.headers.append((name, content))
    elif not colon and value.endswith(";"):
        command.headers.append((value[:-1], ""))
    elif colon:
        command.removed.add(name.strip().lower())
    else:
        raise EntryError(f"-H {value!r} is no header", "write -H 'NAME: VALUE'")


def _cookie(command: Command, value: str) -> None:
    if "=" not in value:
        raise EntryError(f"-b {value}: a file of cookies is not read", "write -b 'NAME=VALUE'")
    command.headers.append(("cookie", value))


def _credentials(command: Command, value: str) -> None:
    if ":" not in value:
        raise EntryError(f"-u {value!r} lacks the password", "write -u NAME:PASSWORD")
    command.headers.append(("authorization", f"Basic {base64.b64encode(value.encode()).decode()}"))


def _data(command: Command, value: str) -> None:
    if value.startswith("@"):
        raise EntryError(f"-d {value}: a file is not read", _INLINE)
    command.data.append(value)


def _json(command: Command, value: str) -> None:
    _data(command, value)
    command.json = True


def _encoded(command: Command, value: str) -> None:
    """``content``, ``=content`` and ``name=content``, as curl's manual says it of --data-urlencode."""
    name, equals, content = value.partition("=")
    if "@" in (name if equals else value):
        raise EntryError(f"--data-urlencode {value}: a file is not read", _INLINE)
    encoded = quote_plus(content if equals else value).replace("+", "%20")
    command.data.append(f"{name}={encoded}" if equals and name else encoded)


def _named(name: str) -> Callable[[Command, str], None]:
    return lambda command, value: command.headers.append((name, value))


def _set_method(command: Command, value: str) -> None:
    command.method = value


def _get(command: Command) -> None:
    command.get = True


def _head(command: Command) -> None:
    command.head = True


def _compressed(command: Command) -> None:
    command.headers.append(("accept-encoding", "deflate, gzip, br, zstd"))


_WITH_VALUE: Final[dict[str, Callable[[Command, str], None]]] = {
    **dict.fromkeys(("-X", "--request"), _set_method),
    **dict.fromkeys(("-H", "--header"), _header),
    **dict.fromkeys(("-d", "--data", "--data-ascii", "--data-binary"), _data),
    "--data-raw": lambda command, value: command.data.append(value),
    "--data-urlencode": _encoded,
    "--json": _json,
    **dict.fromkeys(("-u", "--user"), _credentials),
    "--oauth2-bearer": lambda command, value: command.headers.append(("authorization", f"Bearer {value}")),
    **dict.fromkeys(("-b", "--cookie"), _cookie),
    **dict.fromkeys(("-A", "--user-agent"), _named("user-agent")),
    **dict.fromkeys(("-e", "--referer"), _named("referer")),
    **dict.fromkeys(("-r", "--range"), lambda command, value: command.headers.append(("range", f"bytes={value}"))),
    "--url": lambda command, value: command.urls.append(value),
}
_FLAGS: Final[dict[str, Callable[[Command], None]]] = {
    **dict.fromkeys(("-G", "--get"), _get),
    **dict.fromkeys(("-I", "--head"), _head),
    "--compressed": _compressed,
}
_IGNORED: Final = frozenset(
    {"-s", "--silent", "-S", "--show-error", "-v", "--verbose", "-i", "--include", "--show-headers", "--raw"}
    | {"-f", "--fail", "--fail-with-body", "-g", "--globoff", "-L", "--location", "--path-as-is", "-O", "--remote-name"}
    | {"-N", "--no-buffer", "-#", "--progress-bar", "--no-progress-meter", "-k", "--insecure", "--basic"}
    | {"-0", "--http1.0", "--http1.1", "--http2", "--http2-prior-knowledge", "-4", "--ipv4", "-6", "--ipv6"}
)
"""They say how curl connects or prints."""
_IGNORED_WITH_VALUE: Final = frozenset(
    {"-o", "--output", "-w", "--write-out", "-D", "--dump-header", "-c", "--cookie-jar", "-m", "--max-time"}
    | {"--connect-timeout", "--retry", "--retry-delay", "--retry-max-time", "--max-redirs", "--limit-rate"}
    | {"--cacert", "--resolve", "--connect-to", "-x", "--proxy", "--keepalive-time"}
)
_UPLOAD: Final = ("sends a file, which is not read", _INLINE)
_MULTIPART: Final = ("makes a multipart body, which is not built here", "give this request as NDJSON with its body")
_TURNS: Final = ("takes two turns, and each request is asked by itself", "use -u alone (basic), or leave it out")
_REFUSED: Final = {
    **dict.fromkeys(("-F", "--form", "--form-string"), _MULTIPART),
    **dict.fromkeys(("-T", "--upload-file"), _UPLOAD),
    **dict.fromkeys(("--digest", "--ntlm", "--negotiate", "--anyauth"), _TURNS),
    **dict.fromkeys(("-K", "--config"), ("reads options from a file", "write them into the command")),
    **dict.fromkeys(("-:", "--next"), ("begins another request", "write it as a command of its own")),
}
_REFUSED_WITH_VALUE: Final = frozenset({"-F", "-T", "-K"})
