"""Which causes are told, and when."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from abreast.alerts.alert import Alert, Name
from abreast.alerts.causes import MANNERS, Cause, CauseKind
from abreast.alerts.register import ENTRIES_JSON, REMIND_S, Register

HELD = Cause(CauseKind.HELD, "it is held", "not proven", "abreast explain", episode="1/5")
BEHIND = Cause(CauseKind.DISOBEYED, "it does not obey", "it does not", "abreast doctor", "gateway-1")
BACK = Cause(CauseKind.ROLLED_BACK, "v2 was rolled back", "worse", "abreast explain", episode="1/7", at=7.0)


def said(alerts: list[Alert]) -> list[tuple[str, str]]:
    return [(alert.name.cause, alert.change) for alert in alerts]


def test_what_stands_is_told_once_and_its_end_once() -> None:
    register = Register("shop")
    (alert,) = register.look([HELD], 3, 100.0)
    assert alert.name == Name("shop", 3, "held", "")
    assert (alert.change, alert.severity, alert.at, alert.told_at) == ("new", "warning", 100.0, 100.0)
    assert register.look([HELD], 3, 101.0) == []
    (over,) = register.look([], 3, 102.0)
    assert (over.name, over.change, over.at, over.told_at) == (alert.name, "resolved", 100.0, 102.0)
    assert register.look([], 3, 103.0) == []


def test_it_began_when_the_cause_says_so_but_not_in_the_future() -> None:
    for now, at in ((100.0, 7.0), (5.0, 5.0)):
        (alert,) = Register("shop").look([BACK], 1, now)
        assert alert.at == at


def test_what_may_pass_is_told_only_after_its_patience() -> None:
    patience_s = MANNERS[CauseKind.DISOBEYED].patience_s
    register = Register("shop")
    assert register.look([BEHIND], 1, 0.0) == []
    assert register.look([BEHIND], 1, patience_s - 0.1) == []
    (alert,) = register.look([BEHIND], 1, patience_s)
    assert (alert.change, alert.at, alert.labels) == ("new", 0.0, (("gateway", "gateway-1"),))


def test_what_passed_before_that_is_told_to_nobody() -> None:
    register = Register("shop")
    register.look([BEHIND], 1, 0.0)
    assert register.look([], 1, 20.0) == []
    assert register.look([BEHIND], 1, 40.0) == []
    assert said(register.look([BEHIND], 1, 70.0)) == [("gateway-behind", "new")]


def test_one_that_comes_and_goes_is_one_alert() -> None:
    register = Register("shop")
    register.look([BEHIND], 1, 0.0)
    assert said(register.look([BEHIND], 1, 30.0)) == [("gateway-behind", "new")]
    for now in range(31, 60, 2):
        assert register.look([], 1, now) == []
        assert register.look([BEHIND], 1, now + 1.0) == []
    settle_s = MANNERS[CauseKind.DISOBEYED].settle_s
    assert register.look([], 1, 61.0) == []
    assert said(register.look([], 1, 61.0 + settle_s)) == [("gateway-behind", "resolved")]


def test_another_episode_ends_one_alert_and_begins_the_next() -> None:
    register = Register("shop")
    register.look([BACK], 1, 10.0)
    again = replace(BACK, episode="1/20", at=20.0)
    over, new = register.look([again], 1, 21.0)
    assert (over.change, over.at, new.change, new.at) == ("resolved", 7.0, "new", 20.0)
    assert register.look([again], 1, 22.0) == []


def test_an_alert_keeps_the_rollout_in_which_it_began() -> None:
    register = Register("shop")
    store = Cause(CauseKind.STORE, "the store cannot be written", "disk full", "abreast doctor")
    register.look([store], 1, 0.0)
    assert [alert.name.rollout for alert in register.look([store], 1, 2.0)] == [1]
    assert register.look([store], 2, 3.0) == []
    register.look([], 2, 4.0)
    assert [alert.name.rollout for alert in register.look([], 2, 60.0)] == [1]


def test_people_are_reminded_but_rarely() -> None:
    register = Register("shop")
    told = [said(register.look([HELD], 1, float(now))) for now in range(0, int(2 * REMIND_S) + 60, 60)]
    assert [each for each in told if each] == [[("held", "new")], [("held", "reminder")], [("held", "reminder")]]


def test_after_a_restart_what_was_told_is_not_told_again_and_its_end_is() -> None:
    before = Register("shop")
    before.look([HELD, BACK, BEHIND], 1, 0.0)
    assert [entry.cause for entry in before.told] == [HELD, BACK]
    after = Register("shop", ENTRIES_JSON.validate_json(ENTRIES_JSON.dump_json(before.told)))
    assert said(after.look([HELD], 1, 50.0)) == [("rolled-back", "resolved")]
    assert [entry.at for entry in after.told] == [0.0]


def test_a_clock_that_is_set_back_ends_nothing_and_tells_nothing_twice() -> None:
    register = Register("shop")
    register.look([HELD], 1, 1000.0)
    assert register.look([HELD], 1, 10.0) == []
    assert said(register.look([], 1, 11.0)) == [("held", "resolved")]


looks = st.lists(
    st.tuples(st.sets(st.sampled_from([HELD, BEHIND, BACK, replace(BACK, episode="2")])), st.floats(0.0, 100.0)),
    max_size=30,
)


@given(looks)
def test_what_began_ends_before_it_begins_again(story: list[tuple[set[Cause], float]]) -> None:
    register, now, standing = Register("shop", remind_s=60.0), 0.0, dict[Name, float]()
    for found, pause_s in story:
        now += pause_s
        for alert in register.look(found, 1, now):
            if alert.change == "new":
                assert alert.name not in standing
                standing[alert.name] = now
            elif alert.change == "reminder":
                assert now - standing[alert.name] >= 60.0
                standing[alert.name] = now
            else:
                del standing[alert.name]
        assert {(entry.cause.kind.value, entry.cause.subject) for entry in register.told} == {
            (name.cause, name.subject) for name in standing
        }
