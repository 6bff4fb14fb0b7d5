"""People's commands: handed to the controller, and answered once every gateway obeys."""

import secrets
from dataclasses import dataclass, field, replace
from typing import Final

from abreast.model.errors import UsageError
from abreast.model.event import EventKind
from abreast.model.service import Side
from abreast.operations.control import Control
from abreast.rollout.observed import Command, Verb
from abreast.rollout.turn import split_of

OBEY_TIMEOUT_S: Final = 5.0
"""How long a command's answer waits for the gateways; they go on being told after that."""

_ASKING: Final = frozenset({"start", "retry", "promote", "weight", "retire"})
"""Verbs that the release group may refuse, by what its members say now. Nothing that sends users back waits for it."""


@dataclass(frozen=True)
class Done:
    """What a command did: ``message``, and ``obeyed_s`` until every gateway obeyed (None: not within the time).

    ``unconfirmed`` names the gateways that have not obeyed by then, and the servers that are lost with theirs.
    """

    message: str
    phase: str
    weight: int
    revision: int
    obeyed_s: float | None
    unconfirmed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Order:
    """A command as it comes from outside."""

    verb: Verb
    actor: str
    reason: str = ""
    version: str | None = None
    weight: int | None = None
    full: bool = False
    alone: bool = False
    revision: int | None = None


async def give(control: Control, order: Order) -> Done:
    """Carry out an order. Raises UsageError, DriverError, RefusedError, ConflictError, StoreError, NotRunningError."""
    command = Command(id=secrets.token_hex(8), **vars(order))
    if order.verb == "start":
        if order.version is None:
            names = ", ".join(version.name for version in control.service.versions)
            message = "start needs the name of a version"
            raise UsageError(message, f"one of: {names}")
        policy = control.policy(order.version)
        control.require(order.version)
        command = replace(command, policy=policy)
    if order.verb == "retry" and control.controller.rollout.candidate is not None:
        candidate = control.controller.rollout.candidate
        policy = control.policy(candidate)
        control.require(candidate)
        command = replace(command, policy=policy)
    if order.verb == "weight" and order.weight is None:
        message = "weight needs a share of users"
        raise UsageError(message, "such as: abreast weight 20%")
    if control.members is not None and order.verb in _ASKING:
        await control.members.refreshed()
    began = control.clock.now()
    reply = await control.controller.submit(command)
    obeyed = await control.controller.until(lambda: obeys(control), OBEY_TIMEOUT_S)
    rollout = control.controller.rollout
    return Done(
        message=reply.message,
        phase=rollout.phase.value,
        weight=rollout.weight,
        revision=rollout.revision,
        obeyed_s=control.clock.now() - began if obeyed else None,
        unconfirmed=_unconfirmed(control),
    )


def _unconfirmed(control: Control) -> list[str]:
    """Who does not obey the present split, as far as is known."""
    split = split_of(control.controller.rollout)
    nodes = [node.id for node in control.controller.observe().nodes if node.acked != split]
    there = (*control.fleet.servers, *control.fleet.gateways) if control.fleet else ()
    return nodes + [each.name for each in there if each.lost]


def obeys(control: Control) -> bool:
    """Whether every gateway has acknowledged the present split."""
    return control.controller.observe().obeyed(split_of(control.controller.rollout))


async def restart_gateway(control: Control, actor: str) -> str:
    """Hot-restart Envoy; returns a sentence. Raises GatewayError."""
    control.controller.note(EventKind.GATEWAY, "a hot restart was asked for", actor)
    return await control.restart_gateway()


def tester_headers(control: Control) -> dict[str, str]:
    """For each side, the header that forces it: a secret, for testers only."""
    return {side.value: f"{side}:{control.tester_secret}" for side in Side}
