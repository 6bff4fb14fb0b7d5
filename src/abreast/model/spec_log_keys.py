"""The keys that say what is written down of users' requests, and what they have against the rest of a spec."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from ipaddress import ip_address
from pathlib import PurePosixPath
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from abreast.model.document import Path
from abreast.model.secret_names import HEADERS
from abreast.model.service import ACCESS_LOG, AccessLog, Endpoint, Traces
from abreast.model.spec_conflict import Conflict
from abreast.model.spec_entry import Keys, entry, many, written_share
from abreast.model.spec_values import Written, address, choice, line, refuse, share, show

ACCESS: Final[Path] = ("logs", "access")
TRACES_OTLP: Final[Path] = ("traces", "otlp")
REDACT: Final[Path] = ("rollout", "gates", "differences", "redact")
LISTEN: Final[Path] = ("gateway", "listen")
HEADER_PATTERN: Final = r"^[!#$&'*+.^_`|~0-9A-Za-z-]+$"
"""A header's name (RFC 9110) without %, which Envoy's formats use for themselves."""

_OWN: Final = PurePosixPath(ACCESS_LOG).parts[0]


def logged_header() -> Written:
    """The name of a request header that may be written down; in lower case."""

    def read(found: object) -> str:
        if not isinstance(found, str) or not re.fullmatch(HEADER_PATTERN[1:-1], found):
            refuse(f"{show(found)} is no name of a header", "write one such as x-tenant")
        name = found.lower()
        if any(fnmatchcase(name, glob) for glob in HEADERS):
            refuse(f"{show(found)} holds a secret: it is never written down", "remove it")
        return name

    return Written(read, {"type": "string", "pattern": HEADER_PATTERN, "examples": ["x-tenant"]})


def _something(found: object) -> object:
    """Refuse a key with nothing under it, which could mean the defaults or that it is off."""
    if found is None:
        refuse("nothing is written under this key", "write `{}` for the defaults, or remove the key to turn it off")
    return found


SOMETHING: Final = BeforeValidator(_something)


class AccessLogKeys(Keys):
    """A line for each of users' requests, written by the gateway. Those that fail are always written."""

    file: Annotated[str | None, line("a path")] = entry(
        "file that lines of JSON are appended to, relative to the spec's directory; "
        f"left out: {ACCESS_LOG}, unless `otlp` is there",
        None,
    )
    otlp: Annotated[Endpoint | None, address()] = entry(
        "address of a collector that takes OpenTelemetry's protocol over gRPC, without TLS", None
    )
    sample: Annotated[int, share()] = entry(
        "share of the requests that are written; those that fail are in any case",
        AccessLog.sample,
        written_share(AccessLog.sample),
    )
    headers: tuple[Annotated[str, logged_header()], ...] = many("request headers that are written too")
    query: Annotated[Literal["keep", "redact", "drop"], choice("keep", "redact", "drop")] = entry(
        "parameters with their values, by their names alone, or not at all", AccessLog.query
    )


class LogsKeys(Keys):
    """What is written down."""

    access: Annotated[AccessLogKeys | None, SOMETHING] = Field(
        default=None, description="a line for each request; left out: none"
    )


class TracesKeys(Keys):
    """The gateway's spans, one for each request and one for each attempt, marked with the version."""

    otlp: Annotated[Endpoint, address()] = Field(
        description="address of a collector that takes OpenTelemetry's protocol over gRPC, without TLS"
    )
    sample: Annotated[int, share()] = entry(
        "share of the traces that begin at the gateway; of others their beginning has decided",
        Traces.sample,
        written_share(Traces.sample),
    )


def log_conflicts(
    logs: LogsKeys, traces: TracesKeys | None, redact: tuple[str, ...], gateway: Endpoint
) -> Iterator[Conflict]:
    """What logs and traces have against each other, what is redacted, and the gateway's own address."""
    access = logs.access
    if traces is not None:
        yield from _looping(TRACES_OTLP, traces.otlp, gateway)
    if access is None:
        return
    if access.otlp is not None:
        yield from _looping((*ACCESS, "otlp"), access.otlp, gateway)
    if access.file is not None:
        yield from _misplaced(access.file)
    secret = [place.removeprefix("header:") for place in redact if place.startswith("header:")]
    for index, name in enumerate(access.headers):
        path: Path = (*ACCESS, "headers", index)
        if name in access.headers[:index]:
            yield Conflict(path, f"{name!r} is here twice", "keep one of the two")
        if any(fnmatchcase(name, glob) for glob in secret):
            message = f"{name!r} is redacted by rollout.gates.differences.redact: it is never written down"
            yield Conflict(path, message, "remove it from one of the two", (REDACT,))


def _looping(path: Path, otlp: Endpoint, gateway: Endpoint) -> Iterator[Conflict]:
    """The gateway would be a user of itself, and write of each of its own messages."""
    host, near = ip_address(gateway.host), ip_address(otlp.host)
    here = host == near or (host.is_unspecified and (near.is_loopback or near.is_unspecified))
    if otlp.port == gateway.port and here:
        yield Conflict(path, f"{otlp} is the gateway's own address", "write where the collector listens", (LISTEN,))


def _misplaced(file: str) -> Iterator[Conflict]:
    path = PurePosixPath(file)
    if path.parts[:1] == (_OWN,) and path != PurePosixPath(ACCESS_LOG):
        message = f"{file!r} is in abreast's own directory"
        yield Conflict((*ACCESS, "file"), message, f"remove it for {ACCESS_LOG}, or write a file elsewhere")
