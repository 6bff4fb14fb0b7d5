"""A control plane as the operator asks it, over a real one's API."""

from collections.abc import AsyncIterator

import httpx
import pytest

from abreast.api.problems import PREFIX as API_PREFIX
from abreast.model.rollout import Phase
from abreast.model.token import Role
from abreast.operator.plane import PREFIX, Plane, PlaneError
from tests.api.served import Served, serving
from tests.rollout.play import serving as at_rest
from tests.rollout.play import under_way


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(under_way(Phase.PROGRESSING)) as made:
        yield made


@pytest.fixture
async def plane(served: Served) -> AsyncIterator[Plane]:
    made = Plane(served.origin)
    yield made
    await made.close()


def test_the_prefix_is_the_apis() -> None:
    assert PREFIX == API_PREFIX


async def test_it_says_how_the_rollout_stands(served: Served, plane: Plane) -> None:
    found = await plane.standing(served.tokens[Role.VIEWER])
    rollout = served.desk.control.controller.rollout
    assert (found.rollout, found.stable, found.candidate) == (rollout.number, "v1", "v2")
    assert 0 < found.revision <= rollout.revision
    assert (found.phase, found.weight, found.serving) == ("progressing", rollout.weight, "")
    assert found.kind == rollout.policy.ladder[rollout.step].kind
    assert "abort" in found.allowed


async def test_at_rest_it_says_who_serves() -> None:
    async with serving(at_rest()) as served:
        plane = Plane(served.origin)
        found = await plane.standing(served.tokens[Role.VIEWER])
        await plane.close()
    assert (found.phase, found.serving) == ("completed", "v1")


async def test_an_order_is_guarded_by_the_revision(served: Served, plane: Plane) -> None:
    token = served.tokens[Role.OPERATOR]
    found = await plane.standing(token)
    with pytest.raises(PlaneError) as caught:
        await plane.order("abort", token, found.revision - 1, reason="late")
    assert (caught.value.invalid, caught.value.away) == (False, False)
    rollout = served.desk.control.controller.rollout
    await plane.order("abort", token, rollout.revision, reason="now")
    assert (await plane.standing(token)).phase.startswith("roll")


async def test_what_cannot_be_is_invalid_with_its_words(served: Served, plane: Plane) -> None:
    token = served.tokens[Role.OPERATOR]
    found = await plane.standing(token)
    with pytest.raises(PlaneError, match="no version is called 'v9'") as caught:
        await plane.order("start", token, found.revision, version="v9")
    assert caught.value.invalid


@pytest.mark.parametrize("token", ["", "nonsense"])
async def test_without_a_good_token_it_is_not_for_us(plane: Plane, token: str) -> None:
    with pytest.raises(PlaneError, match="401") as caught:
        await plane.standing(token)
    assert caught.value.away


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(502, text="<html>bad gateway"),
        httpx.Response(200, text="hello"),
        httpx.Response(200, json={"rollout": 1}),
        httpx.Response(200, json=[1]),
        httpx.Response(503, json={"detail": "not now"}),
        httpx.Response(302, headers={"location": "http://elsewhere/"}),
    ],
)
async def test_an_answer_that_is_none_is_nobody_there(answer: httpx.Response) -> None:
    plane = Plane("http://abreast", httpx.MockTransport(lambda _: answer))
    with pytest.raises(PlaneError) as caught:
        await plane.standing("")
    await plane.close()
    assert caught.value.away


async def test_nobody_there_is_nobody_there() -> None:
    plane = Plane("http://127.0.0.1:1")
    with pytest.raises(PlaneError, match=r"http://127\.0\.0\.1:1 is not reached") as caught:
        await plane.standing("")
    await plane.close()
    assert caught.value.away
