"""What a version sees of a user's request: nothing that belongs to the gateway."""

import json

from tests.integration.client import Answer
from tests.integration.servers import Echo
from tests.integration.stage import SECRET, Stage, backend

FORGED = {
    "x-envoy-upstream-rq-timeout-ms": "1",
    "x-envoy-max-retries": "9",
    "x-envoy-retry-on": "5xx",
    "x-envoy-expected-rq-timeout-ms": "1",
    "x-envoy-attempt-count": "7",
    "x-envoy-internal": "true",
    "x-abreast-version": "candidate:guessed",
    "x-abreast-key": "s:user-1",
    "x-abreast-shadow": "1",
}


def received(answer: Answer) -> dict[str, str]:
    """The headers that the version got."""
    headers: dict[str, str] = json.loads(answer.body)["headers"]
    return headers


async def test_users_cannot_speak_to_the_gateway(stage: Stage) -> None:
    async with Echo("v1") as v1, Echo("v2") as v2:
        await stage.open(stage.traffic(backend("v1", v1.port), backend("v2", v2.port), weight=5000))
        async with await stage.connect() as user:
            for number in range(20):
                for method in ("GET", "POST"):
                    answer = await user.ask(method=method, headers={**FORGED, "x-user-id": f"user-{number}"})
                    assert answer.status == 200
                    private = [name for name in received(answer) if name.startswith(("x-envoy-", "x-abreast-"))]
                    assert private == [], answer.version


async def test_the_tester_s_secret_reaches_no_version(stage: Stage) -> None:
    async with Echo("v1") as v1, Echo("v2") as v2:
        await stage.open(stage.traffic(backend("v1", v1.port), backend("v2", v2.port), weight=0))
        async with await stage.connect() as user:
            for side in ("stable", "candidate"):
                answer = await user.ask(headers={"x-abreast-version": f"{side}:{SECRET}"})
                assert SECRET not in answer.body.decode()
        await stage.publish(stage.traffic(backend("v2", v2.port)))
        async with await stage.connect() as user:
            answer = await user.ask(headers={"x-abreast-version": f"stable:{SECRET}"})
        assert (answer.version, SECRET in answer.body.decode()) == ("v2", False), "also when no rollout is on"


async def test_the_version_s_own_words_pass_unchanged(stage: Stage) -> None:
    async with Echo("v1") as v1:
        await stage.open(stage.traffic(backend("v1", v1.port)))
        async with await stage.connect() as user:
            own = {"x-own": "1", "under_score": "2", "cookie": "a=b; c=d"}
            answer = await user.ask("/a/b/../c?d=%20e", headers=own)
    headers = received(answer)
    assert {name: headers[name] for name in own} == own
    assert headers["host"] == "shop"
    assert json.loads(answer.body)["path"] == "/a/c?d=%20e"
    assert headers["x-forwarded-for"], "for a user on the same machine, the machine's address"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-request-id"]
    assert not [name for name in answer.headers if name.startswith("x-envoy-")]
    assert "server" not in answer.headers, "the gateway does not sign answers"


async def test_a_user_s_own_request_id_is_not_believed(stage: Stage) -> None:
    """Else it would choose the bucket of users without an identity, and be their cookie."""
    async with Echo("v1") as v1, Echo("v2") as v2:
        await stage.open(stage.traffic(backend("v1", v1.port), backend("v2", v2.port), weight=5000))
        async with await stage.connect() as user:
            given = {received(await user.ask(headers={"x-request-id": "mine"}))["x-request-id"] for _ in range(10)}
    assert len(given) == 10
    assert "mine" not in given
