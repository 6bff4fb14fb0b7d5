"""Who may do what, over TCP: each operation with each role, and changes by cookie from elsewhere."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from abreast.api.access import COOKIE
from abreast.api.server import PREFIX
from abreast.model.flag import BOOLEAN, Flag
from abreast.model.rollout import Phase
from abreast.model.token import Role
from tests.api.served import Served, browser, serving
from tests.api.test_server import problem

ORDER: dict[str, Any] = {"reason": "because"}

NEEDS: list[tuple[str, str, Any, Role]] = [
    ("GET", "/status", None, Role.VIEWER),
    ("GET", "/events", None, Role.VIEWER),
    ("GET", "/history", None, Role.VIEWER),
    ("GET", "/group", None, Role.VIEWER),
    ("GET", "/series", None, Role.VIEWER),
    ("GET", "/doctor", None, Role.VIEWER),
    ("GET", "/findings", None, Role.VIEWER),
    ("GET", "/findings/suggestions", None, Role.VIEWER),
    ("GET", "/findings/1", None, Role.VIEWER),
    ("GET", "/findings/1/samples/a/rows", None, Role.VIEWER),
    ("GET", "/session", None, Role.VIEWER),
    ("DELETE", "/session", None, Role.VIEWER),
    ("GET", "/captures", None, Role.OPERATOR),
    ("GET", "/flags", None, Role.VIEWER),
    ("POST", "/flags/new/off", ORDER, Role.OPERATOR),
    ("POST", "/flags/new/on", ORDER, Role.OPERATOR),
    ("POST", "/commands/pause", ORDER, Role.OPERATOR),
    ("POST", "/alerts/test", None, Role.OPERATOR),
    ("POST", "/findings/1/accept", ORDER, Role.OPERATOR),
    ("POST", "/findings/1/reopen", ORDER, Role.OPERATOR),
    ("GET", "/tester", None, Role.ADMIN),
    ("POST", "/restart-gateway", ORDER, Role.ADMIN),
    ("POST", "/end", {}, Role.ADMIN),
    ("GET", "/tokens", None, Role.ADMIN),
    ("POST", "/tokens", {"name": "new", "role": "viewer"}, Role.ADMIN),
    ("POST", "/tokens/viewer/revoke", {}, Role.ADMIN),
    ("POST", "/join-tokens", {"kind": "relay", "name": "r1"}, Role.ADMIN),
    ("POST", "/agents/relay/r1/revoke", {}, Role.ADMIN),
]
OPEN = {("post", f"{PREFIX}/session"), ("get", f"{PREFIX}/sign-in"), ("get", f"{PREFIX}/stream")}
"""Those that sign in, and the stream, which ends only when its reader does: its own test asks it."""


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as made:
        await made.desk.control.flags.adopt([Flag("new", BOOLEAN, "off")], 0)
        yield made


async def test_every_operation_is_asked_here_with_the_role_that_it_needs(served: Served) -> None:
    async with browser(served) as http:
        document = (await http.get("/openapi.json")).json()
    published = {(method, path) for path, methods in document["paths"].items() for method in methods} - OPEN
    published = {(method, path) for method, path in published if path.startswith(PREFIX)}  # OFREP: test_ofrep.py
    names = {
        "/commands/pause": "/commands/{verb}",
        "/tokens/viewer/revoke": "/tokens/{name}/revoke",
        "/flags/new/off": "/flags/{name}/off",
        "/flags/new/on": "/flags/{name}/on",
        "/agents/relay/r1/revoke": "/agents/{kind}/{name}/revoke",
        "/findings/1/samples/a/rows": "/findings/{number}/samples/{sample}/rows",
    }
    asked = {(method.lower(), PREFIX + names.get(path, path).replace("/1", "/{number}")) for method, path, *_ in NEEDS}
    assert published == asked


@pytest.mark.parametrize(("method", "path", "body", "needed"), NEEDS)
async def test_each_role_may_do_what_it_covers(
    served: Served, method: str, path: str, body: object, needed: Role
) -> None:
    weight, events = served.desk.stage.rollout.weight, await served.desk.stage.store.events("shop")
    async with browser(served) as http:
        nobody = await http.request(method, path, json=body)
        assert nobody.status_code == 401
        assert problem(nobody)["title"] == "UnauthorizedError"
        assert nobody.headers["www-authenticate"].startswith("Bearer")
        for role in Role:
            if not role.covers(needed):
                answer = await http.request(method, path, json=body, headers=served.by(role))
                assert answer.status_code == 403, role
                assert f"{role} has the role {role}; this needs: {needed}" in problem(answer)["detail"]
        assert served.desk.stage.rollout.weight == weight
        assert await served.desk.stage.store.events("shop") == events
        answer = await http.request(method, path, json=body, headers=served.by(needed))
        # Nothing is compared on this stage, so findings refuse: but as 409, not for the role.
        # nor does anything join it: 400.
        assert answer.status_code in {200, 201, 204, 400, 409}, answer.text


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer nonsense", "Basic YWRhOmFkYQ==", "bearer abreast_0123456789ab_" + "x" * 43, ""]
)
async def test_what_is_no_token_opens_nothing(served: Served, header: str) -> None:
    async with browser(served, authorization=header) as http:
        assert (await http.get("/status")).status_code == 401


async def test_a_revoked_token_opens_nothing_from_then_on(served: Served) -> None:
    secret = await served.make("ada", Role.ADMIN)
    async with browser(served, authorization=f"Bearer {secret}") as http:
        assert (await http.get("/status")).status_code == 200
        assert (await http.post("/tokens/ada/revoke", json={})).status_code == 200
        assert (await http.get("/status")).status_code == 401


async def test_the_actor_is_who_the_token_says_whatever_the_body_says(served: Served) -> None:
    async with browser(served, **served.by(Role.OPERATOR)) as http:
        answer = await http.post("/commands/pause", json={"actor": "root", "reason": "because"})
    assert answer.status_code == 200
    events = await served.desk.stage.store.events("shop")
    assert "operator" in {event.actor for _, event in events}
    assert "root" not in {event.actor for _, event in events if event.kind != "token"}


async def test_by_the_socket_the_body_says_who_asks(served: Served) -> None:
    transport = httpx.AsyncHTTPTransport(uds=str(served.server._path))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://abreast{PREFIX}") as http:
        nobody = await http.post("/commands/pause", json={})
        assert nobody.status_code == 400
        assert "body.actor" in problem(nobody)["detail"]
        assert (await http.post("/commands/pause", json={"actor": "ada"})).status_code == 200
        assert (await http.get("/tester")).status_code == 200
    assert "ada" in {event.actor for _, event in await served.desk.stage.store.events("shop")}
    assert served.desk.stage.rollout.phase is Phase.PAUSED


async def test_no_header_makes_a_request_over_tcp_one_by_the_socket(served: Served) -> None:
    async with browser(served) as http:
        for headers in ({"x-forwarded-for": "127.0.0.1"}, {"abreast.socket": "1"}, {"host": "abreast"}):
            assert (await http.get("/status", headers=headers)).status_code == 401


class TestByCookie:
    """A browser that is signed in, and pages of other sites that make it ask."""

    @pytest.fixture
    async def http(self, served: Served) -> AsyncIterator[httpx.AsyncClient]:
        async with browser(served) as made:
            signed_in = await made.post("/session", json={"token": served.tokens[Role.OPERATOR]})
            assert signed_in.status_code == 200, signed_in.text
            yield made

    async def test_reading_needs_the_cookie_alone(self, http: httpx.AsyncClient) -> None:
        assert (await http.get("/status")).status_code == 200
        http.cookies.set(COOKIE, "guessed")
        answer = await http.get("/status", headers={"cookie": f"{COOKIE}=guessed"})
        assert answer.status_code == 401
        assert problem(answer)["remedy"] == "sign in again"

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"origin": "{origin}"},
            {"x-abreast-csrf": "1"},
            {"x-abreast-csrf": "0", "origin": "{origin}"},
            {"x-abreast-csrf": "1", "origin": "https://example.org"},
            {"x-abreast-csrf": "1", "origin": "null"},
            {"x-abreast-csrf": "1", "sec-fetch-site": "cross-site"},
            {"x-abreast-csrf": "1", "sec-fetch-site": "same-site"},
            {"x-abreast-csrf": "1", "sec-fetch-site": "cross-site", "origin": "{origin}"},
            {"x-abreast-csrf": "1", "sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:1"},
        ],
    )
    async def test_a_change_from_elsewhere_is_refused(
        self, http: httpx.AsyncClient, served: Served, headers: dict[str, str]
    ) -> None:
        sent = {name: value.format(origin=served.origin) for name, value in headers.items()}
        answer = await http.post("/commands/pause", json=ORDER, headers=sent)
        assert answer.status_code == 403
        assert problem(answer)["title"] == "ForbiddenError"
        assert served.desk.stage.rollout.phase is Phase.PROGRESSING

    @pytest.mark.parametrize("headers", [{"origin": "{origin}"}, {"sec-fetch-site": "same-origin"}])
    async def test_a_change_from_a_page_of_ours_is_done(
        self, http: httpx.AsyncClient, served: Served, headers: dict[str, str]
    ) -> None:
        sent = {name: value.format(origin=served.origin) for name, value in headers.items()}
        answer = await http.post("/commands/pause", json=ORDER, headers={"x-abreast-csrf": "1", **sent})
        assert answer.status_code == 200
        assert served.desk.stage.rollout.phase is Phase.PAUSED
        assert "operator" in {event.actor for _, event in await served.desk.stage.store.events("shop")}

    async def test_a_bad_token_is_not_saved_by_a_good_cookie(self, http: httpx.AsyncClient) -> None:
        assert (await http.get("/status", headers={"authorization": "Bearer x"})).status_code == 401
