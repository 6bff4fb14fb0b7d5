"""The test of the alerts over the API."""

from abreast.model.rollout import Phase
from abreast.model.token import Role
from tests.api.served import browser, serving
from tests.api.test_server import client, problem
from tests.fakes.alerts import FakeAlerts
from tests.operations.desk import running
from tests.rollout.play import under_way


async def test_each_address_says_what_it_answered() -> None:
    async with running(under_way(Phase.PROGRESSING)) as desk, client(desk.control) as http:
        desk.control.alerts = FakeAlerts(failing={"slack://…": "it answered 503"})
        answer = await http.post("/alerts/test")
    assert answer.status_code == 200
    assert answer.json() == [
        {"address": "well://…", "failure": "", "took_s": 0.01},
        {"address": "slack://…", "failure": "it answered 503", "took_s": 0.02},
    ]


async def test_without_addresses_it_is_refused_with_the_next_move() -> None:
    async with running(under_way(Phase.PROGRESSING)) as desk, client(desk.control) as http:
        refused = problem(await http.post("/alerts/test"))
    assert (refused["status"], refused["title"]) == (409, "RefusedError")
    assert "`alerts` of the spec" in refused["remedy"]


async def test_it_takes_an_operator() -> None:
    async with serving() as served, browser(served) as http:
        served.desk.control.alerts = FakeAlerts()
        codes = {role: (await http.post("/alerts/test", headers=served.by(role))).status_code for role in Role}
        assert codes == {Role.VIEWER: 403, Role.OPERATOR: 200, Role.ADMIN: 200}
        assert (await http.post("/alerts/test")).status_code == 401
