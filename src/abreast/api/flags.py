"""The endpoints that switch feature flags; `abreast.api.ofrep` answers what they are."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from abreast.api.access import VIEWER, Operator, acting
from abreast.api.problems import statuses
from abreast.model.spec_flag_keys import NAME_PATTERN
from abreast.operations.control import Control
from abreast.operations.flags import FlagRecord

Name = Annotated[str, Path(pattern=NAME_PATTERN, description="the flag's name in the spec")]


class SwitchBody(BaseModel):
    """The body of a switch."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "the checkout loses carts"}]})

    actor: str = Field(default="", max_length=200, description="by the socket: who asks; over TCP the token says it")
    reason: str = Field(default="", max_length=2000, description="why, for the audit log")


class OffBody(SwitchBody):
    """Switching off needs a reason."""

    reason: str = Field(min_length=1, max_length=2000, description="why, for the audit log")


class Switched(BaseModel):
    """What was done, in a sentence."""

    message: str


def routes(control: Control) -> APIRouter:
    """The endpoints over one running control plane."""
    router = APIRouter(prefix="/flags", tags=["flags"])

    async def switch(name: str, body: SwitchBody, actor: str, *, on: bool) -> Switched:
        number = control.controller.rollout.number
        return Switched(message=await control.flags.switch(name, number, actor, body.reason, on=on))

    @router.get("", dependencies=[VIEWER], responses=statuses())
    async def get_flags() -> list[FlagRecord]:
        """Every flag by name, and since when it is on or off."""
        return control.flags.listed()

    @router.post("/{name}/off", responses=statuses())
    async def post_off(name: Name, body: OffBody, caller: Operator) -> Switched:
        """The kill switch: everybody gets the default variant, from this answer on."""
        return await switch(name, body, acting(caller, body.actor), on=False)

    @router.post("/{name}/on", responses=statuses())
    async def post_on(name: Name, body: SwitchBody, caller: Operator) -> Switched:
        """The rules decide again."""
        return await switch(name, body, acting(caller, body.actor), on=True)

    return router
