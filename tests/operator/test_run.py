"""Operators over a cluster and a real control plane's API."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from abreast.model.errors import DriverError
from abreast.model.rollout import Phase
from abreast.model.token import Role
from abreast.operator.resource import FINALIZER
from abreast.operator.run import Operator
from tests.fakes.clock import FakeClock
from tests.operator.stage import OperatorStage, fault_of, operator_stage, parallel_run
from tests.process.programs import until
from tests.rollout.play import serving, under_way


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[OperatorStage]:
    async with operator_stage(tmp_path, serving()) as made:
        yield made


async def test_applying_one_starts_a_rollout_and_tells_how_it_goes(stage: OperatorStage) -> None:
    stage.apply(parallel_run(reason="release 2"))
    async with stage.operator():
        await until(lambda: stage.rollout.candidate == "v2")
        await until(lambda: stage.status().get("rollout") == stage.rollout.number)
        assert stage.status()["phase"] in {"Pending", "Progressing"}
        assert (stage.holds("Progressing"), stage.holds("Healthy"), stage.holds("Completed")) == (True, True, False)
        assert stage.status()["observedGeneration"] == stage.found()["metadata"]["generation"]
    assert stage.orders == ["start"]
    assert fault_of("parallelruns", stage.found()) == ""


async def test_it_may_start_again_at_any_time(stage: OperatorStage) -> None:
    stage.apply(parallel_run())
    for _ in range(3):
        async with stage.operator():
            await until(lambda: stage.status().get("rollout") == 1)
    async with stage.operator(), stage.operator():
        await until(lambda: stage.status().get("rollout") == 1)
    assert stage.orders == ["start"]


async def test_an_order_whose_answer_was_lost_is_not_given_twice(stage: OperatorStage) -> None:
    stage.lose = 1
    stage.apply(parallel_run())
    async with stage.operator():
        await until(lambda: stage.status().get("rollout") == stage.rollout.number == 1)
        assert stage.orders == ["start"]


async def test_one_that_was_rolled_back_is_not_started_again_by_who_forgot(stage: OperatorStage) -> None:
    stage.apply(parallel_run())
    async with stage.operator():
        await until(lambda: stage.status().get("rollout") == 1)
    token = stage.served.tokens[Role.OPERATOR]
    plane = stage.plane("http://abreast:9090")
    await plane.order("abort", token, (await plane.standing(token)).revision, reason="bad")
    await plane.close()
    await stage.served.desk.stage.settle()
    assert stage.rollout.phase is Phase.ROLLED_BACK
    async with stage.operator():
        await until(lambda: stage.status().get("phase") == "RolledBack")
        assert (stage.holds("Healthy"), stage.holds("Progressing")) == (False, False)
        assert stage.orders == ["start", "abort"]
        stage.apply(parallel_run(attempt=2))
        await until(lambda: stage.status().get("rollout") == 2)
    assert stage.orders == ["start", "abort", "start"]


async def test_what_the_control_plane_does_not_know_is_an_invalid_spec(stage: OperatorStage) -> None:
    stage.apply(parallel_run("v9"))
    async with stage.operator():
        await until(lambda: stage.holds("InvalidSpec"))
        assert "no version is called 'v9'" in stage.status()["message"]
        assert stage.holds("Healthy") is False
        stage.apply(parallel_run("v2"))
        await until(lambda: stage.status().get("rollout") == 1)
        assert stage.holds("InvalidSpec") is False


async def test_a_control_plane_that_is_away_is_told_and_waited_for(stage: OperatorStage) -> None:
    stage.apply(parallel_run())
    async with stage.operator():
        await until(lambda: stage.status().get("rollout") == 1)
        known = stage.status()
        stage.answers = False
        await until(lambda: stage.holds("Reachable") is False)
        assert "http://abreast:9090 is not reached" in stage.status()["message"]
        assert (stage.status()["phase"], stage.status()["weight"]) == (known["phase"], known["weight"])
        stage.answers = True
        await until(lambda: stage.holds("Reachable"))
    assert stage.orders == ["start"]


async def test_one_control_plane_that_is_away_holds_up_no_other(stage: OperatorStage) -> None:
    away = parallel_run(name="away")
    away["spec"]["controlPlane"]["tokenSecret"]["name"] = "missing"
    stage.apply(away)
    stage.apply(parallel_run())
    async with stage.operator():
        await until(lambda: stage.holds("InvalidSpec", "away"))
        assert "Secret missing cannot be read" in stage.status("away")["message"]
        await until(lambda: stage.status().get("rollout") == 1)


@pytest.mark.parametrize(("token", "words"), [("nonsense", "401"), ("", "401")])
async def test_a_token_that_is_refused_is_told_and_a_new_one_is_used(
    stage: OperatorStage, token: str, words: str
) -> None:
    stage.secret(token)
    stage.apply(parallel_run())
    async with stage.operator():
        await until(lambda: words in stage.status().get("message", ""))
        assert stage.holds("Reachable") is False
        stage.secret()
        await until(lambda: stage.status().get("rollout") == 1)


async def test_another_rollout_is_waited_for_and_said(tmp_path: Path) -> None:
    async with operator_stage(tmp_path, under_way(Phase.PROGRESSING)) as stage:
        stage.apply(parallel_run("v3"))
        async with stage.operator():
            await until(lambda: stage.status().get("phase") == "Waiting")
            assert "of v2 is under way (progressing); v3 waits" in stage.status()["message"]
        assert stage.orders == []


async def test_what_is_under_way_already_is_followed(tmp_path: Path) -> None:
    async with operator_stage(tmp_path, under_way(Phase.PROGRESSING)) as stage:
        stage.apply(parallel_run("v2"))
        async with stage.operator():
            await until(lambda: stage.status().get("rollout") == stage.rollout.number)
        assert stage.orders == []


async def test_deleting_one_leaves_its_rollout_alone(stage: OperatorStage) -> None:
    stage.apply(parallel_run())
    async with stage.operator():
        await until(lambda: stage.status().get("rollout") == 1)
        stage.delete()
        assert not stage.stage.cluster.all("parallelruns")
        assert stage.rollout.candidate == "v2"
        assert stage.orders == ["start"]


async def test_deleting_one_rolls_back_if_that_is_asked_for(stage: OperatorStage) -> None:
    stage.apply(parallel_run(abortOnDelete=True))
    async with stage.operator():
        await until(lambda: stage.status().get("rollout") == 1)
        assert stage.found()["metadata"]["finalizers"] == [FINALIZER]
        stage.answers = False
        stage.delete()
        await until(lambda: "not let go" in stage.status()["message"] or stage.holds("Reachable") is False)
        assert stage.found()["metadata"]["finalizers"] == [FINALIZER]
        stage.answers = True
        await until(lambda: not stage.stage.cluster.all("parallelruns"))
    assert stage.orders == ["start", "abort"]
    assert stage.rollout.phase in {Phase.ROLLING_BACK, Phase.ROLLED_BACK}


async def test_a_finalizer_goes_when_it_is_not_asked_for_any_more(stage: OperatorStage) -> None:
    stage.apply(parallel_run(abortOnDelete=True))
    async with stage.operator():
        await until(lambda: stage.found()["metadata"].get("finalizers"))
        stage.apply(parallel_run())
        await until(lambda: not stage.found()["metadata"].get("finalizers"))


async def test_the_api_server_may_be_away_throttle_or_forget(stage: OperatorStage) -> None:
    stage.apply(parallel_run())
    for status, watch in ((503, False), (429, False), (409, False), (410, True)):
        method = "GET" if watch else "PATCH"
        stage.stage.fail(status, method, "parallelruns", watch=watch, headers={"Retry-After": "0"})
    async with stage.operator():
        await until(lambda: stage.status().get("rollout") == 1)
        stage.stage.cluster.forget()
        stage.stage.cluster.end_watches()
        stage.apply(parallel_run(name="other"))
        await until(lambda: stage.status("other").get("rollout") == 1)
    assert stage.orders == ["start"]


async def test_who_may_not_look_is_told(stage: OperatorStage) -> None:
    stage.stage.fail(403, "GET", "parallelruns", times=100)
    async with stage.operator():
        await until(lambda: stage.said)
    assert "ParallelRuns of default cannot be looked at: 403" in stage.said[0]


async def test_sentences_are_not_written_at_every_look(stage: OperatorStage) -> None:
    stage.apply(parallel_run())
    async with stage.operator():
        await until(lambda: stage.status().get("rollout") == 1)
        asked = len(stage.stage.cluster.asked)
        await until(lambda: len(stage.stage.cluster.asked) > asked + 8)  # it reads the Secret at each look
    told = [body for verb, *_, body in stage.stage.cluster.writes if verb == "merge status"]
    assert len(told) <= 4


def test_without_a_way_to_a_cluster_there_is_no_operator(tmp_path: Path) -> None:
    environ = {"KUBECONFIG": str(tmp_path / "none")}
    with pytest.raises(DriverError, match="no way to a Kubernetes cluster"):
        Operator(FakeClock(), lambda _: None, environ=environ, service_account=tmp_path)
