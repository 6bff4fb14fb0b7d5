"""The endpoints of findings: what the candidate answers differently."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from abreast.operations import finding_records, findings
from abreast.operations.control import Control

Number = Annotated[int, Path(ge=1, description="the finding's number")]


class ReopenBody(BaseModel):
    """The body of a decision on a finding."""

    model_config = ConfigDict(extra="forbid")

    actor: str = Field(min_length=1, max_length=200, description="who decides, for the audit log")
    reason: str = Field(default="", max_length=2000, description="why, for the audit log")
    rollout: int | None = Field(default=None, ge=0, description="the rollout in which the finding was read")


class AcceptBody(ReopenBody):
    """Accepting needs a reason."""

    reason: str = Field(min_length=1, max_length=2000, description="why the difference is meant")
    until: float | None = Field(default=None, description="Unix seconds after which it is open again; null: for good")


def routes(control: Control) -> APIRouter:
    """The endpoints over one running control plane."""
    router = APIRouter(prefix="/findings")

    @router.get("")
    async def get_findings(state: Annotated[findings.StateFilter, Query()] = "all") -> finding_records.FindingsRecord:
        """The newest rollout's findings, the gravest first, and what became of each request."""
        return findings.findings(control, state)

    @router.get("/suggestions")
    async def get_suggestions() -> finding_records.Suggestions:
        """Rules for what is clearly noise, as YAML for the spec."""
        return findings.suggest(control)

    @router.get("/{number}")
    async def get_finding(number: Number) -> finding_records.FindingDetail:
        """One finding with its samples, redacted."""
        return await findings.finding(control, number)

    @router.post("/{number}/accept")
    async def post_accept(number: Number, body: AcceptBody) -> findings.Decided:
        """The difference is meant: it no longer counts."""
        return await findings.accept(control, findings.Decision(number, **body.model_dump()))

    @router.post("/{number}/reopen")
    async def post_reopen(number: Number, body: ReopenBody) -> findings.Decided:
        """The difference counts again."""
        return await findings.reopen(control, findings.Decision(number, **body.model_dump()))

    return router
