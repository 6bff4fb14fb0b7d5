"""How an agent comes into a fleet, and the files that Envoy and TLS servers read its certificate from."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from abreast.app.foreground import Say
from abreast.clock import SystemClock
from abreast.link.certificates import FleetAuthority, KeyPair, fingerprint, fresh_key, signing_request
from abreast.link.credentials import Credentials, write_private
from abreast.link.line import BACK_OFF_S
from abreast.model.agent import AgentKind, AgentName, Enrolment, JoinToken, ServerAddress
from abreast.model.errors import AuthorityError, GatewayError, StoreError, UsageError
from abreast.model.traffic import NodeTls
from abreast.ports import Clock
from abreast.store.sql import SqlStore

log: Final = logging.getLogger(__name__)


async def join(credentials: Credentials, servers: Sequence[ServerAddress], token: JoinToken | None, say: Say) -> None:
    """Have a certificate: the one that is kept, unless a token was given that it did not come by.

    Asks until a server answers. Raises JoinError, AuthorityError, StoreError; UsageError where a token is missing.
    """
    clock, agent, kept = SystemClock(), credentials.agent, credentials.kept
    fresh = token is not None and (kept is None or kept.token != token.id)
    if not fresh and kept is not None:
        if not credentials.lets_in(clock.now()) and token is None:
            log.warning("the certificate of %s is past its time: it joins no more without a token", agent)
        return
    if token is None:
        message = f"{agent} has not joined a fleet yet, and has no token"
        remedy = f"beside a server: abreast join-token {agent.name} --kind {agent.kind}; then give it --token"
        raise UsageError(message, remedy)
    misses, trouble = 0, ""
    while True:
        for place, server in enumerate(servers):
            try:
                await credentials.join(server, token)
            except (GatewayError, StoreError, AuthorityError) as error:
                if isinstance(error, AuthorityError) and place == len(servers) - 1:
                    raise
                if str(error) != trouble:
                    say(f"{error.message}; it is tried again")
                trouble = str(error)
            else:
                say(f"{agent} has joined through {server}")
                return
        await clock.sleep(BACK_OFF_S[min(misses, len(BACK_OFF_S) - 1)])
        misses += 1


async def fleet_authority(store: SqlStore, now: float) -> FleetAuthority:
    """The fleet's, which is made by whoever asks first. Raises StoreError."""
    return FleetAuthority.read(await store.secret("authority", FleetAuthority.make(now).written))


def agent_files(credentials: Credentials, folder: Path) -> NodeTls:
    """An agent's certificate as files (`node_files`). Raises StoreError; LookupError before it has joined."""
    kept = credentials.kept
    if kept is None:
        raise LookupError(str(credentials.agent))
    return node_files(KeyPair(kept.certificate, kept.key), kept.authority, folder)


def own_files(authority: FleetAuthority, service: str, name: str, folder: Path, clock: Clock) -> NodeTls:
    """What the gateway of a server shows relays elsewhere: made anew at each start. Raises StoreError."""
    agent = AgentName(AgentKind.GATEWAY, name)
    key = fresh_key()
    certificate = authority.for_agent(signing_request(key, agent), Enrolment(agent, service, ""), clock.now())
    return node_files(KeyPair(certificate, key), authority.certificate, folder)


def node_files(own: KeyPair, authority: str, folder: Path) -> NodeTls:
    """Files in PEM, for this user alone; another certificate has other names. Raises StoreError."""
    name = f"node-{fingerprint(own.certificate)[:12]}"
    files = NodeTls(folder / f"{name}.pem", folder / f"{name}.key", folder / "authority.pem")
    for file, text in ((files.certificate, own.certificate), (files.key, own.key), (files.authority, authority)):
        if not file.exists() or file.read_text(encoding="ascii") != text:
            write_private(file, text)
    for old in folder.glob("node-*"):
        if old.stem != name:
            old.unlink(missing_ok=True)
    return files
