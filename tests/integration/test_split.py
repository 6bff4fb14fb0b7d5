"""Users are split as ordered, stay where they are, and come back to where they were."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from abreast.bench.origin import Origin
from tests.integration.client import answers, cookie, on_version
from tests.integration.stage import SECRET, Stage, backend

USERS = 2000
WEIGHTS = (100, 1000, 2500, 5000)


def within_sampling(seen: int, weight: int, users: int = USERS) -> bool:
    """Whether a number of users is what the weight promises, within four standard deviations."""
    share = weight / 10_000
    return abs(seen - share * users) <= 4 * math.sqrt(users * share * (1 - share))


async def test_the_share_is_exact_only_rises_with_the_weight_and_comes_back(
    stage: Stage, v1: Origin, v2: Origin
) -> None:
    sides = backend("v1", v1.port), backend("v2", v2.port)
    await stage.open(stage.traffic(*sides, weight=0))
    assert await on_version(stage.port, "v2", 200) == frozenset()
    before: frozenset[int] = frozenset()
    seen: dict[int, frozenset[int]] = {}
    for weight in WEIGHTS:
        await stage.publish(stage.traffic(*sides, weight=weight))
        seen[weight] = await on_version(stage.port, "v2", USERS)
        assert within_sampling(len(seen[weight]), weight), (weight, len(seen[weight]))
        assert before <= seen[weight], "nobody flips back while the weight rises"
        before = seen[weight]
    await stage.publish(stage.traffic(*sides, weight=1000))
    assert await on_version(stage.port, "v2", USERS) == seen[1000]
    await stage.publish(stage.traffic(*sides, weight=2500))
    assert await on_version(stage.port, "v2", USERS) == seen[2500], "the very same users come back"
    await stage.publish(stage.traffic(*sides, weight=10_000))
    assert len(await on_version(stage.port, "v2", 200)) == 200


async def test_another_rollout_begins_with_other_users(stage: Stage, v1: Origin, v2: Origin) -> None:
    sides = backend("v1", v1.port), backend("v2", v2.port)
    await stage.open(stage.traffic(*sides, weight=2500, salt="first"))
    first = await on_version(stage.port, "v2", USERS)
    await stage.publish(stage.traffic(*sides, weight=2500, salt="second"))
    second = await on_version(stage.port, "v2", USERS)
    assert within_sampling(len(second), 2500)
    # Independent choices: a quarter of the first quarter is chosen again.
    assert within_sampling(len(first & second), 625), len(first & second)


async def test_two_gateways_agree_on_every_user(stage: Stage, short_tmp: Path, v1: Origin, v2: Origin) -> None:
    sides = backend("v1", v1.port), backend("v2", v2.port)
    (short_tmp / "other").mkdir()
    other = Stage(short_tmp / "other", home=f"{short_tmp.name}-other")
    try:
        for each in (stage, other):
            await each.open(each.traffic(*sides, weight=5000))
        assert await on_version(stage.port, "v2", 600) == await on_version(other.port, "v2", 600)
    finally:
        await other.gateway.close(stop=True)


async def test_the_first_identity_of_the_spec_counts(stage: Stage, v1: Origin, v2: Origin) -> None:
    sides = backend("v1", v1.port), backend("v2", v2.port)
    await stage.open(stage.traffic(*sides, weight=5000))
    by_header = await on_version(stage.port, "v2", 400)
    by_cookie = await on_version(stage.port, "v2", 400, "cookie: theme=dark; session={}; other=session=x")
    assert by_cookie == by_header, "the same value gives the same bucket, wherever it stands"
    headers = [
        {"x-user-id": f"user-{user}", "cookie": f"session={user + 7}; abreast-id={user + 9}"} for user in range(400)
    ]
    both = await answers(stage.port, headers)
    assert frozenset(user for user, each in enumerate(both) if each.version == "v2") == by_header
    assert not any(cookie(each) for each in both), "who has an identity is given none"
    lookalike = await answers(stage.port, ({"cookie": f"my-session=user-{user}"} for user in range(50)))
    assert all(cookie(each) for each in lookalike), "a cookie whose name only ends alike is no identity"


async def test_users_without_an_identity_are_given_one_that_keeps_them(stage: Stage, v1: Origin, v2: Origin) -> None:
    sides = backend("v1", v1.port), backend("v2", v2.port)
    await stage.open(stage.traffic(*sides, weight=5000))
    first = await answers(stage.port, ({} for _ in range(600)))
    identities = [cookie(each) for each in first]
    assert len(set(identities)) == 600
    assert within_sampling(sum(each.version == "v2" for each in first), 5000, 600)
    assert all(part in first[0].headers["set-cookie"] for part in ("Path=/", "HttpOnly", "SameSite=Lax"))
    later = await answers(stage.port, ({"cookie": f"a=b; abreast-id={identity}"} for identity in identities))
    assert [each.version for each in later] == [each.version for each in first]
    assert not any("set-cookie" in each.headers for each in later)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_all_requests_of_a_user_go_to_one_side(stage: Stage, v1: Origin, v2: Origin, method: str) -> None:
    await stage.open(stage.traffic(backend("v1", v1.port), backend("v2", v2.port), weight=5000))
    expected = await on_version(stage.port, "v2", 100)
    seen = await answers(stage.port, ({"x-user-id": f"user-{user}"} for user in range(100)), method)
    assert frozenset(user for user, each in enumerate(seen) if each.version == "v2") == expected
    events = await answers(
        stage.port, ({"x-user-id": f"user-{user}", "accept": "text/event-stream"} for user in range(100))
    )
    assert frozenset(user for user, each in enumerate(events) if each.version == "v2") == expected


async def test_only_a_tester_with_the_secret_can_choose_a_side(stage: Stage, v1: Origin, v2: Origin) -> None:
    await stage.open(stage.traffic(backend("v1", v1.port), backend("v2", v2.port), weight=0))
    async with await stage.connect() as user:
        for value, version in (
            (f"candidate:{SECRET}", "v2"),
            (f"stable:{SECRET}", "v1"),
            ("candidate:guessed", "v1"),
            ("candidate", "v1"),
            (f"candidate:{SECRET}x", "v1"),
        ):
            for method in ("GET", "POST"):
                answer = await user.ask(method=method, headers={"x-abreast-version": value, "x-user-id": "u"})
                assert (answer.status, answer.version) == (200, version), (value, method)
    without_secret = replace(stage.traffic(backend("v1", v1.port), backend("v2", v2.port), weight=0), tester_secret="")
    await stage.publish(without_secret)
    async with await stage.connect() as user:
        for value in ("candidate:", "candidate:None", f"candidate:{SECRET}"):
            assert (await user.ask(headers={"x-abreast-version": value})).version == "v1", value


async def test_a_tester_sees_the_candidate_s_failures_unveiled(stage: Stage, v1: Origin, v2: Origin) -> None:
    v2.behaviour = v2.behaviour.changed({"mode": "fail"})
    await stage.open(stage.traffic(backend("v1", v1.port), backend("v2", v2.port), weight=0))
    async with await stage.connect() as user:
        answer = await user.ask(headers={"x-abreast-version": f"candidate:{SECRET}"})
    assert (answer.status, answer.version) == (500, "v2")
