"""The endpoints of tokens, over TCP as an admin."""

from collections.abc import AsyncIterator

import httpx
import pytest

from abreast.model.event import EventKind
from abreast.model.token import Role
from tests.api.served import Served, browser, serving
from tests.api.test_server import problem


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as made:
        yield made


@pytest.fixture
async def http(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(served, **served.by(Role.ADMIN)) as made:
        yield made


async def told(served: Served) -> list[tuple[str, str]]:
    """The audit log's rows about tokens, without those of the test's own beginning."""
    events = [event for _, event in await served.desk.stage.store.events("shop") if event.kind is EventKind.TOKEN]
    return [(event.actor, event.reason) for event in events][len(Role) :]


async def test_a_token_is_made_used_listed_and_revoked(http: httpx.AsyncClient, served: Served) -> None:
    made = await http.post("/tokens", json={"name": "ada", "role": "operator", "valid_s": 60, "actor": "forged"})
    assert made.status_code == 201
    secret, now = made.json()["secret"], served.desk.stage.clock.now()
    row = made.json()["token"]
    assert (row["name"], row["role"], row["created_by"], row["expires_at"]) == ("ada", "operator", "admin", now + 60)
    async with browser(served, authorization=f"Bearer {secret}") as ada:
        assert (await ada.post("/commands/pause", json={})).status_code == 200
        listed = (await http.get("/tokens")).json()
        assert [each["name"] for each in listed] == ["ada", "admin", "operator", "viewer"]
        assert listed[0]["used_at"] == now - now % 3600
        assert secret not in str(listed)
        said = await http.post("/tokens/ada/revoke", json={})
        assert said.json()["message"].startswith("ada is revoked")
        assert (await ada.get("/status")).status_code == 401
    assert await told(served) == [
        ("admin", "token ada (operator) was created"),
        ("admin", "token ada was revoked, with the sessions that it opened"),
    ]


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/tokens", {}, 400, "body.name"),
        ("/tokens", {"name": "ada", "role": "root"}, 400, "body.role"),
        ("/tokens", {"name": "a b", "role": "viewer"}, 400, "body.name"),
        ("/tokens", {"name": "ada", "role": "viewer", "valid_s": 0}, 400, "body.valid_s"),
        ("/tokens", {"name": "viewer", "role": "viewer"}, 409, "a token 'viewer' already"),
        ("/tokens/eve/revoke", {}, 400, "no token is called 'eve'; there are: admin, operator, viewer"),
    ],
)
async def test_what_is_wrong_is_told_and_changes_nothing(
    http: httpx.AsyncClient, served: Served, path: str, body: dict[str, object], status: int, words: str
) -> None:
    answer = await http.post(path, json=body)
    assert (answer.status_code, words in problem(answer)["detail"]) == (status, True), answer.text
    assert len((await http.get("/tokens")).json()) == len(Role)
    assert await told(served) == []
