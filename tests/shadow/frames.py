"""Frames as the gateway sends them, and orders as the control plane gives them."""

from dataclasses import replace

from abreast.compare.model import Answer, Headers, Request
from abreast.model.service import Endpoint
from abreast.model.shadow import ShadowPolicy
from abreast.shadow.order import Arm, Order

NOWHERE = Endpoint("127.0.0.1", 9)
JSON: Headers = (("content-type", "application/json"),)


def order(
    *, stable: tuple[Endpoint, ...] = (NOWHERE,), candidate: tuple[Endpoint, ...] = (NOWHERE,), **policy: object
) -> Order:
    """v1 against v2."""
    wanted = replace(ShadowPolicy(), **policy)  # type: ignore[arg-type] # a test's own choice of fields
    return Order(
        1, Arm("v1", "http1", stable), Arm("v2", "http1", candidate), wanted, signing_key="key", redaction_salt="salt"
    )


def frame(
    request: Request | None = None,
    answer: Answer | None = None,
    *,
    upstream: str = "v1 127.0.0.1:9",
    id_text: str = "id-1",
    flags: str = "-",
) -> bytes:
    """A frame of the form that `abreast.shadow.capture` describes."""
    asked = request or Request("GET", "/")
    answered = answer or Answer(200, JSON, b"{}")
    head = lines(
        ((":method", asked.method), (":path", asked.path), (":authority", "shop.test"), ("x-request-id", id_text)),
        asked.headers,
    )
    answer_head = lines(((":status", str(answered.status)), ("x-abreast-upstream", upstream)), answered.headers)
    parts = [head, asked.body, answer_head, answered.body, lines(answered.trailers)]
    return joined(*parts, flags=flags)


def joined(*parts: bytes, flags: str = "-") -> bytes:
    """The first line and the parts."""
    lengths = " ".join(str(len(part)) for part in parts)
    return f"abreast1 {lengths} {flags}\n".encode() + b"".join(parts)


def lines(*headers: Headers) -> bytes:
    """A head."""
    return "".join(f"{name}: {value}\n" for some in headers for name, value in some).encode("latin-1")
