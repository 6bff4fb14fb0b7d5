"""Users' requests as a stream, over a control plane of fakes."""

import pytest

from abreast.findings.book import Book
from abreast.model.rollout import Phase
from tests.api.test_server import client, problem
from tests.fakes.findings_desk import FakeFindingsDesk
from tests.operations.desk import running
from tests.rollout.play import under_way


async def test_requests_come_as_lines_until_there_are_enough() -> None:
    async with running(under_way(Phase.PROGRESSING)) as desk:
        desk.control.findings = FakeFindingsDesk(Book(1), lines=['{"path": "/a"}', '{"path": "/b"}', '{"path": "/c"}'])
        async with client(desk.control) as http:
            answer = await http.get("/captures", params={"count": 2})
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.text == '{"path": "/a"}\n{"path": "/b"}\n'


@pytest.mark.parametrize("count", [0, -1, "many"])
async def test_a_count_that_makes_no_sense_is_refused(count: object) -> None:
    async with running(under_way(Phase.PROGRESSING)) as desk:
        desk.control.findings = FakeFindingsDesk(Book(1))
        async with client(desk.control) as http:
            assert (await http.get("/captures", params={"count": str(count)})).is_client_error


async def test_where_nothing_is_compared_it_says_so_before_the_stream_begins() -> None:
    async with running(under_way(Phase.PROGRESSING)) as desk, client(desk.control) as http:
        assert "shadow" in problem(await http.get("/captures"))["remedy"]
