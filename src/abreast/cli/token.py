"""``abreast token``: who may use the API over the network."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from abreast.cli.client import Client, user
from abreast.cli.fleet_store import in_fleet_store
from abreast.cli.options import DEFAULT_FILE, AsJson, FleetStore, SpecFile
from abreast.cli.terminal import moment
from abreast.model.errors import NotRunningError, UsageError
from abreast.model.token import NAME_PATTERN, ROLE_DOCS, Role
from abreast.model.units import parse_duration

if TYPE_CHECKING:
    from abreast.operations.tokens import TokenDesk
    from abreast.store.sql import SqlStore

app: Final = typer.Typer(
    help="Create, list and revoke the tokens of the API.", no_args_is_help=True, add_completion=False
)

Name = Annotated[str, typer.Argument(help="what the token is called: the actor of what is done with it")]

T = TypeVar("T")

_ROLES: Final = "; ".join(f"{role}: {text}" for role, text in ROLE_DOCS.items())


@app.command()
def create(
    name: Name,
    *,
    role: Annotated[str, typer.Option("--role", help=_ROLES)],
    expires: Annotated[str, typer.Option("--expires", help="after so long it opens nothing, such as 90d")] = "",
    store: FleetStore = "",
    file: SpecFile = DEFAULT_FILE,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, this once; only its hash is kept."""
    valid_s = _asked(name, role, expires)

    async def work(desk: "TokenDesk") -> dict[str, Any]:
        from abreast.operations import tokens

        created = await tokens.create(desk, name, Role(role), user(), valid_s)
        return {"token": asdict(created.token), "secret": created.secret}

    asked: dict[str, object] = {"name": name, "role": role, "valid_s": valid_s}
    made = _done(store, file, lambda client: client.post("/tokens", asked), work)
    if as_json:
        sys.stdout.write(json.dumps(made, indent=2) + "\n")
        return
    until = made["token"]["expires_at"]
    end = f"until {moment(until)}" if until else "until it is revoked"
    sys.stderr.write(f"{name} is a token of the role {role}, {end}; it is shown this once:\n")
    sys.stdout.write(f"{made['secret']}\n")


@app.command("list")
def list_(*, store: FleetStore = "", file: SpecFile = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """Show every token: its role, who made it, and when it was used last (to the hour)."""

    async def work(desk: "TokenDesk") -> list[dict[str, Any]]:
        from abreast.operations import tokens

        return [asdict(each) for each in await tokens.listed(desk)]

    rows = _done(store, file, lambda client: client.get("/tokens"), work)
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    if not rows:
        sys.stdout.write("there is no token; make one with: abreast token create NAME --role viewer\n")
    for row in rows:
        used = f"used {moment(row['used_at'])[:-6]} h" if row["used_at"] else "never used"
        until = f"until {moment(row['expires_at'])}" if row["expires_at"] else "no end"
        made = f"made {moment(row['created_at'])} by {row['created_by']}"
        sys.stdout.write(f"{row['name']:<20} {row['role']:<8}  {until:<25}  {used:<24}  {made}\n")


@app.command()
def revoke(name: Name, *, store: FleetStore = "", file: SpecFile = DEFAULT_FILE) -> None:
    """End a token at once, and sign out who came in with it."""
    _require_name(name)

    async def work(desk: "TokenDesk") -> str:
        from abreast.operations import tokens

        return await tokens.revoke(desk, name, user())

    said = _done(store, file, lambda client: client.post(f"/tokens/{name}/revoke", {})["message"], work)
    sys.stdout.write(f"{said}\n")


def _asked(name: str, role: str, expires: str) -> float | None:
    """How long it is to be valid, in seconds. Raises UsageError."""
    _require_name(name)
    if role not in list(Role):
        raise UsageError(f"--role: there is no role {role!r}", f"one of: {', '.join(Role)}")
    if not expires:
        return None
    try:
        valid_s = parse_duration(expires)
    except ValueError as error:
        raise UsageError(f"--expires: {error}", "such as: --expires 90d") from None
    if valid_s <= 0:
        raise UsageError(f"--expires: {expires} is over at once", "such as: --expires 90d")
    return valid_s


def _require_name(name: str) -> None:
    if not re.fullmatch(NAME_PATTERN[1:-1], name):
        raise UsageError(
            f"{name!r} is no name of a token", "1 to 40 letters, digits and . _ @ -, a letter or digit first"
        )


def _done(store: str, file: Path, ask: Callable[[Client], T], work: Callable[["TokenDesk"], Awaitable[T]]) -> T:
    """What a control plane answers; or ``work``, done in a fleet's store, or in that beside the spec if none runs.

    Raises NotRunningError and others of the client's; AlreadyRunningError, SpecError, UsageError, StoreError.
    """
    if store:
        return in_fleet_store(store, file, lambda opened, service: work(_desk(opened, service)))
    client = Client(file)
    try:
        return ask(client)
    except NotRunningError:
        if client.remote:
            raise
        return _alone(file, work)


def _alone(file: Path, work: Callable[["TokenDesk"], Awaitable[T]]) -> T:
    """Do it in the store of ``abreast up``, while none holds it. Raises AlreadyRunningError, SpecError, StoreError."""
    from abreast.spec_source import load_spec
    from abreast.state_dir import StateDir
    from abreast.store.sqlite import open_store

    async def done(service: str, path: Path) -> T:
        store = await open_store(path)
        try:
            return await work(_desk(store, service))
        finally:
            await store.close()

    service = load_spec(file).service().name
    state = StateDir.beside(file.resolve().parent)
    state.make()
    lock = state.lock()
    try:
        return asyncio.run(done(service, state.store))
    finally:
        os.close(lock)


def _desk(store: "SqlStore", service: str) -> "TokenDesk":
    from abreast.clock import SystemClock
    from abreast.operations.tokens import TokenDesk
    from abreast.store.tokens import SqlTokens

    return TokenDesk(SqlTokens(store), SystemClock(), service)
