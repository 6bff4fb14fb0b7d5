"""What is told once, and what is told while it stands."""

from abreast.alerts.outbox import WAITING, Once, Standing
from tests.alerts.test_alert import an_alert


class TestOnce:
    """Each alert is one message."""

    def test_they_go_in_order_until_they_arrive(self) -> None:
        outbox = Once()
        first, second = an_alert(1), an_alert(2, "reopened")
        outbox.put(first)
        outbox.put(second)
        assert list(outbox.batches()) == [(first,), (second,)]
        outbox.delivered((first,))
        assert list(outbox.batches()) == [(second,)]
        outbox.delivered((second,))
        assert list(outbox.batches()) == []

    def test_the_end_of_a_finding_is_no_message(self) -> None:
        outbox = Once()
        outbox.put(an_alert(1, "accepted"))
        outbox.put(an_alert(2, "resolved"))
        outbox.standing([an_alert(3)], 5.0)
        assert list(outbox.batches()) == []

    def test_of_too_many_the_oldest_are_dropped(self) -> None:
        outbox = Once()
        for number in range(1, WAITING + 4):
            outbox.put(an_alert(number))
        numbers = [alert.name.number for (alert,) in outbox.batches()]
        assert numbers == list(range(4, WAITING + 4))


class TestStanding:
    """All in one message, again and again."""

    def test_what_stands_is_told_every_time_in_its_newest_state(self) -> None:
        outbox = Standing()
        assert list(outbox.batches()) == []
        outbox.put(an_alert(1))
        outbox.put(an_alert(2))
        again = an_alert(1, "reopened")
        outbox.put(again)
        for _ in range(2):
            (batch,) = outbox.batches()
            assert set(batch) == {again, an_alert(2)}
            outbox.delivered(batch)

    def test_what_is_over_is_told_until_that_has_arrived_once(self) -> None:
        outbox = Standing()
        outbox.put(an_alert(1))
        over = an_alert(1, "accepted")
        outbox.put(over)
        assert list(outbox.batches()) == [(over,)]
        assert list(outbox.batches()) == [(over,)]
        outbox.delivered((over,))
        assert list(outbox.batches()) == []

    def test_what_no_longer_stands_is_resolved_and_what_does_is_told_from_now_on(self) -> None:
        outbox = Standing()
        outbox.put(an_alert(1))
        outbox.put(an_alert(2, "accepted"))
        outbox.standing([an_alert(3)], 1_763_000_999.0)
        (batch,) = outbox.batches()
        told = {alert.name.number: (alert.change, alert.told_at) for alert in batch}
        assert told == {
            1: ("resolved", 1_763_000_999.0),
            2: ("accepted", 1_763_000_200.0),
            3: ("new", 1_763_000_200.0),
        }
        outbox.delivered(batch)
        assert list(outbox.batches()) == [(an_alert(3),)]
