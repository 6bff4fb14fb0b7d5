"""``abreast gateway``: an Envoy apart from any server, in the foreground."""

from pathlib import Path
from typing import Annotated

import typer

from abreast.cli.agent import agent_name, foreground, listen_address, say, server_address, token_of
from abreast.model.agent import AgentKind
from abreast.model.errors import UsageError
from abreast.model.service import Tls


def gateway(
    *,
    name: Annotated[str, typer.Option("--name", help="what it is called: as its join token says")],
    server: Annotated[
        list[str], typer.Option("--server", help="HOST:PORT of a server's --link; repeat it, one of them is enough")
    ],
    token: Annotated[
        str, typer.Option("--token", envvar="ABREAST_JOIN_TOKEN", help="of abreast join-token, for the first start")
    ] = "",
    token_file: Annotated[Path | None, typer.Option("--token-file", help="a file with the token")] = None,
    state: Annotated[Path | None, typer.Option("--state", help="its directory; by default .abreast-NAME here")] = None,
    listen: Annotated[str, typer.Option("--listen", help="IP:PORT for users, instead of the spec's")] = "",
    certificate: Annotated[
        Path | None, typer.Option("--certificate", help="for users, instead of the spec's; PEM")
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", help="the certificate's key; PEM")] = None,
) -> None:
    """Run a gateway apart from any server, in the foreground; the servers tell it what to do.

    While none of them answers it goes on as it was told last, also when it is started anew. Ctrl-C or SIGTERM drains
    and ends it.
    """
    from abreast.app.gateway import Plan, run_gateway

    if (certificate is None) != (key is None):
        raise UsageError("--certificate and --key come together", "name both, or none")
    home = state or Path(f".abreast-{name}")
    plan = Plan(
        agent=agent_name(AgentKind.GATEWAY, name),
        servers=tuple(map(server_address, server)),
        state=home,
        token=token_of(token, token_file, home),
        listen=listen_address(listen) if listen else None,
        tls=Tls(str(certificate.resolve()), str(key.resolve())) if certificate and key else None,
    )
    foreground(lambda stop: run_gateway(plan, say, stop))
