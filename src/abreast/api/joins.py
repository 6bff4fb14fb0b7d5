"""The endpoints of agents: join tokens, for admins."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from abreast.api.access import Admin, acting
from abreast.api.problems import statuses
from abreast.api.tokens import ActorBody, Said
from abreast.model.agent import NAME_PATTERN, AgentKind, AgentName
from abreast.operations import joins
from abreast.operations.control import Control

Name = Annotated[str, Path(pattern=NAME_PATTERN, description="what the agent is called")]


class JoinTokenBody(ActorBody):
    """A join token to make."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"kind": "gateway", "name": "g1", "valid_s": 3600}]}
    )

    kind: AgentKind = Field(description="what the agent keeps running")
    name: str = Field(pattern=NAME_PATTERN, description="what it is called")
    valid_s: float = Field(
        default=joins.VALID_S, gt=0, le=joins.LONGEST_S, description="seconds until it lets nobody in"
    )


class NewJoinToken(BaseModel):
    """A join token that was made; ``token`` is shown this once, ``expires_at`` is Unix seconds."""

    kind: AgentKind
    name: str
    token: str = Field(repr=False)
    expires_at: float


def routes(control: Control) -> APIRouter:
    """The endpoints of agents."""
    router = APIRouter(tags=["access"])

    @router.post("/join-tokens", status_code=201, responses=statuses())
    async def post_join_token(body: JoinTokenBody, caller: Admin) -> NewJoinToken:
        """Make a token that lets one agent into the fleet, once; it is in this answer and nowhere else."""
        agent = AgentName(body.kind, body.name)
        made = await joins.invite(control.joins, agent, acting(caller, body.actor), body.valid_s)
        return NewJoinToken(kind=body.kind, name=body.name, token=made.token, expires_at=made.expires_at)

    @router.post("/agents/{kind}/{name}/revoke", responses=statuses())
    async def post_revoke_agent(kind: AgentKind, name: Name, body: ActorBody, caller: Admin) -> Said:
        """End an agent's certificate, and what tokens it has not used."""
        return Said(message=await joins.revoke(control.joins, AgentName(kind, name), acting(caller, body.actor)))

    return router
