r"""The token that marks a copied request, so that the service can tell it from a user's: ``x-abreast-shadow``.

``v1.<unix seconds>.<hex of HMAC-SHA-256 over "v1\n<unix seconds>\n<METHOD>\n<path>">``, the path as sent, with its
query. A service that was given the key can check that the header is ours and fresh; the gateway strips it from
users' requests.
"""

import hashlib
import hmac
from typing import Final

HEADER: Final = "x-abreast-shadow"
FRESH_S: Final = 300
"""How far a token's time may be from the checker's clock, in seconds."""

_FORM: Final = "v1"
_PARTS: Final = 3


def token(key: str, at: int, method: str, path: str) -> str:
    """The header's value for one request; ``at`` in Unix seconds."""
    return f"{_FORM}.{at}.{_digest(key, at, method, path)}"


def is_genuine(key: str, value: str, method: str, path: str, now: float) -> bool:
    """Whether ``value`` is a token for this request that somebody with the key made less than `FRESH_S` ago."""
    parts = value.split(".")
    if len(parts) != _PARTS or parts[0] != _FORM or not (parts[1].isascii() and parts[1].isdecimal()):
        return False
    at = int(parts[1])
    genuine = hmac.compare_digest(_digest(key, at, method, path).encode(), parts[2].encode())
    return genuine and abs(now - at) <= FRESH_S


def _digest(key: str, at: int, method: str, path: str) -> str:
    signed = f"{_FORM}\n{at}\n{method}\n{path}"
    return hmac.new(key.encode(), signed.encode("latin-1", "replace"), hashlib.sha256).hexdigest()
