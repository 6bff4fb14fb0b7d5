"""A candidate that fails, in every way: its users do not notice where that is possible, and nothing is sent twice."""

import asyncio
import signal
import time
from dataclasses import replace

import pytest

from abreast.bench.origin import Origin
from abreast.model.service import Probe, Version
from tests.integration.client import Answer, answers
from tests.integration.servers import OriginProcess, origin_process
from tests.integration.stage import DEADLINE_S, Stage, backend

USERS = 100
V2 = Version("v2", run=("serve",), timeout_s=0.5)


async def ask_all(stage: Stage, method: str, *, at_once: bool = False) -> list[Answer]:
    """One request of each user, each with an identity of its own; ``at_once`` where answers may take long."""
    headers = [{"x-user-id": f"user-{user}", "idempotency-key": f"{method}-{user}"} for user in range(USERS)]
    return await answers(stage.port, headers, method, connections=USERS if at_once else 4)


async def opened(stage: Stage, v1: Origin, port: int) -> None:
    """Both versions serve, half of the users each, and have been seen to."""
    await stage.open(stage.traffic(backend("v1", v1.port), backend(V2, port), weight=5000))
    seen = await answers(stage.port, ({"x-user-id": f"user-{user}"} for user in range(USERS)))
    assert {each.version for each in seen} == {"v1", "v2"}
    assert {each.status for each in seen} == {200}


def sent_twice(v1: Origin, v2: Origin, method: str) -> list[str]:
    """The requests that were received more than once, by whichever version."""
    together = v1.seen.ids + v2.seen.ids
    return sorted(name for name, count in together.items() if count > 1 and name.startswith(method))


@pytest.mark.parametrize("mode", ["fail", "reset", "close", "hang"])
async def test_reading_never_fails_and_is_tried_again_once(stage: Stage, v1: Origin, v2: Origin, mode: str) -> None:
    await opened(stage, v1, v2.port)
    v2.behaviour = v2.behaviour.changed({"mode": mode})
    got = await ask_all(stage, "GET", at_once=mode == "hang")
    assert [each.status for each in got] == [200] * USERS
    assert {each.version for each in got} == {"v1"}
    tried = {name for name in v2.seen.ids if name.startswith("GET")}
    assert tried, "the candidate was tried"
    assert all(v2.seen.ids[name] == 1 and v1.seen.ids[name] == 1 for name in tried), "and each only once"


@pytest.mark.parametrize("mode", ["fail", "reset", "close", "hang"])
async def test_what_reached_the_candidate_is_never_sent_again(stage: Stage, v1: Origin, v2: Origin, mode: str) -> None:
    await opened(stage, v1, v2.port)
    v2.behaviour = v2.behaviour.changed({"mode": mode})
    got = await ask_all(stage, "POST", at_once=mode == "hang")
    assert sent_twice(v1, v2, "POST") == []
    reached = {name for name in v2.seen.ids if name.startswith("POST")}
    failed = {f"POST-{user}" for user, each in enumerate(got) if each.status >= 400}
    assert failed == reached != set(), "exactly what the candidate took, failed"
    if mode != "hang":
        assert len(failed) < USERS / 4, "after a few failures the candidate is given up"


async def test_a_hung_candidate_is_given_up_at_its_own_time_out(stage: Stage, v1: Origin, v2: Origin) -> None:
    """The candidate's time-out is 0.5 s, the gateway's 5 s."""
    await opened(stage, v1, v2.port)
    v2.behaviour = v2.behaviour.changed({"mode": "hang"})
    async with asyncio.timeout(stage.settings.timeout_s):
        got = await ask_all(stage, "POST", at_once=True)
    assert {each.status for each in got} == {200, 504}
    await stage.counted(
        lambda counts: counts["v2"].errors == sum(each.status == 504 for each in got), "each time-out is an error"
    )


async def test_a_candidate_that_stops_answering_altogether(stage: Stage, v1: Origin) -> None:
    """SIGSTOP: the kernel goes on to accept connections and bytes."""
    async with origin_process("v2") as v2:
        await opened(stage, v1, v2.port)
        v2.signal(signal.SIGSTOP)
        got = await ask_all(stage, "GET", at_once=True)
        posted = await ask_all(stage, "POST", at_once=True)
        v2.signal(signal.SIGCONT)
        await _awake(v2)
        seen = await v2.control()
    assert [each.status for each in got] == [200] * USERS
    assert {each.status for each in posted} <= {200, 504}
    assert seen["duplicates"] == {}
    answered_200 = sum(each.status == 200 for each in posted)
    assert answered_200 == sum(name.startswith("POST") for name in v1.seen.ids), "what timed out went nowhere else"


async def _awake(origin: OriginProcess) -> None:
    """Wait until it has taken in what had piled up."""
    before = -1
    while (now := (await origin.control())["requests"]) != before:
        before = now
        await asyncio.sleep(0.05)


async def test_a_killed_candidate_is_not_noticed(stage: Stage, v1: Origin) -> None:
    async with origin_process("v2") as v2:
        await opened(stage, v1, v2.port)
        v2.signal(signal.SIGKILL)
        await v2.process.wait()
        for method in ("GET", "POST"):
            got = await ask_all(stage, method)
            assert [each.status for each in got] == [200] * USERS, "nothing reached it, so a POST may be tried again"
    assert sent_twice(v1, v1, "POST") == sorted(f"POST-{user}" for user in range(USERS)), "each reached v1"
    assert all(count == 1 for count in v1.seen.ids.values())


async def test_an_instance_that_fails_its_health_checks_gets_nothing(stage: Stage, v1: Origin) -> None:
    ready = replace(V2, name="v1", ready=Probe("http", "/healthz", interval_s=0.1, timeout_s=2.0))
    async with Origin("v1") as other:
        await stage.open(stage.traffic(backend(ready, v1.port, other.port)))
        await ask_all(stage, "GET")
        assert v1.seen.requests
        assert other.seen.requests
        other.behaviour = other.behaviour.changed({"healthy": False})
        await until_flag(stage, other.port, "failed_active_health_check")
        before = other.seen.requests
        got = await ask_all(stage, "POST")
        assert ({each.status for each in got}, other.seen.requests) == ({200}, before)
        other.behaviour = other.behaviour.changed({"healthy": True})
        await until_flag(stage, other.port, "")
        await ask_all(stage, "GET")
        assert other.seen.requests > before


async def test_a_failing_candidate_is_left_out_and_asked_again_five_times_a_second(
    stage: Stage, v1: Origin, v2: Origin
) -> None:
    """Users are spared most of its failures, yet enough of them come in each second to prove that it fails."""
    version = replace(V2, ready=Probe("http", "/healthz", interval_s=0.1))
    await stage.open(stage.traffic(backend("v1", v1.port), backend(version, v2.port), weight=10_000))
    v2.behaviour = v2.behaviour.changed({"mode": "fail"})
    checks, begun_s = v2.seen.health_checks, time.monotonic()
    got: list[Answer] = []
    while v2.seen.requests < 25:
        assert time.monotonic() - begun_s < DEADLINE_S, f"it was asked {v2.seen.requests} times only"
        got += await ask_all(stage, "GET")
    elapsed_s = time.monotonic() - begun_s
    assert {each.status for each in got} == {200}
    assert len(got) > 2 * v2.seen.requests, "most users were spared"
    assert v2.seen.health_checks > checks + 2
    # A passing health check, ten a second, does not bring it back: the end of half a second does.
    assert elapsed_s > 0.5 * (v2.seen.requests // 5 - 2)


async def test_half_of_stable_at_most_is_ejected(stage: Stage, v1: Origin) -> None:
    """The other half may be failing for a reason that has nothing to do with it, and is all there is."""
    async with Origin("v1") as other:
        await stage.open(stage.traffic(backend("v1", v1.port, other.port)))
        for each in (v1, other):
            each.behaviour = each.behaviour.changed({"mode": "close"})
        await ask_all(stage, "POST")
        flags = await stage.health_flags("v1")
        assert sorted(flags.values()) == ["", "failed_outlier_check"]


async def until_flag(stage: Stage, port: int, flag: str, cluster: str = "v1") -> None:
    """Wait until Envoy holds this against the instance; "" for nothing."""
    async with asyncio.timeout(DEADLINE_S):
        while (await stage.health_flags(cluster)).get(port) != flag:
            await asyncio.sleep(0.02)


async def test_limits_are_those_of_the_version(stage: Stage, v1: Origin, v2: Origin) -> None:
    limited = replace(V2, max_connections=77, max_requests=99)
    await stage.open(stage.traffic(backend("v1", v1.port), backend(limited, v2.port), weight=5000))
    dump = await stage.admin("/config_dump?resource=dynamic_active_clusters")
    limits = {each["cluster"]["name"]: each["cluster"]["circuit_breakers"]["thresholds"][0] for each in dump["configs"]}
    assert sorted(limits) == ["abreast/relay", "v1", "v2", "v2/idempotent", "v2/stream", "v2/timed", "v2/unsafe"]
    for name in ("v2", "v2/timed", "v2/idempotent", "v2/unsafe", "v2/stream"):
        assert limits[name]["max_connections"] == 77, name
        assert limits[name]["max_requests"] == limits[name]["max_pending_requests"] == 99, name
    assert limits["v2/idempotent"]["max_retries"] == 99
    assert limits["v1"]["max_connections"] == Version("v1").max_connections
