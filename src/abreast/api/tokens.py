"""The endpoints of tokens, for admins."""

from dataclasses import asdict
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from abreast.api.access import Admin, access_of, acting
from abreast.api.problems import statuses
from abreast.model.token import NAME_PATTERN, Role
from abreast.operations import tokens

_YEARS_S: Final = 10 * 365 * 86_400.0

Name = Annotated[str, Path(pattern=NAME_PATTERN, description="what the token is called")]


class ActorBody(BaseModel):
    """Who asks."""

    model_config = ConfigDict(extra="forbid")

    actor: str = Field(default="", max_length=200, description="by the socket: who asks; over TCP the token says it")


class TokenBody(ActorBody):
    """A token to make."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "grafana", "role": "viewer", "valid_s": 7776000}]}
    )

    name: str = Field(pattern=NAME_PATTERN, description="what it is called: the actor of what is done with it")
    role: Role = Field(description="what it allows")
    valid_s: float | None = Field(
        default=None, gt=0, le=_YEARS_S, description="seconds until it is past its time; null: never"
    )


class TokenRecord(BaseModel):
    """A token without its secret; times are Unix seconds, ``used_at`` to the hour."""

    id: str
    name: str
    role: Role
    created_at: float
    created_by: str
    expires_at: float | None
    used_at: float | None


class NewToken(BaseModel):
    """A token that was made; ``secret`` is shown this once."""

    token: TokenRecord
    secret: str = Field(repr=False)


class Said(BaseModel):
    """What was done, in a sentence."""

    message: str


def routes() -> APIRouter:
    """The endpoints of tokens."""
    router = APIRouter(prefix="/tokens", tags=["access"])

    @router.get("", responses=statuses())
    async def get_tokens(request: Request, _caller: Admin) -> list[TokenRecord]:
        """Every token by name, without its secret."""
        return [TokenRecord(**asdict(each)) for each in await tokens.listed(access_of(request).desk)]

    @router.post("", status_code=201, responses=statuses(409))
    async def post_token(request: Request, body: TokenBody, caller: Admin) -> NewToken:
        """Make a token; its secret is in this answer and nowhere else."""
        actor = acting(caller, body.actor)
        made = await tokens.create(access_of(request).desk, body.name, body.role, actor, body.valid_s)
        return NewToken(token=TokenRecord(**asdict(made.token)), secret=made.secret)

    @router.post("/{name}/revoke", responses=statuses())
    async def post_revoke(request: Request, name: Name, body: ActorBody, caller: Admin) -> Said:
        """End a token, and the sessions that it opened."""
        return Said(message=await tokens.revoke(access_of(request).desk, name, acting(caller, body.actor)))

    return router
