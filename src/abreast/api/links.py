"""Links that sign a browser in, once."""

import secrets
from typing import Final

from abreast.model.token import SECRET_BYTES, Role, Session, digest
from abreast.operations.tokens import SESSION_S
from abreast.ports import Clock

LINK_S: Final = 3600.0
"""A link that was printed and never opened is good for so long."""

MOST_LINKS: Final = 100


class Links:
    """The links that nobody has opened yet: only their hashes, and gone with the control plane."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[str, tuple[str, float]] = {}

    def make(self, name: str) -> str:
        """The secret of a new link, which signs in as an operator of that name."""
        secret = secrets.token_urlsafe(SECRET_BYTES)
        self._open[digest(secret)] = (name, self._clock.now() + LINK_S)
        while len(self._open) > MOST_LINKS:
            self._open.pop(next(iter(self._open)))
        return secret

    def redeem(self, secret: str) -> Session | None:
        """The session that the link is good for, once; None for what is no link, was opened or is too old."""
        name, until = self._open.pop(digest(secret), ("", 0.0))
        now = self._clock.now()
        return Session(name, Role.OPERATOR, now + SESSION_S) if until > now else None
