"""One ParallelRun's promise, where the order of things matters."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from abreast.drivers.kubernetes_access import find_access
from abreast.drivers.kubernetes_api import Api, RequestError, Trouble
from abreast.operator.keeper import POLL_S, REFUSED_S, SENTENCES_S, Keeper
from abreast.operator.plane import Plane
from tests.fakes.clock import FakeClock
from tests.operator.stage import OperatorStage, operator_stage, parallel_run
from tests.rollout.play import serving


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[OperatorStage]:
    async with operator_stage(tmp_path, serving()) as made:
        yield made


@pytest.fixture
async def api(stage: OperatorStage) -> AsyncIterator[Api]:
    made = Api(find_access(environ=stage.stage.environ))
    yield made
    await made.close()


def keeper(stage: OperatorStage, api: Api, clock: FakeClock | None = None) -> Keeper:
    return Keeper(api, clock or FakeClock(), lambda _: None, stage.plane)


async def test_the_order_is_kept_before_it_is_given(stage: OperatorStage, api: Api) -> None:
    stage.apply(parallel_run())
    stage.stage.fail(503, "PATCH", "parallelruns")
    made = keeper(stage, api)
    with pytest.raises(RequestError) as caught:
        await made.look(stage.found())
    assert caught.value.trouble is Trouble.AWAY
    assert stage.orders == []
    assert await made.look(stage.found()) == POLL_S
    assert stage.orders == ["start"]
    assert stage.status()["ordered"] == {"candidate": "v2", "attempt": 1, "after": 0}
    await made.close()


async def test_what_is_invalid_is_not_asked_for_all_the_time(stage: OperatorStage, api: Api) -> None:
    stage.apply(parallel_run("v9"))
    made = keeper(stage, api)
    assert await made.look(stage.found()) == REFUSED_S
    await made.close()


async def test_a_sentence_is_written_again_after_a_while(stage: OperatorStage, api: Api) -> None:
    clock = FakeClock()
    made = keeper(stage, api, clock)
    stage.apply(parallel_run("v2"))
    stage.answers = False
    await made.look(stage.found())
    stage.answers = True
    writes = len(stage.stage.cluster.writes)
    await made.look(stage.found())
    assert len(stage.stage.cluster.writes) > writes  # news are written at once
    found = stage.found()
    found["status"]["message"] = "an earlier sentence"
    await made.look(found)
    await made.look(stage.found())
    stale = {**stage.found(), "status": {**stage.status(), "message": "an earlier sentence"}}
    writes = len(stage.stage.cluster.writes)
    await made.look(stale)
    assert len(stage.stage.cluster.writes) == writes
    await clock.advance(SENTENCES_S)
    await made.look(stale)
    assert len(stage.stage.cluster.writes) == writes + 1
    await made.close()


async def test_another_url_is_another_control_plane(stage: OperatorStage, api: Api) -> None:
    asked: list[str] = []

    def plane(url: str) -> Plane:
        asked.append(url)
        return stage.plane("http://abreast:9090")

    made = Keeper(api, FakeClock(), lambda _: None, plane)
    stage.apply(parallel_run())
    await made.look(stage.found())
    await made.look(stage.found())
    moved = parallel_run()
    moved["spec"]["controlPlane"]["url"] = "http://other:9090"
    stage.apply(moved)
    await made.look(stage.found())
    assert asked == ["http://abreast:9090", "http://other:9090"]
    await made.close()


@pytest.mark.parametrize(
    ("data", "words"),
    [({}, "has no key 'token'"), ({"token": "%%%"}, "is no token"), ({"token": "/w=="}, "is no token")],
)
async def test_a_secret_that_is_none_is_said(stage: OperatorStage, api: Api, data: dict[str, str], words: str) -> None:
    stage.stage.cluster.write("secrets", {"metadata": {"name": "abreast-token"}, "data": data})
    stage.apply(parallel_run())
    made = keeper(stage, api)
    await made.look(stage.found())
    assert words in stage.status()["message"]
    assert stage.holds("InvalidSpec")
    await made.close()


async def test_no_secret_is_read_where_none_is_named(stage: OperatorStage, api: Api) -> None:
    found = parallel_run()
    del found["spec"]["controlPlane"]["tokenSecret"]
    stage.apply(found)
    made = keeper(stage, api)
    await made.look(stage.found())
    assert stage.stage.cluster.count("GET", "secrets") == 0
    assert stage.holds("Reachable") is False  # this control plane wants a token
    await made.close()
