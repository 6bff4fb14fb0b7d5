"""``abreast join-token``: lets a gateway join the fleet, or sends it away."""

import json
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from abreast.cli.client import Client, user
from abreast.cli.fleet_store import in_fleet_store
from abreast.cli.options import DEFAULT_FILE, AsJson, FleetStore, SpecFile
from abreast.model.agent import NAME_PATTERN, AgentKind, AgentName
from abreast.model.errors import UsageError
from abreast.model.units import parse_duration

if TYPE_CHECKING:
    from abreast.operations.joins import JoinDesk
    from abreast.store.sql import SqlStore

T = TypeVar("T")


def join_token(
    name: Annotated[str, typer.Argument(help="what the gateway is called")],
    *,
    kind: Annotated[AgentKind, typer.Option("--kind", help="what shall join")] = AgentKind.GATEWAY,
    expires: Annotated[str, typer.Option("--expires", help="after so long it lets nobody in")] = "1h",
    revoke: Annotated[bool, typer.Option("--revoke", help="instead: end its certificate and unused tokens")] = False,
    store: FleetStore = "",
    file: SpecFile = DEFAULT_FILE,
    as_json: AsJson = False,
) -> None:
    """Print a token that lets one gateway join the fleet, once: give it to abreast gateway.

    Asked beside any server, or with --store where none runs. It is shown this once; only its hash is kept.
    """
    if not re.fullmatch(NAME_PATTERN[1:-1], name):
        raise UsageError(f"{name!r} is no name", "1 to 40 letters, digits and . _ -, a letter or digit first")
    agent = AgentName(kind, name)
    if revoke:
        sys.stdout.write(f"{_revoked(agent, store, file)}\n")
        return
    made = _made(agent, _seconds(expires), store, file)
    if as_json:
        sys.stdout.write(json.dumps(made, indent=2) + "\n")
        return
    sys.stderr.write(f"it lets {agent} in, once, within {expires}; it is shown this once:\n")
    sys.stdout.write(f"{made['token']}\n")


def _made(agent: AgentName, valid_s: float, store: str, file: Path) -> dict[str, Any]:
    """A join token, as the API tells of it."""
    if not store:
        asked = {"kind": agent.kind, "name": agent.name, "valid_s": valid_s}
        made: dict[str, Any] = Client(file).post("/join-tokens", asked)
        return made
    from abreast.operations import joins

    invited = _in_store(store, file, lambda desk: joins.invite(desk, agent, user(), valid_s))
    return {"kind": agent.kind, "name": agent.name, "token": invited.token, "expires_at": invited.expires_at}


def _revoked(agent: AgentName, store: str, file: Path) -> str:
    if not store:
        said: str = Client(file).post(f"/agents/{agent}/revoke", {})["message"]
        return said
    from abreast.operations import joins

    return _in_store(store, file, lambda desk: joins.revoke(desk, agent, user()))


def _in_store(store: str, file: Path, work: Callable[["JoinDesk"], Awaitable[T]]) -> T:
    """Do what a server would, in the store itself. Raises SpecError, UsageError, StoreError."""
    from abreast.app.joining import fleet_authority
    from abreast.clock import SystemClock
    from abreast.operations.joins import JoinDesk
    from abreast.store.agents import SqlAgents

    async def done(opened: "SqlStore", service: str) -> T:
        clock = SystemClock()
        authority = await fleet_authority(opened, clock.now())
        return await work(JoinDesk(SqlAgents(opened, service), authority.fingerprint, clock))

    return in_fleet_store(store, file, done)


def _seconds(expires: str) -> float:
    try:
        valid_s = parse_duration(expires)
    except ValueError as error:
        raise UsageError(f"--expires: {error}", "such as: --expires 1h") from None
    if valid_s <= 0:
        raise UsageError(f"--expires: {expires} is over at once", "such as: --expires 1h")
    return valid_s
