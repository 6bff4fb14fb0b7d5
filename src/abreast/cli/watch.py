"""``abreast status``, once, watched, or waited for."""

import contextlib
import json
import sys
import time
from collections.abc import Callable
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from abreast.cli.client import Client
from abreast.cli.options import DEFAULT_FILE, AsJson, SpecFile, Timeout, Wait
from abreast.cli.status_view import change, lines
from abreast.cli.wait import Patience, wait_for_rest

REFRESH_S: Final = 0.5


def status(
    *,
    file: SpecFile = DEFAULT_FILE,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="keep showing it until Ctrl-C")] = False,
    wait: Wait = False,
    timeout: Timeout = "24h",
    as_json: AsJson = False,
) -> None:
    """Show where the rollout is. Exit code: 0 healthy, 3 progressing, 4 paused, 5 rolled back, 1 error."""
    client = Client(file)
    if wait:
        state = wait_for_rest(client, Patience.of(timeout, quiet=as_json))
    elif watch:
        state = _watch(client)
    else:
        state = client.get("/status")
    show(state, as_json=as_json)
    raise typer.Exit(state["exit_code"])


def show(state: dict[str, Any], *, as_json: bool) -> None:
    """Print the status."""
    text = json.dumps(state, indent=2, ensure_ascii=False) if as_json else "\n".join(lines(state))
    sys.stdout.write(text + "\n")


def _watch(client: Client) -> dict[str, Any]:
    """Show it again and again until Ctrl-C; the last state read. Without a terminal, a line for each change."""
    console = Console()
    state: dict[str, Any] = client.get("/status")
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as stack:
        if console.is_terminal:
            live = stack.enter_context(Live(console=console, auto_refresh=False, transient=True))
            tell = _repainted(live)
        else:
            tell = _changes()
        while True:
            tell(state)
            time.sleep(REFRESH_S)
            state = client.get("/status")
    return state


def _repainted(live: Live) -> Callable[[dict[str, Any]], None]:
    """Paint the tree over the one before."""
    return lambda state: live.update(Text("\n".join(lines(state))), refresh=True)


def _changes() -> Callable[[dict[str, Any]], None]:
    """Print where the rollout is whenever that changed: for logs, which keep every line."""
    told: list[str] = []

    def tell(state: dict[str, Any]) -> None:
        line = change(state)
        if told[-1:] != [line]:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        told[:] = [line]

    return tell
