"""What the gateway counts is exactly what happened."""

from collections import Counter

from abreast.bench.origin import Origin
from abreast.model.service import Version
from tests.integration.client import Answer, Connection, answers
from tests.integration.stage import Stage, backend, until

V2 = Version("v2", run=("serve",), timeout_s=0.5)


async def opened(stage: Stage, v1: Origin, v2: Origin, version: Version = V2) -> None:
    """Both versions serve, half of the users each."""
    await stage.open(stage.traffic(backend("v1", v1.port), backend(version, v2.port), weight=5000))


def users(count: int) -> list[dict[str, str]]:
    """One request's headers for each."""
    return [{"x-user-id": f"user-{user}"} for user in range(count)]


def by_version(seen: list[Answer]) -> Counter[str]:
    """How many answers each version gave."""
    return Counter(each.version for each in seen)


async def test_attempts_are_counted_by_version_and_code(stage: Stage, v1: Origin, v2: Origin) -> None:
    await opened(stage, v1, v2)
    v1.behaviour = v1.behaviour.changed({"fail_share": 0.1})
    seen = await answers(stage.port, users(400))
    await stage.counted(
        lambda counts: sum(each.requests for each in counts.values()) == 400, "each request is counted once"
    )
    recent = stage.gateway.counts.recent(60.0)
    expected = by_version(seen)
    failed = sum(each.status == 500 for each in seen)
    assert failed > 0
    assert dict(recent["v1"].codes) == {200: expected["v1"] - failed, 500: failed}
    assert dict(recent["v2"].codes) == {200: expected["v2"]}
    assert dict(stage.gateway.counts.users) == {200: 400 - failed, 500: failed}
    # Envoy merges histograms after it has answered: they are one reading late.
    await stage.counted(
        lambda counts: all(counts[name].latencies.count == expected[name] for name in ("v1", "v2")),
        "each has a latency",
    )
    recent = stage.gateway.counts.recent(60.0)
    for version in ("v1", "v2"):
        assert 0.0 < (recent[version].latencies.quantile(0.5) or 0.0) < 5000.0, "in milliseconds"


async def test_what_was_rescued_is_the_difference_between_attempts_and_users(
    stage: Stage, v1: Origin, v2: Origin
) -> None:
    await opened(stage, v1, v2)
    # Every second one: never five in a row, so that nothing is ejected.
    v2.behaviour = v2.behaviour.changed({"fail_share": 0.5})
    read = await answers(stage.port, users(200), connections=1)
    written = await answers(stage.port, users(200), "POST", connections=1)
    at_users = sum(each.status == 500 for each in written)
    assert {each.status for each in read} == {200}
    tried = v2.seen.requests
    failed = tried // 2
    rescued = failed - at_users
    await stage.counted(lambda counts: counts["v1"].requests + counts["v2"].requests == 400 + rescued, "every attempt")
    tally = stage.gateway.counts.tally(0.0)
    assert (tally["v2"].requests, tally["v2"].errors) == (tried, failed)
    assert (tally["v1"].requests, tally["v1"].errors) == (v1.seen.requests, 0)
    assert dict(stage.gateway.counts.users) == {200: 400 - at_users, 500: at_users}
    assert 0 < rescued < failed


async def test_an_attempt_without_an_answer_has_code_0(stage: Stage, v1: Origin, v2: Origin) -> None:
    await opened(stage, v1, v2)
    v2.behaviour = v2.behaviour.changed({"mode": "reset"})
    seen = await answers(stage.port, users(20), connections=1)
    assert by_version(seen) == {"v1": 20}
    await stage.counted(lambda counts: "v2" in counts and counts["v2"].requests == v2.seen.requests > 0, "the resets")
    assert set(stage.gateway.counts.recent(60.0)["v2"].codes) == {0}
    assert dict(stage.gateway.counts.users) == {200: 20}


async def test_hung_requests_show_before_they_time_out(stage: Stage, v1: Origin, v2: Origin) -> None:
    patient = Version("v2", run=("serve",), timeout_s=60.0)
    await opened(stage, v1, v2, patient)
    v2.behaviour = v2.behaviour.changed({"mode": "hang"})
    open_ones = [await Connection.open(stage.port) for _ in range(30)]
    for user, connection in enumerate(open_ones):
        connection.send(headers={"x-user-id": f"user-{user}"})
    await until(lambda: v2.seen.requests + v1.seen.requests == 30, "all have arrived")
    hung = v2.seen.requests
    await stage.counted(lambda counts: "v2" in counts and counts["v2"].in_flight == hung, "in flight")
    assert stage.gateway.counts.waiting("v2", 30.0) == 0, "they may all be young"
    await until(lambda: stage.gateway.counts.waiting("v2", 0.3) == hung, "all are older than that")
    assert stage.gateway.counts.waiting("v1", 0.3) == 0
    for connection in open_ones:
        connection.writer.transport.abort()
    await stage.counted(lambda counts: counts["v2"].in_flight == 0, "given up with their users")


async def test_a_request_that_reaches_no_version_is_the_user_s_failure_alone(stage: Stage, v1: Origin) -> None:
    await stage.open(stage.traffic(backend("v1")))
    seen = await answers(stage.port, users(10), connections=10)
    assert {each.status for each in seen} == {503}
    await stage.publish(stage.traffic(backend("v1", v1.port)))
    await answers(stage.port, users(10))
    await stage.counted(lambda counts: "v1" in counts and counts["v1"].requests == 10, "the second ten")
    assert dict(stage.gateway.counts.users) == {503: 10, 200: 10}
    assert set(stage.gateway.counts.recent(60.0)) == {"v1"}


async def test_counting_goes_on_through_a_hot_restart(stage: Stage, v1: Origin, v2: Origin) -> None:
    await opened(stage, v1, v2)
    await answers(stage.port, users(100))
    await stage.counted(lambda counts: sum(each.requests for each in counts.values()) == 100, "the old Envoy's")
    async with await stage.connect() as before:
        assert (await before.ask()).status == 200
        await stage.gateway.processes.restart()
        await stage.obeyed()
        await answers(stage.port, users(100))
        assert (await before.ask()).status == 200, "on the connection that the old Envoy has"
    await stage.counted(lambda counts: sum(each.requests for each in counts.values()) >= 202, "what both have done")
    for _ in range(3):
        await stage.gateway.read_counts()
    assert sum(each.requests for each in stage.gateway.counts.recent(60.0).values()) == 202, "and none of it twice"
