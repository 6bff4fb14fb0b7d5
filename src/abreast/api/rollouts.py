"""The endpoints of the rollout: what is, what was, and people's commands."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from abreast.api.access import VIEWER, Admin, Operator, acting
from abreast.api.problems import statuses
from abreast.model.errors import UsageError
from abreast.model.group import Standing
from abreast.operations import commands, doctor, group, machine, record, status
from abreast.operations.control import Control
from abreast.operations.record import MOST_MINUTES
from abreast.rollout.observed import Verb


class OrderBody(BaseModel):
    """The body of a command; which fields a verb reads is said in its description."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"reason": "looks good", "weight": 2500}, {"version": "v2"}]},
    )

    actor: str = Field(default="", max_length=200, description="by the socket: who asks; over TCP the token says it")
    reason: str = Field(default="", max_length=2000, description="why, for the audit log")
    version: str | None = Field(default=None, max_length=200, description="start: the version to roll out")
    weight: int | None = Field(default=None, ge=0, le=10_000, description="weight: hundredths of a percent")
    full: bool = Field(default=False, description="promote: skip all remaining steps")
    alone: bool = Field(default=False, description="without the release group, which the rollout leaves by it")


def routes(control: Control) -> APIRouter:
    """The endpoints over one running control plane."""
    router = APIRouter(tags=["rollout"])
    _add_reading(router, control)
    _add_commands(router, control)
    return router


def _add_reading(router: APIRouter, control: Control) -> None:
    @router.get("/status", dependencies=[VIEWER], responses=statuses())
    async def get_status(response: Response) -> status.Status:
        """The present state of the service; its ETag is the revision that ``If-Match`` of a command takes."""
        found = status.status(control)
        response.headers["etag"] = f'"{found.revision}"'
        return found

    @router.get("/group", dependencies=[VIEWER], responses=statuses())
    async def get_group() -> Standing:
        """How this service stands in its release group: what the other members ask for each second."""
        return group.standing(control)

    @router.get("/events", dependencies=[VIEWER], responses=statuses())
    async def get_events(
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100, after: Annotated[int, Query(ge=0, le=2**53)] = 0
    ) -> list[record.EventRecord]:
        """The audit log, oldest first."""
        return await record.events(control, limit=limit, after=after)

    @router.get("/history", dependencies=[VIEWER], responses=statuses())
    async def get_history() -> list[record.RolloutRecord]:
        """Every rollout so far, oldest first."""
        return await record.history(control)

    @router.get("/series", dependencies=[VIEWER], responses=statuses())
    async def get_series(minutes: Annotated[int, Query(ge=1, le=MOST_MINUTES)] = 60) -> record.Series:
        """What each version did in each of the last minutes that are over, oldest first."""
        return await record.series(control, minutes=minutes)

    @router.get("/doctor", dependencies=[VIEWER], responses=statuses())
    async def get_doctor() -> list[machine.Finding]:
        """What is wrong with this set-up."""
        return doctor.examine(control)

    @router.get("/tester", responses=statuses())
    async def get_tester(_caller: Admin) -> dict[str, str]:
        """The headers that force a side, for authorised testers: secrets, so for admins."""
        return commands.tester_headers(control)


def _add_commands(router: APIRouter, control: Control) -> None:
    @router.post("/restart-gateway", responses=statuses(502))
    async def post_restart_gateway(body: OrderBody, caller: Admin) -> dict[str, str]:
        """Hot-restart Envoy without a failed request."""
        return {"message": await commands.restart_gateway(control, acting(caller, body.actor))}

    @router.post("/commands/{verb}", responses=statuses(409, 412, 502, 503))
    async def post_command(
        verb: Verb, body: OrderBody, caller: Operator, if_match: Annotated[str | None, Header()] = None
    ) -> commands.Done:
        """A person's command; ``If-Match`` with the revision that was read guards against lost updates."""
        actor, revision = acting(caller, body.actor), _revision(if_match)
        order = commands.Order(verb, actor, body.reason, body.version, body.weight, body.full, body.alone, revision)
        return await commands.give(control, order)


def _revision(if_match: str | None) -> int | None:
    if if_match is None:
        return None
    text = if_match.strip('"')
    if not (text.isascii() and text.isdecimal()):
        message = f"If-Match: {if_match!r} is no revision"
        raise UsageError(message, "send the number that the status calls `revision`")
    return int(text)
