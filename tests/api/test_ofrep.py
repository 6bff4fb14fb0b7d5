"""The Remote Evaluation Protocol over TCP: shapes, codes, tokens, ETags; and what OpenFeature's SDK makes of them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode

from abreast.api import ofrep
from abreast.api.ofrep import _refused
from abreast.api.problems import TooManyError
from abreast.model.errors import StoreError
from abreast.model.flag import BOOLEAN, Flag, FlagRule
from abreast.model.token import Role
from abreast.rollout.flags import on_candidate
from tests.api.served import Served, serving

PATH = "/ofrep/v1/evaluate/flags"
FLAGS = (
    Flag("new", BOOLEAN, "off", (FlagRule("on", candidate=True),)),
    Flag("theme", {"dark": "dark", "light": "light"}, "light", (FlagRule("dark", when={"plan": ("gold",)}),)),
    Flag("limit", {"few": 3, "many": 30}, "few", (FlagRule("many", below=5000, salt="rollout"),)),
    Flag("rate", {"only": 0.5}, "only"),
    Flag("layout", {"only": {"columns": [1, 2]}}, "only"),
)
ADA = {"context": {"targetingKey": "ada"}}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as made:
        await made.desk.control.flags.adopt(FLAGS, 0)
        yield made


@pytest.fixture
async def http(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.origin, headers=served.by(Role.VIEWER), trust_env=False) as made:
        yield made


async def test_one_flag(http: httpx.AsyncClient) -> None:
    answer = await http.post(f"{PATH}/theme", json={"context": {"plan": "gold"}})
    assert answer.status_code == 200
    assert answer.json() == {
        "key": "theme",
        "reason": "TARGETING_MATCH",
        "variant": "dark",
        "value": "dark",
        "metadata": {"rollout": 1, "candidate": "v2", "weight": 1000},
    }


@pytest.mark.parametrize("content", [b"", b"{}", b'{"context": {}}'])
async def test_without_a_context_rules_that_need_none_answer(http: httpx.AsyncClient, content: bytes) -> None:
    answer = await http.post(f"{PATH}/theme", content=content, headers={"content-type": "application/json"})
    assert answer.json()["variant"] == "light"


FAILURES: list[tuple[str, bytes, int, str]] = [
    ("new", b'{"context": {}}', 400, "TARGETING_KEY_MISSING"),
    ("new", b'{"context": {"targetingKey": 7}}', 400, "INVALID_CONTEXT"),
    ("new", b'{"context": [1]}', 400, "INVALID_CONTEXT"),
    ("new", b"[]", 400, "INVALID_CONTEXT"),
    ("new", b'{"context": ', 400, "PARSE_ERROR"),
    ("nwe", b'{"context": {}}', 404, "FLAG_NOT_FOUND"),
]


@pytest.mark.parametrize(("key", "content", "status", "code"), FAILURES)
async def test_failures_have_the_protocols_shape_and_codes(
    http: httpx.AsyncClient, key: str, content: bytes, status: int, code: str
) -> None:
    answer = await http.post(f"{PATH}/{key}", content=content, headers={"content-type": "application/json"})
    found = answer.json()
    assert (answer.status_code, found["key"], found["errorCode"]) == (status, key, code)
    assert set(found) == {"key", "errorCode", "errorDetails"}
    assert found["errorDetails"]


async def test_a_bulk_answer_has_each_flag_or_its_failure(http: httpx.AsyncClient) -> None:
    answer = await http.post(PATH, json={"context": {}})
    found = {each["key"]: each.get("errorCode") or each["variant"] for each in answer.json()["flags"]}
    assert found == {
        "new": "TARGETING_KEY_MISSING",
        "theme": "light",
        "limit": "TARGETING_KEY_MISSING",
        "rate": "only",
        "layout": "only",
    }
    assert (await http.post(PATH, content=b"{", headers={"content-type": "application/json"})).json() == {
        "errorCode": "PARSE_ERROR",
        "errorDetails": "body.1: JSON decode error",
    }


async def test_a_bulk_answer_that_is_known_is_304_until_something_changes(
    http: httpx.AsyncClient, served: Served
) -> None:
    first = await http.post(PATH, json=ADA)
    etag = first.headers["etag"]
    for known in (etag, f'"x", W/{etag}', "*"):
        again = await http.post(PATH, json=ADA, headers={"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    gold = {"context": {"targetingKey": "ada", "plan": "gold"}}
    assert (await http.post(PATH, json=gold, headers={"if-none-match": etag})).status_code == 200
    await served.desk.control.flags.switch("theme", 1, "ada", "because", on=False)
    after = await http.post(PATH, json=ADA, headers={"if-none-match": etag})
    assert after.status_code == 200
    assert after.headers["etag"] != etag
    controller = served.desk.control.controller
    controller.rollout = replace(controller.rollout, weight=2000)
    weighted = await http.post(PATH, json=ADA, headers={"if-none-match": after.headers["etag"]})
    assert weighted.status_code == 200


@pytest.mark.parametrize("path", [PATH, f"{PATH}/theme"])
async def test_it_needs_a_viewers_token(served: Served, path: str) -> None:
    async with httpx.AsyncClient(base_url=served.origin, trust_env=False) as http:
        nobody = await http.post(path, json=ADA)
        assert nobody.status_code == 401
        assert nobody.headers["www-authenticate"].startswith("Bearer")
        assert nobody.json()["errorCode"] == "GENERAL"
        for role in Role:
            assert (await http.post(path, json=ADA, headers=served.by(role))).status_code == 200, role


async def test_a_browser_that_is_signed_in_is_asked_whence_it_comes(served: Served) -> None:
    async with httpx.AsyncClient(base_url=served.origin, trust_env=False) as http:
        await http.post(
            "/api/v1/session", json={"token": served.tokens[Role.VIEWER]}, headers={"origin": served.origin}
        )
        elsewhere = await http.post(PATH, json=ADA, headers={"origin": "http://elsewhere.example"})
        assert elsewhere.status_code == 403
        assert elsewhere.json()["errorCode"] == "GENERAL"


def test_other_errors_have_the_statuses_that_the_protocol_knows() -> None:
    slow = _refused("new", TooManyError("too many", "wait", 7))
    assert (slow.status_code, slow.headers["retry-after"]) == (429, "7")
    broken = _refused("", StoreError("the disk is full", "make room"))
    assert broken.status_code == 500
    assert bytes(broken.body) == b'{"errorCode":"GENERAL","errorDetails":"the disk is full; make room"}'


async def test_the_document_describes_both(served: Served) -> None:
    async with httpx.AsyncClient(base_url=served.origin, trust_env=False) as http:
        document: dict[str, Any] = (await http.get("/api/v1/openapi.json")).json()
    assert {path for path in document["paths"] if path.startswith("/ofrep")} == {PATH, f"{PATH}/{{key}}"}
    assert set(document["paths"][PATH]["post"]["responses"]) >= {"200", "304", "400", "401", "403", "429", "500"}
    assert "404" in document["paths"][f"{PATH}/{{key}}"]["post"]["responses"]


async def test_openfeatures_own_sdk_gets_the_same_answers(served: Served) -> None:
    """Every type of value, a failure of each kind, and a hundred users as the gateway routes them."""
    rollout = served.desk.control.controller.rollout

    def ask() -> None:
        api.set_provider(OFREPProvider(served.origin, headers_factory=lambda: served.by(Role.VIEWER)), domain="abreast")
        client = api.get_client("abreast")
        gold = EvaluationContext("ada", {"plan": "gold"})
        details = client.get_string_details("theme", "?", gold)
        assert (details.value, details.variant, details.reason) == ("dark", "dark", "TARGETING_MATCH")
        assert details.flag_metadata == {"rollout": 1, "candidate": "v2", "weight": 1000}
        assert client.get_integer_value("limit", 0, gold) in {3, 30}
        assert client.get_float_value("rate", 0.0, gold) == 0.5
        assert client.get_object_value("layout", {}, gold) == {"columns": [1, 2]}
        for number in range(100):
            user = f"user-{number}"
            assert client.get_boolean_value("new", False, EvaluationContext(user)) is on_candidate(rollout, user)  # noqa: FBT003  # the SDK's
        assert client.get_boolean_details("nwe", True).error_code is ErrorCode.FLAG_NOT_FOUND  # noqa: FBT003  # the SDK's
        assert client.get_boolean_details("new", True).error_code is ErrorCode.TARGETING_KEY_MISSING  # noqa: FBT003  # the SDK's
        assert client.get_boolean_details("theme", True, gold).error_code is ErrorCode.TYPE_MISMATCH  # noqa: FBT003  # the SDK's
        api.set_provider(OFREPProvider(served.origin), domain="nobody")
        assert api.get_client("nobody").get_string_details("theme", "?", gold).error_code is ErrorCode.GENERAL
        api.clear_providers()

    await asyncio.to_thread(ask)


async def test_who_asks_too_often_is_answered_429_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ofrep, "BURST", 3)
    async with serving() as served:
        await served.desk.control.flags.adopt(FLAGS, 0)
        async with httpx.AsyncClient(base_url=served.origin, trust_env=False) as http:
            mine, other = served.by(Role.VIEWER), served.by(Role.OPERATOR)
            answers = [await http.post(path, json=ADA, headers=mine) for path in (f"{PATH}/new", PATH, PATH, PATH)]
            assert [each.status_code for each in answers] == [200, 200, 200, 429]
            refused = answers[-1]
            assert refused.headers["retry-after"] == "1"
            assert refused.json()["errorCode"] == "GENERAL"
            assert "more than 500 evaluations a second" in refused.json()["errorDetails"]
            assert (await http.post(PATH, json=ADA, headers=other)).status_code == 200
            assert (await http.get("/api/v1/status", headers=mine)).status_code == 200, "of evaluations alone"
        transport = httpx.AsyncHTTPTransport(uds=str(served.server._path))
        async with httpx.AsyncClient(transport=transport, base_url="http://abreast") as local:
            codes = {(await local.post(PATH, json=ADA)).status_code for _ in range(5)}
        assert codes == {200}
