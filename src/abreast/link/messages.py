"""What agents and servers say to each other: small JSON documents over a websocket, one a message.

An agent that has no certificate yet says `AskAuthority` and `Join`, each on a connection of its own; every other
begins with `Hello`, which is answered with `Welcome` or `Refused`.
"""

from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter

from abreast.model.agent import AgentName, Position
from abreast.model.service import Endpoint, Version
from abreast.model.traffic import Backend, Traffic
from abreast.nodes.second import NodeSecond
from abreast.rollout.observed import NodeState

PROTOCOL: Final = 1
"""Changes when one end would misunderstand the other; fields that are not known are passed over."""

Reason = Literal["protocol", "token", "enrolment", "taken", "request", "store"]
"""Why an agent is refused. ``taken``: another has its name; ``request``: it makes no sense; ``store``: it is away."""


@dataclass(frozen=True)
class AskAuthority:
    """Of which authority are the servers' certificates? All that is said to a server that is not trusted yet."""

    kind: Literal["ask-authority"] = "ask-authority"


@dataclass(frozen=True)
class Authority:
    """Its certificate (PEM), to be compared with the token."""

    certificate: str
    kind: Literal["authority"] = "authority"


@dataclass(frozen=True)
class Join:
    """Let me in: ``request`` is a signing request (PEM) for a key that stays with the agent."""

    agent: AgentName
    token: str = field(repr=False)
    request: str
    protocol: int = PROTOCOL
    kind: Literal["join"] = "join"


@dataclass(frozen=True)
class Admitted:
    """The agent's certificate (PEM), by `Join` or `Renew`."""

    certificate: str
    kind: Literal["admitted"] = "admitted"


@dataclass(frozen=True)
class Renew:
    """A certificate like the present one, for later."""

    request: str
    kind: Literal["renew"] = "renew"


@dataclass(frozen=True)
class Refused:
    """Not so, and why; the server closes the connection."""

    reason: Reason
    message: str
    remedy: str
    kind: Literal["refused"] = "refused"


@dataclass(frozen=True)
class Hello:
    """Here is an agent. ``identity`` is of this one start; ``connection`` grows with each connection of it.

    ``position`` is how far it obeys; None when it was never told anything. ``address`` is where a relay takes copies.
    """

    identity: str
    connection: int
    position: Position | None = None
    address: Endpoint | None = None
    protocol: int = PROTOCOL
    kind: Literal["hello"] = "hello"


@dataclass(frozen=True)
class Welcome:
    """The server's name, and whether it sees the store; one that does is to be preferred."""

    server: str
    current: bool
    kind: Literal["welcome"] = "welcome"


@dataclass(frozen=True)
class Standing:
    """From now on the server sees the store, or does not any more."""

    current: bool
    kind: Literal["standing"] = "standing"


@dataclass(frozen=True)
class Tell:
    """What the gateway shall do from now on."""

    traffic: Traffic
    position: Position
    kind: Literal["tell"] = "tell"


@dataclass(frozen=True)
class Report:
    """What the agent's Envoys obey: whenever that changes, and once a second."""

    nodes: tuple[NodeState, ...]
    kind: Literal["report"] = "report"


@dataclass(frozen=True)
class Question:
    """Asked of a relay, as its control plane asks one of its own machine by HTTP; ``number`` is of this connection."""

    number: int
    method: str
    target: str
    body: str = field(default="", repr=False)
    kind: Literal["question"] = "question"


@dataclass(frozen=True)
class Reply:
    """The answer to the `Question` of that number."""

    number: int
    status: int
    body: str = field(default="", repr=False)
    kind: Literal["reply"] = "reply"


@dataclass(frozen=True)
class Counted:
    """Seconds that its gateway has counted (`NodeSecond.as_json`); ``now`` is what the agent's clock shows.

    After each connecting those of two minutes come again: a server that was lost may not have passed them on.
    """

    seconds: tuple[dict[str, Any], ...]
    now: float
    kind: Literal["counted"] = "counted"

    def read(self, node: str) -> list[NodeSecond]:
        """The seconds, as that node's. Raises ValueError, TypeError, KeyError, IndexError or AttributeError."""
        return [replace(NodeSecond.from_json(each), node=node) for each in self.seconds]


@dataclass(frozen=True)
class Leave:
    """The agent ends in order; answered with `Left`."""

    kind: Literal["leave"] = "leave"


@dataclass(frozen=True)
class Left:
    """It is not counted on any more."""

    kind: Literal["left"] = "left"


FromAgent = Annotated[
    AskAuthority | Join | Renew | Hello | Report | Counted | Reply | Leave, Field(discriminator="kind")
]
FromServer = Annotated[
    Authority | Admitted | Refused | Welcome | Standing | Tell | Question | Left, Field(discriminator="kind")
]

_FROM_AGENT: Final[TypeAdapter[FromAgent]] = TypeAdapter(FromAgent)
_FROM_SERVER: Final[TypeAdapter[FromServer]] = TypeAdapter(FromServer)


def by_agent(message: FromAgent) -> str:
    """The message as text."""
    return _FROM_AGENT.dump_json(message).decode()


def by_server(message: FromServer) -> str:
    """The message as text."""
    return _FROM_SERVER.dump_json(message).decode()


def of_agent(text: str | bytes) -> FromAgent:
    """The message in text. Raises ValueError."""
    return _FROM_AGENT.validate_json(text)


def of_server(text: str | bytes) -> FromServer:
    """The message in text. Raises ValueError."""
    return _FROM_SERVER.validate_json(text)


def told_abroad(traffic: Traffic) -> Traffic:
    """What an agent's gateway is told of it: how versions are run is not its affair.

    Nothing is copied there unless there are relays elsewhere, for it has none of its own.
    """
    candidate = _bare(traffic.candidate) if traffic.candidate else None
    bare = replace(traffic, stable=_bare(traffic.stable), candidate=candidate)
    return bare if traffic.relays else replace(bare, split=replace(traffic.split, shadow=None), recording=None)


def _bare(backend: Backend) -> Backend:
    version = backend.version
    routed = Version(
        version.name,
        endpoints=version.endpoints,
        ready=version.ready,
        protocol=version.protocol,
        timeout_s=version.timeout_s,
        keep_alive_s=version.keep_alive_s,
        max_connections=version.max_connections,
        max_requests=version.max_requests,
    )
    return replace(backend, version=routed)
