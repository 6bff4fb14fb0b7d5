"""What is known of a cluster, whatever happens to the connection."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random

import pytest
from lightkube.resources.apps_v1 import Deployment

from abreast.drivers.kubernetes_api import RequestError, Selection, Trouble
from abreast.drivers.kubernetes_mirror import Mirror, Pauses, Reach
from abreast.drivers.timing import Timing
from tests.drivers.kubernetes_stage import KubernetesStage, deployment, kubernetes_stage
from tests.fakes.clock import FakeClock

SELECTION = Selection(Deployment, "default")


class Watching:
    """A mirror at work on a clock that stands still by itself."""

    def __init__(self, stage: KubernetesStage, clock: FakeClock) -> None:
        self.stage = stage
        self.clock = clock
        self.changes = 0
        self.line = stage.line()
        self.mirror = Mirror(self.line, SELECTION, self._changed)
        self.task = asyncio.create_task(self.mirror.run())

    def _changed(self) -> None:
        self.changes += 1

    async def until(self, condition: Callable[[], object], limit_s: float = 30.0) -> float:
        """Let time pass until it holds; how much."""
        began = self.clock.now()
        while not condition():
            assert self.clock.now() - began < limit_s, f"not within {limit_s} s"
            await self.clock.advance(0.05)
            await asyncio.sleep(0.002)
        return self.clock.now() - began

    def replicas(self) -> dict[str, int | None]:
        return {name: found.spec.replicas for name, found in self.mirror.objects.items()}

    def lists(self) -> int:
        return self.stage.cluster.count("GET", "deployments")


@pytest.fixture
async def watching(tmp_path: Path) -> AsyncIterator[Watching]:
    clock = FakeClock()
    async with kubernetes_stage(tmp_path, clock) as stage:
        stage.timing = Timing()
        stage.cluster.write("deployments", deployment("a", replicas=1))
        made = Watching(stage, clock)
        await made.until(lambda: made.mirror.listed)
        yield made
        made.task.cancel()
        await asyncio.wait({made.task})
        await made.line.api.close()


async def test_it_is_listed_once_and_watched_from_there(watching: Watching) -> None:
    cluster = watching.stage.cluster
    cluster.write("deployments", deployment("a", replicas=2))
    cluster.write("deployments", deployment("b"))
    await watching.until(lambda: watching.replicas() == {"a": 2, "b": 0})
    cluster.remove("deployments", "default", "a")
    await watching.until(lambda: watching.replicas() == {"b": 0})
    assert watching.lists() == 1


async def test_a_watch_that_ends_goes_on_from_the_last_version_bookmarks_included(watching: Watching) -> None:
    cluster = watching.stage.cluster
    await watching.until(lambda: cluster.count("GET", "deployments", watch=True))
    cluster.forget()  # what was listed is too old now, but for the bookmark
    cluster.bookmark()
    await asyncio.sleep(0.05)
    cluster.end_watches()
    await watching.until(lambda: cluster.count("GET", "deployments", watch=True) == 2)
    cluster.write("deployments", deployment("a", replicas=5))
    await watching.until(lambda: watching.replicas() == {"a": 5})
    assert watching.lists() == 1


async def test_a_version_that_is_forgotten_is_listed_anew(watching: Watching) -> None:
    cluster = watching.stage.cluster
    await watching.until(lambda: cluster.count("GET", "deployments", watch=True))
    cluster.forget()
    cluster.end_watches()
    await asyncio.sleep(0.02)
    cluster.remove("deployments", "default", "a")
    cluster.write("deployments", deployment("c"))
    await watching.until(lambda: watching.replicas() == {"c": 0})
    assert watching.lists() == 2
    assert watching.stage.said == []


async def test_a_server_away_for_a_minute_is_said_once_and_what_was_known_holds(watching: Watching) -> None:
    cluster = watching.stage.cluster
    cluster.cut = True
    cluster.end_watches()
    await watching.until(lambda: watching.stage.said)
    began = watching.clock.now()
    while watching.clock.now() - began < 60:
        assert watching.replicas() == {"a": 1}
        await watching.clock.advance(0.5)
        await asyncio.sleep(0.002)
    asked = watching.lists()
    assert 10 <= asked <= 40, "back-off: at most every five seconds or so"
    assert len(watching.stage.said) == 1
    assert "does not answer" in watching.stage.said[0]
    assert "what it said last goes on holding" in watching.stage.said[0]
    cluster.write("deployments", deployment("a", replicas=9))
    cluster.cut = False
    took_s = await watching.until(lambda: watching.replicas() == {"a": 9})
    assert took_s <= 6.5
    assert len(watching.stage.said) == 2
    assert "answers again, after 7" in watching.stage.said[1]


async def test_a_connection_that_breaks_is_not_worth_a_word(watching: Watching) -> None:
    cluster = watching.stage.cluster
    cluster.cut = True
    cluster.end_watches()
    await watching.until(lambda: watching.lists() >= 2)
    cluster.cut = False
    cluster.write("deployments", deployment("a", replicas=3))
    await watching.until(lambda: watching.replicas() == {"a": 3})
    assert watching.stage.said == []


async def test_a_server_that_throttles_is_left_alone_as_long_as_it_asks(watching: Watching) -> None:
    cluster = watching.stage.cluster
    watching.stage.fail(429, "GET", "deployments", watch=True, headers={"Retry-After": "20"})
    before = watching.lists()
    cluster.end_watches()
    cluster.write("deployments", deployment("a", replicas=4))
    took_s = await watching.until(lambda: watching.lists() > before)
    assert took_s >= 20
    await watching.until(lambda: watching.replicas() == {"a": 4})


async def test_who_may_not_look_says_so_and_tries_again(watching: Watching) -> None:
    cluster = watching.stage.cluster
    fault = watching.stage.fail(403, "GET", "deployments", watch=True)
    listing = watching.stage.fail(403, "GET", "deployments", times=2)
    cluster.end_watches()
    await watching.until(lambda: watching.mirror.refusal)
    assert "403" in watching.mirror.refusal
    assert watching.replicas() == {"a": 1}
    await watching.until(lambda: not watching.mirror.refusal, 300.0)
    assert (fault.times, listing.times) == (0, 0)


def test_pauses_grow_up_to_the_most_and_start_anew() -> None:
    pauses = Pauses(Timing(), Random(1))
    away = RequestError(Trouble.AWAY, "")
    grown = [pauses.after_s(away) for _ in range(8)]
    assert grown[0] < 1 < grown[3]
    assert max(grown) == 5.0
    assert pauses.after_s(RequestError(Trouble.THROTTLED, "", 30.0)) == 30.0
    assert pauses.after_s(RequestError(Trouble.REFUSED, "")) == pauses.hopeless_s == 15.0
    pauses.reset()
    assert pauses.after_s(away) < 1


def test_reach_says_nothing_of_a_short_while() -> None:
    clock, said = FakeClock(), list[str]()
    reach = Reach("https://a", clock, said.append)
    for _ in range(5):
        reach.failed(RequestError(Trouble.AWAY, "refused"))
        clock.time += 1
    reach.answered()
    assert said == []
    reach.failed(RequestError(Trouble.AWAY, "refused"))
    clock.time += 6
    reach.failed(RequestError(Trouble.AWAY, "refused"))
    reach.failed(RequestError(Trouble.AWAY, "refused"))
    reach.answered()
    reach.answered()
    assert said == [
        "the API server https://a does not answer (refused); what it said last goes on holding",
        "the API server https://a answers again, after 6 s",
    ]
