"""One shape for every error (RFC 9457), over a control plane of fakes."""

from collections.abc import AsyncIterator

import httpx
import pytest

from abreast.api import problems
from abreast.api.problems import PREFIX, TooManyError, statuses
from abreast.model import errors
from abreast.model.errors import AbreastError, DriverError
from abreast.model.rollout import Phase
from tests.api.test_server import client, problem
from tests.controller.stage import FULL
from tests.operations.desk import Desk, running
from tests.rollout.play import under_way

ERRORS = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, AbreastError)]
OURS = [each for each in vars(problems).values() if isinstance(each, type) and each.__module__ == problems.__name__]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A rollout of v2 at 10 %."""
    async with running(under_way(Phase.PROGRESSING)) as made:
        yield made


@pytest.fixture
async def http(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the desk's API."""
    async with client(desk.control) as made:
        yield made


class TestProblems:
    """One shape for every error."""

    @pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
    async def test_each_error_keeps_its_status_and_exit_code(self, desk: Desk, kind: type[AbreastError]) -> None:
        async def failing() -> str:
            faults = (errors.Fault("abreast.yaml", 3, "stable", "no such version", "name one"),)
            if kind is errors.SpecError:
                raise errors.SpecError(faults)
            if kind is errors.RequestsError:
                raise errors.RequestsError(faults)
            if kind is errors.MigrationError:
                raise errors.MigrationError(faults)
            raise kind("it failed", "mend it")

        desk.control.restart_gateway = failing
        async with client(desk.control) as http:
            answer = await http.post("/restart-gateway", json={"actor": "ada"})
        document = problem(answer)
        assert (answer.status_code, document["exit_code"]) == (kind.http_status, kind.exit_code)
        assert document["title"] == kind.__name__
        assert document["remedy"]

    async def test_a_refusal_names_what_is_possible(self, http: httpx.AsyncClient) -> None:
        answer = await http.post("/commands/undo", json={"actor": "ada"})
        assert answer.status_code == 409
        assert "possible now: promote" in problem(answer)["remedy"]

    async def test_a_version_that_cannot_be_started(self) -> None:
        async with running(under_way(Phase.COMPLETED)) as desk, client(desk.control) as http:
            desk.stage.driver.hopeless.add("v3")
            answer = await http.post("/commands/start", json={"actor": "ada", "version": "v3"})
        assert answer.status_code == DriverError.http_status
        assert "there is no command for 'v3'" in problem(answer)["detail"]

    async def test_a_store_that_is_full(self, http: httpx.AsyncClient, desk: Desk) -> None:
        desk.stage.store.broken = FULL
        answer = await http.post("/commands/weight", json={"actor": "ada", "weight": 5000})
        assert answer.status_code == 507
        assert "disk full" in problem(answer)["detail"]

    async def test_a_defect_is_a_problem_document_too(self, desk: Desk) -> None:
        async def failing() -> str:
            raise ZeroDivisionError("by nothing")

        desk.control.restart_gateway = failing
        async with client(desk.control) as http:
            answer = await http.post("/restart-gateway", json={"actor": "ada"})
        assert answer.status_code == 500
        assert "ZeroDivisionError" in problem(answer)["detail"]

    async def test_a_path_that_does_not_exist(self, http: httpx.AsyncClient) -> None:
        answer = await http.get("/nothing")
        assert answer.status_code == 404
        assert problem(answer)["detail"] == f"GET {PREFIX}/nothing: Not Found"

    async def test_a_method_that_does_not_exist(self, http: httpx.AsyncClient) -> None:
        answer = await http.get("/commands/pause")
        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST"
        assert "GET" in problem(answer)["detail"]


def test_every_status_that_an_operation_names_has_a_meaning_and_the_shape_of_a_problem() -> None:
    for kind in ERRORS + [each for each in OURS if issubclass(each, AbreastError)]:
        described = statuses(kind.http_status)[kind.http_status] if kind.http_status != 422 else None
        if described is not None:
            assert described["description"].endswith(".")
            assert "application/problem+json" in described["content"]


def test_who_must_wait_is_told_how_long() -> None:
    told = problems.answer(TooManyError("too many", "wait", 7))
    assert (told.status_code, told.headers["retry-after"]) == (429, "7")
