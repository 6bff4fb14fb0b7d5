"""The endpoints of findings, over a control plane of fakes."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from abreast.api.server import PREFIX
from abreast.findings.book import Book
from abreast.findings.finding import FindingState
from abreast.findings.ledger import Ledger
from abreast.model.errors import StoreError
from abreast.model.rollout import Phase
from tests.api.test_server import client, problem
from tests.contracts.test_findings import TAGS, a_finding, a_sample
from tests.fakes.findings_desk import FakeFindingsDesk
from tests.operations.desk import running
from tests.rollout.play import under_way

BOOK = Book(1, findings=(a_finding(1), a_finding(2, state=FindingState.RESOLVED, reason="quiet", keys=(TAGS,))))


@pytest.fixture
def compared() -> FakeFindingsDesk:
    return FakeFindingsDesk(BOOK, Ledger(seen=9, compared=8, skipped={"method": 1}), kept=[a_sample(1)])


@pytest.fixture
async def http(compared: FakeFindingsDesk) -> AsyncIterator[httpx.AsyncClient]:
    async with running(under_way(Phase.PROGRESSING)) as desk:
        desk.control.findings = compared
        async with client(desk.control) as made:
            yield made


async def test_all_findings_with_the_ledger(http: httpx.AsyncClient) -> None:
    found = (await http.get("/findings")).json()
    assert (found["rollout"], [each["number"] for each in found["findings"]]) == (1, [2, 1])
    assert found["ledger"] == {"seen": 9, "compared": 8, "skipped": {"method": 1}, "lost": 0, "pending": 0}


@pytest.mark.parametrize(("state", "numbers"), [("open", [1]), ("accepted", []), ("resolved", [2]), ("all", [2, 1])])
async def test_findings_by_state(http: httpx.AsyncClient, state: str, numbers: list[int]) -> None:
    found = (await http.get("/findings", params={"state": state})).json()
    assert [each["number"] for each in found["findings"]] == numbers


async def test_one_finding_with_its_samples_as_plain_json(http: httpx.AsyncClient) -> None:
    detail: dict[str, Any] = (await http.get("/findings/1")).json()
    assert set(detail) == {"finding", "gateway", "samples"}
    assert detail["finding"]["keys"][0] == {"pattern": "/total", "kind": "type"}
    (sample,) = detail["samples"]
    assert sample["request_headers"] == [["authorization", a_sample(1).request_headers[0][1]]]
    assert sample["stable"]["body"] == a_sample(1).stable.body
    assert sample["differences"][0]["stable"] == "12.5"


async def test_the_answers_of_a_sample_beside_each_other(http: httpx.AsyncClient) -> None:
    sample = a_sample(1)
    rows = (await http.get(f"/findings/1/samples/{sample.id}/rows")).json()["rows"]
    assert rows[0]["left"].startswith("stable")
    assert rows[1]["left"] == f"status {sample.stable.status}"
    marks = {row["mark"] for row in rows}
    assert "differs" in marks
    assert marks <= {"same", "differs", "noise", "fold"}
    (total,) = [row for row in rows if "total" in (row["left"] or "")]
    assert total["mark"] == "differs"
    assert total["left"] != total["right"]


async def test_a_sample_that_is_gone_is_told_with_what_to_do(http: httpx.AsyncClient) -> None:
    answer = await http.get("/findings/1/samples/gone/rows")
    assert answer.status_code == 400
    assert "finding 1 has no sample 'gone'" in problem(answer)["detail"]
    assert "abreast finding 1" in problem(answer)["remedy"]


async def test_suggestions_are_not_taken_for_a_number(http: httpx.AsyncClient, compared: FakeFindingsDesk) -> None:
    compared.noise = {"GET /orders": {"/generated_at": "a timestamp near now"}}
    assert "- /generated_at" in (await http.get("/findings/suggestions")).json()["yaml"]


async def test_accept_and_reopen(http: httpx.AsyncClient, compared: FakeFindingsDesk) -> None:
    body = {"actor": "ada", "reason": "meant", "until": 4e9, "rollout": 1}
    accepted = (await http.post("/findings/1/accept", json=body)).json()
    assert accepted["message"].startswith("finding 1 is accepted: GET")
    assert {key: accepted["finding"][key] for key in ("state", "actor", "reason", "until")} == {
        "state": "accepted",
        "actor": "ada",
        "reason": "meant",
        "until": 4e9,
    }
    reopened = (await http.post("/findings/1/reopen", json={"actor": "bob"})).json()
    assert (reopened["finding"]["state"], reopened["finding"]["actor"]) == ("open", "bob")
    assert [event.actor for event in compared.events] == ["ada", "bob"]
    assert compared.alerts.told == [("shop", 1, "accepted"), ("shop", 1, "reopened")]


WRONG: list[tuple[str, str, dict[str, Any] | None, int, str]] = [
    ("GET", "/findings?state=closed", None, 400, "query.state"),
    ("GET", "/findings/0", None, 400, "path.number"),
    ("GET", "/findings/seven", None, 400, "path.number"),
    ("GET", "/findings/9", None, 400, "has the number 9; there are 1, 2"),
    ("POST", "/findings/1/accept", {"reason": "why"}, 400, "body.actor"),
    ("POST", "/findings/1/accept", {}, 400, "body.reason"),
    ("POST", "/findings/1/accept", {"actor": "ada", "reason": ""}, 400, "body.reason"),
    ("POST", "/findings/1/accept", {"actor": "ada", "reason": "why", "until": 5.0}, 400, "a time that is over"),
    ("POST", "/findings/1/accept", {"actor": "ada", "reason": "why", "colour": 1}, 400, "body.colour"),
    ("POST", "/findings/1/accept", {"actor": "ada", "reason": "why", "rollout": 4}, 412, "of rollout 4 was meant"),
    ("POST", "/findings/1/reopen", {"actor": "ada"}, 409, "open already"),
    ("POST", "/findings/9/reopen", {"actor": "ada"}, 400, "has the number 9"),
    ("POST", "/findings/1/reopen", {"actor": "ada", "until": 5.0}, 400, "body.until"),
    ("DELETE", "/findings/1", None, 405, "Method Not Allowed"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "told"), WRONG)
async def test_what_is_wrong_is_a_problem_document_and_changes_nothing(
    http: httpx.AsyncClient,
    compared: FakeFindingsDesk,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    status: int,
    told: str,
) -> None:
    answer = await http.request(method, path, json=body)
    document = problem(answer)
    assert (answer.status_code, told in document["detail"]) == (status, True), document
    assert document["remedy"]
    assert (compared.book, compared.events) == (BOOK, [])


async def test_a_full_disk_is_told_with_its_own_status(http: httpx.AsyncClient, compared: FakeFindingsDesk) -> None:
    compared.broken = StoreError("the disk is full", "make room")
    for answer in (
        await http.get("/findings/1"),
        await http.post("/findings/1/accept", json={"actor": "ada", "reason": "why"}),
    ):
        assert answer.status_code == 507
        assert problem(answer)["exit_code"] == 9
    assert (await http.get("/findings")).status_code == 200


async def test_where_nothing_is_compared_every_endpoint_refuses() -> None:
    async with running(under_way(Phase.PROGRESSING)) as desk, client(desk.control) as http:
        for path in ("/findings", "/findings/1", "/findings/suggestions"):
            answer = await http.get(path)
            assert answer.status_code == 409
            assert "docs/findings.md" in problem(answer)["remedy"]


async def test_every_endpoint_is_published(http: httpx.AsyncClient) -> None:
    paths = (await http.get("/openapi.json")).json()["paths"]
    assert {path.removeprefix(PREFIX) for path in paths if "findings" in path} == {
        "/findings",
        "/findings/suggestions",
        "/findings/{number}",
        "/findings/{number}/samples/{sample}/rows",
        "/findings/{number}/accept",
        "/findings/{number}/reopen",
    }
