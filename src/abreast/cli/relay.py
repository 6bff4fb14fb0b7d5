"""``abreast relay``: compares copies of requests for a fleet, in the foreground."""

from pathlib import Path
from typing import Annotated

import typer

from abreast.cli.agent import agent_name, foreground, listen_address, say, server_address, token_of
from abreast.model.agent import AgentKind
from abreast.model.errors import UsageError


def relay(
    *,
    name: Annotated[str, typer.Option("--name", help="what it is called: as its join token says")],
    server: Annotated[
        list[str], typer.Option("--server", help="HOST:PORT of a server's --link; repeat it, name all of them")
    ],
    listen: Annotated[str, typer.Option("--listen", help="IP:PORT where gateways bring copies, by mutual TLS")],
    address: Annotated[
        str, typer.Option("--address", help="IP:PORT where gateways reach it, if that is not --listen")
    ] = "",
    token: Annotated[
        str, typer.Option("--token", envvar="ABREAST_JOIN_TOKEN", help="of abreast join-token, for the first start")
    ] = "",
    token_file: Annotated[Path | None, typer.Option("--token-file", help="a file with the token")] = None,
    state: Annotated[Path | None, typer.Option("--state", help="its directory; by default .abreast-NAME here")] = None,
) -> None:
    """Run a relay apart from any gateway, in the foreground: it asks the versions, and compares what they answer.

    Once one is connected, all gateways of the fleet bring their copies to relays like it. Ctrl-C or SIGTERM ends it
    once what it holds is decided.
    """
    from abreast.app.relay import RelayPlan, run_relay

    own = listen_address(listen)
    there = listen_address(address, "--address") if address else own
    if there.host in {"0.0.0.0", "::"}:  # noqa: S104  # nothing listens there: it is refused
        message = f"gateways cannot reach {there}: that is every address, and none"
        raise UsageError(f"--listen: {message}", "name the address that they reach it by: --address IP:PORT")
    home = state or Path(f".abreast-{name}")
    plan = RelayPlan(
        agent=agent_name(AgentKind.RELAY, name),
        servers=tuple(map(server_address, server)),
        state=home,
        listen=own,
        address=there,
        token=token_of(token, token_file, home),
    )
    foreground(lambda stop: run_relay(plan, say, stop))
