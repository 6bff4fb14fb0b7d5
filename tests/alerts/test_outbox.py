"""What is told once, and what is told while it stands."""

from abreast.alerts.outbox import WAITING, Once, Standing
from tests.alerts.test_alert import a_cause, an_alert


class TestOnce:
    """Each alert is one message."""

    def test_they_go_in_order_until_they_arrive(self) -> None:
        outbox = Once()
        first, second = a_cause(rollout=1), a_cause(rollout=2)
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
        (batch,) = outbox.batches()
        assert [int(alert.name.subject) for alert in batch] == list(range(4, WAITING + 4))

    def test_what_waits_is_one_message_for_each_service_and_rollout(self) -> None:
        outbox = Once()
        alerts = [a_cause(rollout=1), an_alert(1), a_cause(rollout=2), a_cause("held", rollout=2)]
        for alert in alerts:
            outbox.put(alert)
        assert list(outbox.batches()) == [tuple(alerts[:2]), tuple(alerts[2:])]
        outbox.delivered(tuple(alerts[:2]))
        assert list(outbox.batches()) == [tuple(alerts[2:])]

    def test_the_end_of_a_cause_is_told_and_of_a_finding_where_that_is_wanted(self) -> None:
        finding, cause = an_alert(1, "resolved"), a_cause(change="resolved")
        for outbox, told in ((Once(), [(cause,)]), (Once(ends=True), [(finding,), (cause,)])):
            outbox.put(finding)
            outbox.put(cause)
            assert list(outbox.batches()) == told

    def test_what_is_known_is_no_message_and_a_reminder_not_beside_what_waits(self) -> None:
        outbox = Once()
        outbox.put(a_cause(change="known"))
        assert list(outbox.batches()) == []
        outbox.put(a_cause(change="reminder"))
        outbox.put(a_cause(change="reminder", told_at=200.0))
        assert list(outbox.batches()) == [(a_cause(change="reminder"),)]


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
        told = {int(alert.name.subject): (alert.change, alert.told_at) for alert in batch}
        assert told == {
            1: ("resolved", 1_763_000_999.0),
            2: ("accepted", 1_763_000_200.0),
            3: ("new", 1_763_000_200.0),
        }
        outbox.delivered(batch)
        assert list(outbox.batches()) == [(an_alert(3),)]

    def test_the_causes_stay_when_the_findings_are_replaced(self) -> None:
        outbox = Standing()
        outbox.put(a_cause())
        outbox.standing([], 5.0)
        assert list(outbox.batches()) == [(a_cause(),)]
