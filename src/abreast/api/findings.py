"""The endpoints of findings: what the candidate answers differently."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from abreast.api.access import VIEWER, Caller, Operator, acting
from abreast.api.problems import statuses
from abreast.operations import finding_records, findings
from abreast.operations.control import Control

Number = Annotated[int, Path(ge=1, le=2**53, description="the finding's number")]


class ReopenBody(BaseModel):
    """The body of a decision on a finding."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "the new rounding is meant"}]})

    actor: str = Field(default="", max_length=200, description="by the socket: who decides; over TCP the token says it")
    reason: str = Field(default="", max_length=2000, description="why, for the audit log")
    rollout: int | None = Field(default=None, ge=0, le=2**53, description="the rollout in which the finding was read")


class AcceptBody(ReopenBody):
    """Accepting needs a reason."""

    reason: str = Field(min_length=1, max_length=2000, description="why the difference is meant")
    until: float | None = Field(default=None, description="Unix seconds after which it is open again; null: for good")


def routes(control: Control) -> APIRouter:
    """The endpoints over one running control plane."""
    router = APIRouter(prefix="/findings", tags=["findings"])

    @router.get("", dependencies=[VIEWER], responses=statuses(409))
    async def get_findings(state: Annotated[findings.StateFilter, Query()] = "all") -> finding_records.FindingsRecord:
        """The newest rollout's findings, the gravest first, and what became of each request."""
        return findings.findings(control, state)

    @router.get("/suggestions", dependencies=[VIEWER], responses=statuses(409))
    async def get_suggestions() -> finding_records.Suggestions:
        """Rules for what is clearly noise, as YAML for the spec."""
        return findings.suggest(control)

    @router.get("/{number}", dependencies=[VIEWER], responses=statuses(409))
    async def get_finding(number: Number) -> finding_records.FindingDetail:
        """One finding with its samples, redacted."""
        return await findings.finding(control, number)

    @router.get("/{number}/samples/{sample}/rows", dependencies=[VIEWER], responses=statuses(409))
    async def get_rows(
        number: Number, sample: Annotated[str, Path(max_length=200, description="the sample's id")]
    ) -> finding_records.SideBySide:
        """One sample's answers side by side, each line marked: same, differs, noise, or fold (equal lines left out)."""
        return await findings.side_by_side(control, number, sample)

    @router.post("/{number}/accept", responses=statuses(409, 412))
    async def post_accept(number: Number, body: AcceptBody, caller: Operator) -> findings.Decided:
        """The difference is meant: it no longer counts."""
        return await findings.accept(control, _decision(number, body, caller))

    @router.post("/{number}/reopen", responses=statuses(409, 412))
    async def post_reopen(number: Number, body: ReopenBody, caller: Operator) -> findings.Decided:
        """The difference counts again."""
        return await findings.reopen(control, _decision(number, body, caller))

    return router


def _decision(number: int, body: ReopenBody, caller: Caller) -> findings.Decision:
    return findings.Decision(number, **{**body.model_dump(), "actor": acting(caller, body.actor)})
