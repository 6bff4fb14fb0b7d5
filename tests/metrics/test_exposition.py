"""One scrape: well-formed in both formats, complete, and going on where the store does."""

import asyncio

import pytest

from abreast import __version__
from abreast.findings.book import Book
from abreast.metrics.catalogue import BUILD, CATALOGUE, OPEN, VALUES
from abreast.metrics.exposition import EventCounts, Exposition
from abreast.model.event import Event, EventKind
from tests.controller.stage import FULL, Stage
from tests.fakes.alerts import FakeAlerts
from tests.fakes.findings_desk import FakeFindingsDesk
from tests.metrics.pages import OPENMETRICS, OURS, Page, parsed, scraped
from tests.operations.desk import Desk, desk_of
from tests.rollout.traffic import GOOD


async def everything() -> Desk:
    """A rollout that has something to show of every kind."""
    stage = await Stage.climbing(shadow=2000)
    await stage.serves(5, GOOD)
    desk = desk_of(stage)
    desk.control.findings = FakeFindingsDesk(Book(stage.rollout.number))
    desk.control.alerts = FakeAlerts()
    return desk


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4"),
        ("text/html,*/*;q=0.1", "text/plain; version=0.0.4"),
        ("text/plain;version=0.0.4", "text/plain; version=0.0.4"),
        (OPENMETRICS, "application/openmetrics-text; version=1.0.0"),
        ("application/openmetrics-text; version=¾", "application/openmetrics-text; version=1.0.0"),
    ],
)
async def test_the_format_is_the_one_that_is_asked_for(accept: str, content_type: str) -> None:
    page, got = await Exposition((await everything()).control).scrape(accept)
    assert got.startswith(content_type)
    openmetrics = "openmetrics" in content_type
    assert page.endswith(b"# EOF\n") == openmetrics
    found = parsed(page, openmetrics=openmetrics)
    assert found.value("abreast_build_info", release=__version__) == 1


async def test_both_formats_say_the_same() -> None:
    exposition = Exposition((await everything()).control)
    text, _ = await exposition.scrape("")
    modern, _ = await exposition.scrape(OPENMETRICS)

    def ours(page: Page) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        return {
            (each.name, frozenset(each.labels.items())): each.value
            for each in page.samples
            if each.name.startswith(OURS)
        }

    assert ours(parsed(text)) == ours(parsed(modern, openmetrics=True))


async def test_exactly_the_catalogue_is_shown() -> None:
    page = await scraped(Exposition((await everything()).control))
    assert page.names() == {name for metric in CATALOGUE for name in metric.samples if name.startswith(OURS)}
    for metric in CATALOGUE:
        family = page.families[metric.name]
        assert (family.type, family.documentation) == (metric.type, metric.help)


async def test_cardinality_is_what_the_catalogue_allows() -> None:
    page = await scraped(Exposition((await everything()).control))
    for metric in CATALOGUE:
        samples = page.families[metric.name].samples
        assert 0 < len(samples) <= metric.most(versions=3, gates=3), metric.name
        for sample in samples:
            assert set(sample.labels) - {"le"} == {"service", *metric.labels}
            assert all(sample.labels[label] in VALUES[label] for label in metric.labels if label not in OPEN)
    assert BUILD.labels == ("release",)


async def test_the_process_shows_itself() -> None:
    page = await scraped(Exposition((await everything()).control))
    assert page.value("process_resident_memory_bytes") > 1e6
    assert page.value("process_cpu_seconds_total") > 0


async def test_events_are_counted_by_kind_and_go_on_after_a_restart() -> None:
    desk = desk_of(await Stage.climbing())
    exposition = Exposition(desk.control)
    before = await scraped(exposition)
    await desk.stage.order("pause")
    paused = await scraped(exposition)
    assert before.value("abreast_events_total", kind="phase") + 1 == paused.value("abreast_events_total", kind="phase")
    again = await scraped(Exposition(desk.control))
    for kind in EventKind:
        assert paused.value("abreast_events_total", kind=kind) == again.value("abreast_events_total", kind=kind)
    stored = await desk.stage.store.events("shop", limit=10_000)
    assert sum(again.value("abreast_events_total", kind=kind) for kind in EventKind) == len(stored)


async def test_scrapes_at_the_same_time_count_no_event_twice() -> None:
    stage = await Stage.climbing()
    events = [Event(float(at), 1, EventKind.CHECK, "abreast", "said") for at in range(50)]
    await stage.store.save(stage.rollout, events)
    counts = EventCounts(stage.store, "shop")
    await asyncio.gather(*(counts.read() for _ in range(5)))
    assert counts.known[EventKind.CHECK] == 50


async def test_a_store_that_cannot_be_used_is_told_and_the_rest_is_shown() -> None:
    stage = await Stage.climbing()
    exposition = Exposition(desk_of(stage).control)
    seen = await scraped(exposition)
    assert seen.value("abreast_store_up") == 1
    stage.store.broken = FULL
    await stage.order("abort")
    page = await scraped(exposition)
    assert page.value("abreast_store_up") == 0
    assert page.value("abreast_events_total", kind="started") == seen.value("abreast_events_total", kind="started")
    assert page.value("abreast_gateway_nodes", node_state="known") == 2
