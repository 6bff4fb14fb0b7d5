"""Buckets as Envoy has them: a flag for users on the candidate agrees with where the gateway sends them."""

import pytest

from abreast.bench.origin import Origin
from abreast.model.bucket import bucket
from tests.integration.client import answers, on_version
from tests.integration.stage import Stage, backend

USERS = 1000
WEIGHTS = (1, 1000, 3333, 5000, 9999)
ODD = ("Zoë", "a b", "a:b", "x" * 500, "0", "%25", "ada\\1", "'\"", "日本", "-", "\t ada ", "a;b", "a,b")


@pytest.mark.parametrize("salt", ["r1", "r12"])
async def test_envoy_and_the_bucket_agree_on_every_user(stage: Stage, v1: Origin, v2: Origin, salt: str) -> None:
    sides = backend("v1", v1.port), backend("v2", v2.port)
    await stage.open(stage.traffic(*sides, weight=0, salt=salt))
    for weight in WEIGHTS:
        await stage.publish(stage.traffic(*sides, weight=weight, salt=salt))
        expected = {user for user in range(USERS) if bucket(f"user-{user}", salt) < weight}
        assert await on_version(stage.port, "v2", USERS) == expected, weight


async def test_they_agree_on_names_that_are_odd(stage: Stage, v1: Origin, v2: Origin) -> None:
    sides = backend("v1", v1.port), backend("v2", v2.port)
    await stage.open(stage.traffic(*sides, weight=0, salt="r1"))
    for weight in (2000, 5000, 8000):
        await stage.publish(stage.traffic(*sides, weight=weight, salt="r1"))
        seen = await answers(stage.port, ({"x-user-id": user} for user in ODD))
        expected = ["v2" if bucket(user.strip(" \t"), "r1") < weight else "v1" for user in ODD]
        assert [each.version for each in seen] == expected, weight


async def test_they_agree_on_a_cookies_value(stage: Stage, v1: Origin, v2: Origin) -> None:
    sides = backend("v1", v1.port), backend("v2", v2.port)
    await stage.open(stage.traffic(*sides, weight=5000, salt="r1"))
    by_cookie = await on_version(stage.port, "v2", 300, "cookie: theme=dark; session={}; other=session=x")
    assert by_cookie == {user for user in range(300) if bucket(f"user-{user}", "r1") < 5000}
