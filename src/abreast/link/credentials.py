"""What an agent proves with who it is: kept in its state directory, for its user alone; the key never leaves it."""

import asyncio
import json
import os
import ssl
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, WebSocketException

from abreast.link import contexts, messages
from abreast.link.certificates import (
    SERVER_NAME,
    KeyPair,
    fingerprint,
    fresh_key,
    lifetime,
    signing_request,
)
from abreast.link.messages import Admitted, AskAuthority, Authority, FromServer, Join, Refused
from abreast.model.agent import AgentName, JoinToken, ServerAddress
from abreast.model.errors import AuthorityError, GatewayError, JoinError, StoreError

OPEN_S: Final = 3.0
"""How long a connection may take to come about."""

ANSWER_S: Final = 10.0
_MOST_BYTES: Final = 16 * 2**20

BROKEN: Final = (OSError, WebSocketException, TimeoutError, EOFError)
"""What a connection ends with, ssl.SSLError among them."""


@dataclass(frozen=True)
class Kept:
    """A certificate and its key, the authority's certificate (all PEM), and the id of the token that brought them."""

    token: str
    authority: str
    certificate: str
    key: str

    def valid_until(self) -> float:
        """Unix seconds."""
        return lifetime(self.certificate)[1]

    def renewal_due(self, now: float) -> bool:
        """Whether less than a third of its time is left."""
        since, until = lifetime(self.certificate)
        return now >= until - (until - since) / 3


class Credentials:
    """The file that they are in, and how they come to be."""

    def __init__(self, file: Path, agent: AgentName) -> None:
        self.agent = agent
        self._file = file
        self._key_file = file.with_suffix(".key")
        self.kept = self._read()

    def context(self) -> ssl.SSLContext:
        """For a connection as this agent. Raises LookupError before it has joined."""
        if self.kept is None:
            raise LookupError(str(self.agent))
        return contexts.for_agent(self.kept.authority, KeyPair(self.kept.certificate, self.kept.key))

    def lets_in(self, now: float) -> bool:
        """Whether there is a certificate, and its time is not over."""
        return self.kept is not None and now < self.kept.valid_until()

    async def join(self, server: ServerAddress, token: JoinToken) -> None:
        """Get a certificate of that server by the token.

        Raises JoinError, AuthorityError where the server is none of the fleet's; GatewayError where it is not reached,
        StoreError where it has no store or nothing can be kept here.
        """
        key = self._own_key()
        authority = await self._authority(server, token)
        request = Join(self.agent, str(token), signing_request(key, self.agent))
        answer = await _asked(server, contexts.for_agent(authority), request)
        if isinstance(answer, Refused):
            kind = StoreError if answer.reason == "store" else JoinError
            raise kind(answer.message, answer.remedy)
        if not isinstance(answer, Admitted):
            raise GatewayError(f"{server} answers a request to join with {answer.kind}", "see the server's log")
        self._keep(Kept(token.id, authority, answer.certificate, key))
        self._key_file.unlink(missing_ok=True)

    def renewed(self, certificate: str) -> None:
        """Keep the newer certificate of the same key. Raises StoreError."""
        if self.kept is not None:
            self._keep(Kept(self.kept.token, self.kept.authority, certificate, self.kept.key))

    def request(self) -> str:
        """A signing request for the key at hand. Raises LookupError before it has joined."""
        if self.kept is None:
            raise LookupError(str(self.agent))
        return signing_request(self.kept.key, self.agent)

    async def _authority(self, server: ServerAddress, token: JoinToken) -> str:
        """The authority's certificate: the one that the token names, and no other."""
        answer = await _asked(server, contexts.for_stranger(), AskAuthority())
        told = answer.certificate if isinstance(answer, Authority) else ""
        try:
            same = fingerprint(told) == token.authority
        except ValueError:
            same = False
        if not same:
            message = f"{server} is no server of the fleet that the join token {token.id} is of"
            raise AuthorityError(message, "see that --server and --token are of the same fleet; it was told no secret")
        return told

    def _own_key(self) -> str:
        """The key of a joining under way: the same until it is done, for an answer may get lost. Raises StoreError."""
        if self._key_file.exists():
            return self._key_file.read_text(encoding="ascii")
        key = fresh_key()
        write_private(self._key_file, key)
        return key

    def _keep(self, kept: Kept) -> None:
        write_private(self._file, json.dumps(asdict(kept)))
        self.kept = kept

    def _read(self) -> Kept | None:
        try:
            return Kept(**json.loads(self._file.read_text(encoding="ascii")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            message = f"the certificate in {str(self._file)!r} cannot be read: {error}"
            raise StoreError(message, "mend it, or remove the file and join anew") from error


def write_private(file: Path, text: str) -> None:
    """Put it there whole or not at all, for this user alone, on the disk. Raises StoreError."""
    draft = file.with_name(file.name + ".new")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as opened:  # noqa: PTH123  # Path.open takes no mode of access
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        draft.replace(file)
    except OSError as error:
        message = f"{str(file)!r} cannot be written: {error.strerror or error}"
        raise StoreError(message, "make its directory writable, or make room on its disk") from error


def dial(server: ServerAddress, context: ssl.SSLContext, *, ping_s: float, pong_s: float) -> connect:
    """A connection to a server, to be entered."""
    return connect(
        f"wss://{server}/",
        ssl=context,
        server_hostname=SERVER_NAME,
        open_timeout=OPEN_S,
        close_timeout=1.0,
        ping_interval=ping_s,
        ping_timeout=pong_s,
        max_size=_MOST_BYTES,
        compression=None,
        proxy=None,
        user_agent_header=None,
    )


async def _asked(server: ServerAddress, context: ssl.SSLContext, message: messages.FromAgent) -> FromServer:
    """The answer to one message on a connection of its own. Raises GatewayError."""
    try:
        async with dial(server, context, ping_s=1.0, pong_s=ANSWER_S) as socket, asyncio.timeout(ANSWER_S):
            await socket.send(messages.by_agent(message))
            return messages.of_server(await socket.recv())
    except BROKEN as error:
        trouble = f"server {server} is not reached: {words_of(error)}"
        raise GatewayError(trouble, "see that it runs with --link, and that nothing is in between") from error
    except ValueError as error:
        trouble = f"server {server} speaks another language: {error}"
        raise GatewayError(trouble, "see that --server names a server's --link") from error


def words_of(error: Exception) -> str:
    """What a connection ended with, for people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is none of this fleet's ({error.verify_message})"
    if isinstance(error, ConnectionClosed) and error.rcvd is not None:
        return error.rcvd.reason or str(error)
    if isinstance(error, InvalidMessage):
        return "it ended the connection: it is no server's --link, or takes this certificate for none of its fleet's"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
