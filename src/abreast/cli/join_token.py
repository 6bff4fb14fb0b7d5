"""``abreast join-token``: lets a gateway join the fleet, or sends it away."""

import json
import re
import sys
from typing import Annotated

import typer

from abreast.cli.client import Client
from abreast.cli.options import DEFAULT_FILE, AsJson, SpecFile
from abreast.model.agent import NAME_PATTERN, AgentKind
from abreast.model.errors import UsageError
from abreast.model.units import parse_duration


def join_token(
    name: Annotated[str, typer.Argument(help="what the gateway is called")],
    *,
    kind: Annotated[AgentKind, typer.Option("--kind", help="what shall join")] = AgentKind.GATEWAY,
    expires: Annotated[str, typer.Option("--expires", help="after so long it lets nobody in")] = "1h",
    revoke: Annotated[bool, typer.Option("--revoke", help="instead: end its certificate and unused tokens")] = False,
    file: SpecFile = DEFAULT_FILE,
    as_json: AsJson = False,
) -> None:
    """Print a token that lets one gateway join the fleet, once: give it to abreast gateway.

    Asked beside any server. It is shown this once; only its hash is kept.
    """
    if not re.fullmatch(NAME_PATTERN[1:-1], name):
        raise UsageError(f"{name!r} is no name", "1 to 40 letters, digits and . _ -, a letter or digit first")
    client = Client(file)
    if revoke:
        said = client.post(f"/agents/{kind}/{name}/revoke", {})["message"]
        sys.stdout.write(f"{said}\n")
        return
    made = client.post("/join-tokens", {"kind": kind, "name": name, "valid_s": _seconds(expires)})
    if as_json:
        sys.stdout.write(json.dumps(made, indent=2) + "\n")
        return
    sys.stderr.write(f"it lets {kind}/{name} in, once, within {expires}; it is shown this once:\n")
    sys.stdout.write(f"{made['token']}\n")


def _seconds(expires: str) -> float:
    try:
        valid_s = parse_duration(expires)
    except ValueError as error:
        raise UsageError(f"--expires: {error}", "such as: --expires 1h") from None
    if valid_s <= 0:
        raise UsageError(f"--expires: {expires} is over at once", "such as: --expires 1h")
    return valid_s
