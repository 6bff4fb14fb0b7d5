"""Who may do what over the network: tokens and the sessions that they open.

A token is 256 random bits in text. At rest there is only its SHA-256: a slow hash protects what people choose and
others could guess, and nobody guesses 2**256 (https://cheatsheetseries.owasp.org/cheatsheets/
Cryptographic_Storage_Cheat_Sheet.html), while every request would pay for the slowness.
"""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SECRET_BYTES: Final = 32
ID_BYTES: Final = 6

NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,39}$"
"""What a token may be called: its name is the actor of what is done with it."""

_WRITTEN: Final = re.compile(r"abreast_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")


class Role(StrEnum):
    """What a token allows; each role may do all that the ones before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def covers(self, needed: "Role") -> bool:
        """Whether who has this role may do what takes the role ``needed``."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


ROLE_DOCS: Final = {
    Role.VIEWER: "reads",
    Role.OPERATOR: "also gives commands, accepts and reopens findings, records requests",
    Role.ADMIN: "also creates and revokes tokens, restarts the gateway, sees the testers' headers",
}


@dataclass(frozen=True)
class Token:
    """One token without its secret; times are Unix seconds, ``used_at`` is within the hour."""

    id: str
    name: str
    role: Role
    created_at: float
    created_by: str
    expires_at: float | None = None
    used_at: float | None = None

    def expired(self, now: float) -> bool:
        """Whether it is past its time."""
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True)
class Session:
    """A browser that is signed in until ``expires_at``; ``token`` is the id of the token, None for a link."""

    name: str
    role: Role
    expires_at: float
    token: str | None = None


def written(id_: str, secret: str) -> str:
    """The token as its holder gets it: recognisable for scanners of secrets, with its id in clear."""
    return f"abreast_{id_}_{secret}"


def token_id(text: str) -> str | None:
    """The id of a token in text; None for what cannot be one."""
    found = _WRITTEN.fullmatch(text)
    return found[1] if found else None


def digest(secret: str) -> str:
    """What is kept of a secret of 256 random bits: its SHA-256 in hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
