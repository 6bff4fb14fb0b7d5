"""Signing in and out over TCP: the cookie, the link, and who fails too often."""

import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import trustme

from abreast.api.access import COOKIE
from abreast.api.attempts import MOST_FAILURES, WINDOW_S
from abreast.api.server import PREFIX
from abreast.api.sessions import LANDING
from abreast.model.api_settings import ApiSettings
from abreast.model.service import Endpoint, Tls
from abreast.model.token import Role
from abreast.operations.tokens import SESSION_S
from tests.api.served import Served, browser, serving
from tests.api.test_server import problem

OURS = {"x-abreast-csrf": "1", "sec-fetch-site": "same-origin"}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as made:
        yield made


def attributes(answer: httpx.Response) -> set[str]:
    """What the cookie of the session is set with."""
    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie.startswith(f"{COOKIE}=")
    return {part.strip().lower() for part in cookie.split(";")[1:]}


async def test_a_token_becomes_a_session_that_no_script_reads(served: Served) -> None:
    async with browser(served) as http:
        answer = await http.post("/session", json={"token": served.tokens[Role.VIEWER]})
        assert attributes(answer) == {"httponly", "samesite=strict", "path=/", f"max-age={int(SESSION_S)}"}
        assert answer.json() == (await http.get("/session")).json()
        now = served.desk.stage.clock.now()
        assert answer.json() == {"name": "viewer", "role": "viewer", "by": "session", "expires_at": now + SESSION_S}
        assert (await http.post("/commands/pause", json={}, headers=OURS)).status_code == 403


async def test_signed_out_the_cookie_is_gone_and_good_for_nothing(served: Served) -> None:
    async with browser(served) as http:
        await http.post("/session", json={"token": served.tokens[Role.VIEWER]})
        cookie = http.cookies[COOKIE]
        assert (await http.delete("/session")).status_code == 403
        gone = await http.delete("/session", headers=OURS)
        assert (gone.status_code, gone.content) == (204, b"")
        assert COOKIE not in http.cookies
        assert (await http.get("/status", headers={"cookie": f"{COOKIE}={cookie}"})).status_code == 401


async def test_a_session_ends_with_its_day_and_with_its_token(served: Served) -> None:
    async with browser(served) as early, browser(served) as late:
        await early.post("/session", json={"token": served.tokens[Role.VIEWER]})
        await late.post("/session", json={"token": served.tokens[Role.OPERATOR]})
        done = await late.post("/tokens/operator/revoke", json={}, headers=served.by(Role.ADMIN))
        assert done.status_code == 200
        assert (await late.get("/status")).status_code == 401
        assert (await early.get("/status")).status_code == 200
        served.desk.stage.clock.time += SESSION_S  # nobody who sleeps need wake for each second of it
        assert (await early.get("/status")).status_code == 401


async def test_a_link_signs_an_operator_in_once(served: Served) -> None:
    link = served.server.make_link()
    async with browser(served) as http:
        answer = await http.get(link)
        assert (answer.status_code, answer.headers["location"]) == (303, LANDING)
        assert "samesite=strict" in attributes(answer)
        who = (await http.get("/session")).json()
        assert (who["role"], who["name"].endswith(" by link")) == ("operator", True)
        assert (await http.get("/tokens")).status_code == 403
    async with browser(served) as thief:
        assert (await thief.get(link)).status_code == 401
        assert (await thief.get("/status")).status_code == 401


async def test_who_fails_too_often_waits_even_with_a_token_that_is_right(served: Served) -> None:
    async with browser(served) as http:
        for number in range(MOST_FAILURES):
            wrong = http.post("/session", json={"token": "x"}) if number % 2 else http.get("/sign-in?token=x")
            assert (await wrong).status_code == 401
        right = {"token": served.tokens[Role.VIEWER]}
        for answer in (await http.post("/session", json=right), await http.get(served.server.make_link())):
            assert answer.status_code == 429
            assert 0 < int(answer.headers["retry-after"]) <= WINDOW_S
            assert problem(answer)["remedy"] == f"try again in {answer.headers['retry-after']} s"
        # Who is in stays in, whatever somebody tries from the same address.
        assert (await http.get("/status", headers=served.by(Role.VIEWER))).status_code == 200
        forged = await http.post("/session", json=right, headers={"x-forwarded-for": "192.0.2.9"})
        assert forged.status_code == 429
        await served.desk.stage.clock.advance(float(answer.headers["retry-after"]))
        assert (await http.post("/session", json=right)).status_code == 200


@pytest.mark.parametrize("headers", [{"origin": "https://example.org"}, {"sec-fetch-site": "cross-site"}])
async def test_another_sites_page_signs_nobody_in(served: Served, headers: dict[str, str]) -> None:
    async with browser(served, **headers) as http:
        answer = await http.post("/session", json={"token": served.tokens[Role.VIEWER]})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("body", [{}, {"token": 5}, {"token": "x" * 201}, {"token": "planted", "more": 1}])
async def test_a_sign_in_that_makes_no_sense_does_not_repeat_what_was_sent(served: Served, body: object) -> None:
    async with browser(served) as http:
        answer = await http.post("/session", json=body)
    assert answer.status_code == 400
    assert "planted" not in answer.text
    assert "xxx" not in answer.text


async def test_secrets_are_in_no_log_event_answer_or_repr(
    served: Served, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    link = served.server.make_link()
    planted = [*served.tokens.values(), link.partition("=")[2]]
    pages = []
    async with browser(served) as http:
        await http.post("/session", json={"token": served.tokens[Role.ADMIN]})
        planted.append(http.cookies[COOKIE])
        reads = ("/tokens", "/events", "/status", "/session", "/doctor", "/history", "/nothing")
        pages += [(await http.get(path)).text for path in reads]
        pages.append((await http.get("/sign-in?token=" + served.tokens[Role.VIEWER])).text)
        pages.append((await http.post("/session", json={"token": served.tokens[Role.VIEWER] + "x"})).text)
        pages.append((await http.get("/status", headers={"authorization": "Bearer " + planted[0] + "x"})).text)
    told = capfd.readouterr()
    # The client of this test logs its own URLs; the server is what is asked here.
    logged = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    seen = [*pages, told.out, told.err, *logged, repr(served.server._access), repr(served.desk.control.tokens)]
    assert not [secret for secret in planted for text in seen if secret in text]


async def test_under_tls_the_cookie_is_secure_and_the_browser_comes_back_only_so(tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    for index, blob in enumerate(issued.cert_chain_pems):
        blob.write_to_path(tmp_path / "chain.pem", append=bool(index))
    tls = Tls(str(tmp_path / "chain.pem"), str(tmp_path / "key.pem"))
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    async with (
        serving(settings=ApiSettings(Endpoint("127.0.0.1", 0), tls)) as served,
        httpx.AsyncClient(base_url=f"{served.origin}{PREFIX}", verify=trust, trust_env=False) as http,
    ):
        assert served.origin.startswith("https://127.0.0.1:")
        answer = await http.post("/session", json={"token": served.tokens[Role.OPERATOR]})
        assert "secure" in attributes(answer)
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        changed = await http.post("/commands/pause", json={}, headers={"x-abreast-csrf": "1", "origin": served.origin})
        assert changed.status_code == 200
