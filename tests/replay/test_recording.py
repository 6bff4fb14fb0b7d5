from dataclasses import replace

from abreast.analysis.tick import Tick
from abreast.model.checks import PromqlGate, Webhook
from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase, Policy
from abreast.replay.ndjson import lines, parse
from abreast.replay.recording import Recording, first_state, recorded, shareable
from tests.rollout.play import BEGIN, under_way


def an_event(kind: EventKind, *, rollout: int = 1, at: float = BEGIN) -> Event:
    return Event(at, rollout, kind, "abreast", "because")


def test_the_first_state_is_that_of_a_rollout_that_was_just_begun() -> None:
    last = under_way(Phase.BAKING, held=True, weight=10_000, started_at=BEGIN - 50, attempt_since=BEGIN - 10)
    start = first_state(last)
    assert (start.service, start.number, start.stable, start.candidate) == ("shop", 1, "v1", "v2")
    assert start.policy == last.policy
    assert (start.phase, start.step, start.weight, start.revision, start.held) == (Phase.PENDING, 0, 0, 0, False)
    assert start.phase_since == start.attempt_since == start.started_at == BEGIN - 50


def test_only_the_rollouts_own_decisions_are_recorded_in_order_of_time() -> None:
    events = (
        an_event(EventKind.STEP, at=BEGIN + 2),
        an_event(EventKind.STEP, rollout=2),
        an_event(EventKind.INSTANCE),
        an_event(EventKind.GATEWAY),
        an_event(EventKind.FINDING),
        an_event(EventKind.VERDICT, at=BEGIN + 1),
    )
    recording = recorded(under_way(Phase.PROGRESSING), (Tick(BEGIN + 1),), events)
    assert [event.kind for event in recording.events] == [EventKind.VERDICT, EventKind.STEP]


def test_of_a_takeover_it_is_recorded_when_and_not_which_server() -> None:
    event = replace(an_event(EventKind.LEASE), reason="server db-7 decides now (token 2)")
    recording = recorded(under_way(Phase.PROGRESSING), (Tick(BEGIN + 1),), (event,))
    assert recording.events == (replace(event, reason="a server took over"),)
    assert parse("\n".join(lines(recording)), "it") == recording


def test_it_ends_with_its_last_second() -> None:
    start = first_state(under_way(Phase.PROGRESSING))
    assert Recording(start, (Tick(BEGIN + 1), Tick(BEGIN + 2)), ()).ended_at == BEGIN + 2
    assert Recording(start, (), ()).ended_at == BEGIN


def test_what_may_be_secret_in_a_policy_is_left_out() -> None:
    policy = Policy(
        promql=(PromqlGate("p99", "https://me:pass@prometheus:9090/a?token=s", "up", at_most=1.0),),
        webhooks=(Webhook("smoke", "rollout", "https://me:pass@hooks/secret", metadata=(("key", "s"),)),),
    )
    shared = shareable(policy)
    assert shared.promql == (replace(policy.promql[0], server="https://prometheus:9090"),)
    assert shared.webhooks == (replace(policy.webhooks[0], url="https://hooks", metadata=()),)
    assert replace(shared, promql=(), webhooks=()) == Policy()
