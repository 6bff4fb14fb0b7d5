"""Agents: processes that keep something running away from any server and do what the servers tell them.

An agent comes in once by a *join token* and gets a certificate; what stands in it is its *enrolment*.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"
"""What an agent may be called."""

_LAST_PORT: Final = 65_535

_ADDRESS: Final = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})")

_WRITTEN: Final = re.compile(r"abreast-join_([0-9a-f]{12})_([A-Za-z0-9_-]{43})_([0-9a-f]{64})")


RELAY_NAME: Final = "abreast-relay"
"""The DNS name in the certificate of every relay of a fleet, wherever it runs."""


class AgentKind(StrEnum):
    """What an agent keeps running."""

    GATEWAY = "gateway"
    RELAY = "relay"


@dataclass(frozen=True, order=True)
class AgentName:
    """One agent of a service: ``gateway/g1``."""

    kind: AgentKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True)
class Enrolment:
    """What a certificate says: whose it is, of which service, and by which joining (``id``): the newest counts."""

    agent: AgentName
    service: str
    id: str


@dataclass(frozen=True)
class JoinToken:
    """Lets one agent in, once. ``authority`` is the SHA-256 of the certificate that the servers' are signed with."""

    id: str
    secret: str
    authority: str

    def __str__(self) -> str:
        return f"abreast-join_{self.id}_{self.secret}_{self.authority}"

    def __repr__(self) -> str:
        return f"JoinToken({self.id})"

    @classmethod
    def parse(cls, text: str) -> "JoinToken | None":
        """The token in text; None for what cannot be one."""
        found = _WRITTEN.fullmatch(text)
        return cls(*found.groups()) if found else None


@dataclass(frozen=True)
class Presence:
    """An agent at the end of one connection: ``identity`` is of its present start, ``number`` of the connection.

    Numbers of one start grow: what is heard by an older connection is older.
    """

    enrolment: Enrolment
    identity: str
    number: int


@dataclass(frozen=True)
class ServerAddress:
    """Where a server takes agents: a host's name or IP address."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> "ServerAddress | None":
        """The address in ``HOST:PORT``; None for what is none."""
        found = _ADDRESS.fullmatch(text)
        if found is None or not 0 < int(found[3]) <= _LAST_PORT:
            return None
        return cls(found[1] or found[2], int(found[3]))


@dataclass(frozen=True, order=True)
class Position:
    """How far the record had come: a rollout's number and its revision. What has a later one is newer."""

    rollout: int
    revision: int
