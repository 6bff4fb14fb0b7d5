"""The endpoint that ends the control plane, in order, with all that it runs."""

import os

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from abreast.api.access import Admin, acting
from abreast.api.problems import statuses
from abreast.model.errors import RefusedError
from abreast.operations.control import Control


class EndBody(BaseModel):
    """Who wants it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"actor": "ada"}]})

    actor: str = Field(default="", max_length=200, description="who asks")


class Ending(BaseModel):
    """It ends now; ``pid`` is the process that is gone when all is done."""

    message: str
    pid: int


def routes(control: Control) -> APIRouter:
    """The endpoint over one running control plane."""
    router = APIRouter(tags=["rollout"])

    @router.post("/end", responses=statuses(409))
    async def post_end(body: EndBody, caller: Admin) -> Ending:
        """Drain the gateway, end the versions, then the control plane: `abreast down`. Answers when it has begun.

        Refused (409) over TCP, for what has ended cannot be started again from there, and by the servers of a fleet,
        which whoever keeps them running must end.
        """
        if caller.by != "socket":
            message = "abreast ends only at the word of the machine that it runs on"
            raise RefusedError(message, "run abreast down there, in the directory of its spec")
        if control.end is None:
            message = f"this is a server of the fleet of {control.service.name}, not abreast up"
            raise RefusedError(message, f"end it where it is kept running, or with: kill {os.getpid()}")
        control.end(acting(caller, body.actor))
        return Ending(message="it ends: the gateway drains, then the versions end", pid=os.getpid())

    return router
