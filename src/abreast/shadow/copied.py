"""A user's request as it is sent once more: the same but for what belongs to a connection or to the gateway."""

from typing import Final

from abreast.compare.model import Request
from abreast.shadow import signing

# RFC 9110, 7.6.1, and the lengths and expectations that the client settles anew.
_OF_THE_CONNECTION: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_OF_THE_GATEWAY: Final = ("x-abreast-", "x-envoy-")
_IDEMPOTENCY_KEY: Final = "idempotency-key"


def copied(request: Request, signing_key: str, at: int) -> Request:
    """The copy, signed; ``at`` in Unix seconds.

    Conditions (``if-none-match``) stay as they are. The idempotency key gets a prefix: a service that keeps keys must
    not take the copy for the user's own request, nor the other way round.
    """
    named = {
        word.strip().lower() for name, value in request.headers if name == "connection" for word in value.split(",")
    }
    headers = [
        (name, f"shadow-{value}" if name == _IDEMPOTENCY_KEY else value)
        for name, value in request.headers
        if name not in _OF_THE_CONNECTION and name not in named and not name.startswith(_OF_THE_GATEWAY)
    ]
    headers.append((signing.HEADER, signing.token(signing_key, at, request.method, request.path)))
    return Request(request.method, request.path, tuple(headers), request.body)
