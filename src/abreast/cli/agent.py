"""What the commands of agents have in common: names, addresses, tokens, and running in the foreground."""

import asyncio
import re
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path

from abreast.model.agent import NAME_PATTERN, AgentKind, AgentName, JoinToken, ServerAddress
from abreast.model.errors import UsageError
from abreast.model.service import Endpoint
from abreast.state_dir import StateDir


def agent_name(kind: AgentKind, name: str) -> AgentName:
    """Raises UsageError."""
    if not re.fullmatch(NAME_PATTERN[1:-1], name):
        raise UsageError(f"--name: {name!r} is no name", "1 to 40 letters, digits and . _ -, a letter or digit first")
    return AgentName(kind, name)


def foreground(run: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run it until it ends; SIGINT and SIGTERM set the event that it is given."""
    import uvloop

    async def until_told() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await run(stop)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(until_told())


def server_address(text: str) -> ServerAddress:
    """Raises UsageError."""
    address = ServerAddress.parse(text)
    if address is None:
        raise UsageError(f"--server: {text!r} is no address", "HOST:PORT, as a server's --link says")
    return address


def listen_address(text: str, option: str = "--listen") -> Endpoint:
    """Raises UsageError."""
    address = ServerAddress.parse(text)
    try:
        if address is not None:
            return Endpoint(str(ip_address(address.host)), address.port)
    except ValueError:
        pass
    raise UsageError(f"{option}: {text!r} is no address to listen on", "such as 0.0.0.0:8080")


def token_of(text: str, file: Path | None, state: Path) -> JoinToken | None:
    """The join token; None without one. Once the agent of ``state`` has joined, its file may be gone.

    Raises UsageError, which does not repeat what may be a secret.
    """
    if file is not None and (file.exists() or not StateDir(state).agent.exists()):
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            message = f"--token-file: {str(file)!r} cannot be read: {error}"
            raise UsageError(message, "name the file with the line that abreast join-token has printed") from None
    if not text.strip():
        return None
    token = JoinToken.parse(text.strip())
    if token is None:
        raise UsageError("what was given is no join token", "use the line that abreast join-token has printed, whole")
    return token


def say(sentence: str) -> None:
    """A line with the time of day."""
    now = datetime.now().astimezone().strftime("%H:%M:%S")
    sys.stdout.write(f"{now} {sentence}\n")
    sys.stdout.flush()
