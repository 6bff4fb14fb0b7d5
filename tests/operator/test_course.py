"""What is to be done for a ParallelRun."""

from dataclasses import replace

import pytest

from abreast.operator.course import Order, course
from abreast.operator.plane import Standing
from abreast.operator.resource import Wanted

WANT = Wanted("web", "shop", "uid", 1, "http://abreast", "v2")
REST = Standing(3, 40, "v1", "", "completed", 0, 0, 0, "", serving="v1")
OURS = replace(REST, rollout=4, candidate="v2", phase="progressing", serving="")
THEIRS = replace(OURS, candidate="v3")
BACK = replace(OURS, phase="rolled-back")
ORDER = Order("v2", 1, 3)


def test_it_is_ordered_when_nothing_is_under_way() -> None:
    assert course(WANT, None, REST) == ("order", ORDER)
    assert course(WANT, None, replace(BACK, candidate="v3")) == ("order", Order("v2", 1, 4))


def test_another_rollout_is_waited_for() -> None:
    assert course(WANT, None, THEIRS) == ("wait", None)
    assert course(WANT, ORDER, replace(THEIRS, rollout=3)) == ("wait", ORDER)


def test_what_is_there_already_is_followed_and_not_ordered_again() -> None:
    assert course(WANT, None, OURS) == ("follow", Order("v2", 1, 3, 4))
    assert course(WANT, None, replace(REST, serving="v2")) == ("follow", Order("v2", 1, 2, 3))
    assert course(replace(WANT, candidate="v1"), None, replace(REST, rollout=0)) == ("follow", Order("v1", 1, -1, 0))


def test_an_order_that_was_kept_and_not_given_is_given() -> None:
    assert course(WANT, ORDER, REST) == ("order", ORDER)


@pytest.mark.parametrize("phase", ["pending", "progressing", "rolled-back", "rolling-back", "frozen"])
def test_an_order_that_was_given_is_never_given_again(phase: str) -> None:
    standing = replace(OURS, phase=phase)
    assert course(WANT, ORDER, standing) == ("follow", Order("v2", 1, 3, 4))
    assert course(WANT, Order("v2", 1, 3, 4), standing) == ("follow", Order("v2", 1, 3, 4))


def test_who_was_rolled_back_is_tried_again_by_a_higher_attempt_alone() -> None:
    order = Order("v2", 1, 3, 4)
    assert course(WANT, order, BACK) == ("follow", order)
    assert course(replace(WANT, attempt=2), order, BACK) == ("order", Order("v2", 2, 4))


def test_another_candidate_is_another_order() -> None:
    completed = replace(REST, rollout=4, candidate="v2", serving="v2")
    assert course(replace(WANT, candidate="v3"), Order("v2", 1, 3, 4), completed) == ("order", Order("v3", 1, 4))


def test_a_rollout_that_came_after_supersedes_it() -> None:
    later = replace(THEIRS, rollout=5)
    assert course(WANT, Order("v2", 1, 3, 4), later)[0] == "superseded"
    assert course(WANT, ORDER, replace(THEIRS, rollout=4))[0] == "superseded"


def test_the_old_version_serves_again_once_the_new_one_is_rolled_back() -> None:
    assert course(replace(WANT, candidate="v1"), None, BACK)[0] == "served"
    assert course(replace(WANT, candidate="v1"), Order("v1", 1, 3, 4), BACK)[0] == "served"


def test_an_order_survives_its_status() -> None:
    for order in (ORDER, Order("v2", 2, -1, 0)):
        assert Order.of({"ordered": order.told()}) == order
    kept = {name: value for name, value in ORDER.told().items() if value is not None}
    assert Order.of({"ordered": kept}) == ORDER
    assert Order.of({}) is None
