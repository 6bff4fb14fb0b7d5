import asyncio
from dataclasses import replace

import pytest

from abreast.compare.model import Kind, Request
from abreast.findings.report import Key
from abreast.model.shadow import BODY_LIMIT, IsolatedRoute
from abreast.shadow import signing
from abreast.shadow.order import ORDER_JSON, OrderError
from abreast.shadow.plan import Skip
from abreast.shadow.worker import AT_ONCE, QUEUE, QUEUE_BYTES
from tests.shadow.frames import frame, order
from tests.shadow.relaying import (
    NOW,
    ONE,
    TEXT,
    StoppedClock,
    decided,
    held,
    live,
    next_batch,
    relaying,
    saying,
    tell,
    until,
)
from tests.shadow.servers import Heard, answer, hang, serving, talking


async def test_the_candidate_and_another_instance_of_stable_are_asked_and_compared() -> None:
    async with serving(saying(ONE)) as one, serving(saying(ONE)) as two, serving(saying(TEXT)) as candidate:
        said = order(stable=(one.endpoint, two.endpoint), candidate=(candidate.endpoint,))
        async with relaying(said) as relay:
            relay.take(live(one.endpoint))
            await until(lambda: bool(candidate.heard) and held(relay) == 0)
            batch = next_batch(relay)
    assert (batch.relay, batch.rollout, batch.received, batch.compared, batch.held) == ("relay", 1, 1, 1, 0)
    (report,) = batch.endpoints
    assert (report.endpoint, report.compared, report.controlled, report.candidate_only) == ("GET /orders", 1, 1, 1)
    assert [each.key for each in report.paths] == [Key("/total", Kind.TYPE)]
    (sample,) = batch.samples
    assert [(each.path, each.left, each.right) for each in sample.differences] == [("/total", "1", '"1"')]
    assert not one.heard, "the live instance is not asked for its own control"
    assert len(two.heard) == 1


async def test_a_copy_is_signed_and_says_what_the_user_said() -> None:
    async with (
        serving(saying(ONE)) as server,
        relaying(order(stable=(server.endpoint,), candidate=(server.endpoint,))) as relay,
    ):
        relay.take(live(server.endpoint))
        await decided(relay)
    assert len(server.heard) == 2
    for heard in server.heard:
        assert heard.header("host") == ["shop.test"]
        assert heard.header("cookie") == ["a=1"]
        (token,) = heard.header(signing.HEADER)
        assert signing.is_genuine("key", token, "GET", "/orders", NOW)


async def test_the_candidates_live_answer_is_compared_with_stables_from_two_instances() -> None:
    async with serving(saying(ONE)) as one, serving(saying(ONE)) as two, serving(saying(TEXT)) as candidate:
        said = order(stable=(one.endpoint, two.endpoint), candidate=(candidate.endpoint,), controls=10_000)
        async with relaying(replace(said)) as relay:
            relay.take(live(candidate.endpoint, TEXT, "v2"))
            await until(lambda: len(candidate.heard) == 1)  # the confirmation
            batch = next_batch(relay)
    (report,) = batch.endpoints
    assert (report.compared, report.controlled, report.candidate_only) == (1, 1, 1)
    assert len(one.heard) + len(two.heard) == 3
    assert one.heard
    assert two.heard


async def test_without_a_chosen_control_one_is_asked_only_if_the_candidate_differs() -> None:
    async with serving(saying(ONE)) as one, serving(saying(ONE)) as two, serving(saying(ONE)) as candidate:
        said = order(stable=(one.endpoint, two.endpoint), candidate=(candidate.endpoint,), controls=0)
        async with relaying(said) as relay:
            relay.take(live(one.endpoint))
            await decided(relay)
            assert not two.heard
            candidate.reply = saying(TEXT)
            relay.take(live(one.endpoint, id_text="2"))
            await until(lambda: len(two.heard) == 1 and held(relay) == 0)
            batch = next_batch(relay)
    (report,) = batch.endpoints
    assert (report.compared, report.controlled, report.candidate_only) == (2, 0, 1)


async def test_what_differs_in_stable_too_is_noise() -> None:
    count = iter(range(1000))

    def noisy(_: Heard) -> bytes:
        return answer(b'{"total": 1, "nonce": "%032x"}' % (next(count) ** 9), content_type="application/json")

    async with serving(noisy) as one, serving(noisy) as two, serving(noisy) as candidate:
        said = order(stable=(one.endpoint, two.endpoint), candidate=(candidate.endpoint,))
        async with relaying(said) as relay:
            for number in range(30):
                body = noisy(Heard((), b"")).partition(b"\r\n\r\n")[2]
                relay.take(live(one.endpoint, body, id_text=str(number)))
                await decided(relay)
            batch = next_batch(relay)
    assert batch.compared == 30
    assert sum(report.candidate_only for report in batch.endpoints) == 0


async def test_a_difference_is_confirmed_by_asking_both_sides_again() -> None:
    async with (
        serving(saying(ONE)) as stable,
        serving(saying(TEXT)) as candidate,
        relaying(order(stable=(stable.endpoint,), candidate=(candidate.endpoint,))) as relay,
    ):
        relay.take(live(stable.endpoint))
        await until(lambda: (len(stable.heard), len(candidate.heard)) == (2, 2))
        await until(lambda: bool(next_batch(relay).endpoints))
        seen = next_batch(relay)
        relay.take(live(stable.endpoint, id_text="2"))
        await until(lambda: len(candidate.heard) == 4)
        await decided(relay)
        later = next_batch(relay, seen.number)
    counts = [each.count for batch in (seen, later) for report in batch.endpoints for each in report.paths]
    assert sum(count.candidate_only for count in counts) == 2
    assert sum(count.confirmed for count in counts) >= 1
    assert sum(count.transient for count in counts) == 0


async def test_writes_go_to_an_isolated_candidate_once_and_never_to_stable() -> None:
    request = Request("POST", "/cart", (("idempotency-key", "7"), ("content-type", "application/json")), b"{}")
    async with serving(saying(ONE)) as stable, serving(saying(TEXT)) as candidate:
        said = order(
            stable=(stable.endpoint,), candidate=(candidate.endpoint,), isolated=(IsolatedRoute(("POST",), "/cart"),)
        )
        async with relaying(said) as relay:
            relay.take(live(stable.endpoint, request=request))
            relay.take(live(stable.endpoint, request=replace(request, path="/orders")))
            await decided(relay)
            batch = next_batch(relay)
    assert (batch.compared, batch.skipped) == (1, {"side": 1})
    assert not stable.heard
    assert [heard.header("idempotency-key") for heard in candidate.heard] == [["shadow-7"]]
    assert candidate.heard[0].body == b"{}"


async def test_a_follow_up_that_only_the_live_instance_knows_counts_nowhere() -> None:
    def unknown(_: Heard) -> bytes:
        return answer(b"{}", 404, content_type="application/json")

    async with serving(unknown) as one, serving(unknown) as two, serving(unknown) as candidate:
        said = order(stable=(one.endpoint, two.endpoint), candidate=(candidate.endpoint,))
        async with relaying(said) as relay:
            relay.take(live(one.endpoint))
            await decided(relay)
            batch = next_batch(relay)
    assert (batch.compared, batch.skipped, batch.endpoints) == (0, {"not-attributable": 1}, ())


async def test_a_candidate_that_refuses_connections_is_a_difference() -> None:
    async with serving(saying(ONE)) as stable, relaying(order(stable=(stable.endpoint,))) as relay:
        relay.take(live(stable.endpoint))
        await decided(relay)
        (report,) = next_batch(relay).endpoints
    assert [each.key.kind for each in report.paths] == [Kind.NO_ANSWER]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"nonsense", Skip.MALFORMED),
        (frame(flags="cut"), Skip.OVERSIZE),
        (frame(upstream="v0 127.0.0.1:9"), Skip.EXPIRED),
        (frame(Request("GET", "/a b")), Skip.MALFORMED),
        (frame(Request("DELETE", "/")), Skip.SIDE),
    ],
)
async def test_what_cannot_be_compared_is_counted(bad: bytes, reason: Skip) -> None:
    async with relaying(order()) as relay:
        relay.take(bad)
        await decided(relay)
        batch = next_batch(relay)
    assert (batch.received, batch.compared, batch.skipped) == (1, 0, {reason.value: 1})


async def test_an_answer_beyond_the_limit_is_skipped() -> None:
    async with (
        serving(lambda _: answer(b"x" * (BODY_LIMIT + 1))) as server,
        relaying(order(stable=(server.endpoint,), candidate=(server.endpoint,))) as relay,
    ):
        relay.take(live(server.endpoint))
        await decided(relay)
        assert next_batch(relay).skipped == {"oversize": 1}


async def test_without_an_order_or_a_candidate_nobody_is_asked() -> None:
    async with relaying(None) as relay:
        relay.take(frame())
        tell(relay, replace(order(), candidate=None))
        relay.take(frame())
        tell(relay, order(candidate=()))
        relay.take(frame())
        await decided(relay)
        first = next_batch(relay)
        second = next_batch(relay, first.number)
    assert [(each.rollout, each.skipped) for each in (first, second)] == [
        (0, {"no-candidate": 1}),
        (1, {"no-candidate": 2}),
    ]


async def test_what_waited_too_long_has_expired() -> None:
    clock = StoppedClock()
    async with serving(saying(ONE)) as server, talking(hang) as hung:
        said = order(stable=(server.endpoint,), candidate=(hung,), timeout_s=0.2)
        async with relaying(said, clock) as relay:
            for number in range(AT_ONCE + 5):
                relay.take(live(server.endpoint, id_text=str(number)))
            await until(lambda: len(server.heard) == AT_ONCE)
            clock.at_s += 6.0
            await decided(relay)
            batch = next_batch(relay)
    assert (batch.compared, batch.skipped) == (AT_ONCE, {"expired": 5})


async def test_the_queue_is_bounded_by_number_and_by_bytes() -> None:
    async with talking(hang) as hung:
        async with relaying(order(stable=(hung,), candidate=(hung,))) as relay:
            await asyncio.sleep(0)  # the workers wait for work
            for number in range(QUEUE + 100):
                relay.take(live(hung, id_text=str(number)))
            assert next_batch(relay).skipped == {"queue-full": 100}
        async with relaying(order(stable=(hung,), candidate=(hung,))) as relay:
            large = live(hung, b"x" * 400_000)
            for _ in range(QUEUE):
                relay.take(large)
            assert next_batch(relay).skipped == {"queue-full": QUEUE - QUEUE_BYTES // len(large)}


async def test_a_refused_order_changes_nothing() -> None:
    async with relaying(order()) as relay:
        with pytest.raises(OrderError, match="policy"):
            relay.obey(ORDER_JSON.dump_json(order(redact=("nonsense",))))
        with pytest.raises(OrderError):
            relay.obey(b"{}")
        assert relay.health()["rollout"] == 1


async def test_an_exchange_of_an_earlier_rollout_is_not_judged_in_the_next() -> None:
    async with serving(saying(ONE)) as stable, talking(hang) as hung:
        said = order(stable=(stable.endpoint,), candidate=(hung,), timeout_s=0.1)
        async with relaying(said) as relay:
            relay.take(live(stable.endpoint))
            await until(lambda: bool(stable.heard))
            tell(relay, replace(said, rollout=2))
            await decided(relay)
            first = next_batch(relay)
            second = next_batch(relay, first.number)
    assert (first.rollout, first.received, first.held) == (1, 1, 1)
    assert (second.rollout, second.received, second.held, second.skipped) == (2, 0, 0, {"expired": 1})


async def test_silence_is_measured_from_the_last_word() -> None:
    clock = StoppedClock()
    async with relaying(order(), clock) as relay:
        clock.at_s += 5.0
        assert relay.silence_s == 5.0
        relay.report(0)
        assert relay.silence_s == 0.0
        clock.at_s += 5.0
        relay.take(b"nonsense")
        assert relay.silence_s == 0.0


async def test_closing_waits_for_what_is_held_and_for_its_report() -> None:
    async with (
        serving(saying(ONE)) as server,
        relaying(order(stable=(server.endpoint,), candidate=(server.endpoint,))) as relay,
    ):
        relay.take(live(server.endpoint))
        closing = asyncio.create_task(relay.close(10.0))
        await decided(relay)
        relay.take(live(server.endpoint, id_text="2"))
        await decided(relay)
        batch = next_batch(relay)
        assert (batch.received, batch.compared, batch.skipped) == (2, 1, {"queue-full": 1})
        assert not closing.done()
        assert relay.report(batch.number) == b""
        await asyncio.wait_for(closing, 5.0)


async def test_closing_does_not_wait_for_ever() -> None:
    async with talking(hang) as hung, relaying(order(stable=(hung,), candidate=(hung,))) as relay:
        relay.take(live(hung))
        await asyncio.wait_for(relay.close(0.05), 5.0)
        assert held(relay) == 1
