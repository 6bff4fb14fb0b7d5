"""What can be read from the facts: who is ready, who obeys, who may still be routed to."""

from dataclasses import replace

import pytest

from abreast.model.service import Endpoint, Instance, InstanceState
from abreast.model.traffic import Split
from abreast.rollout.observed import NodeState, Observed
from tests.rollout.play import BEGIN, V1, V2, at, instances


def nodes(*acked: Split | None) -> Observed:
    """One gateway for each of these splits."""
    states = tuple(NodeState(f"gateway-{n}", split, connected=True) for n, split in enumerate(acked))
    return Observed(now=BEGIN, nodes=states)


@pytest.mark.parametrize("state", InstanceState)
def test_only_ready_instances_are_ready_but_all_of_them_run(state: InstanceState) -> None:
    observed = Observed(now=BEGIN, instances=(Instance("v1-1", "v1", Endpoint("127.0.0.1", 1), state, BEGIN),))
    assert observed.ready("v1") == (state is InstanceState.READY)
    assert observed.running("v1")


def test_instances_are_counted_by_version() -> None:
    observed = Observed(now=BEGIN, instances=instances({"v1": 2, "v2": 1}, {"v2": "slow"}))
    assert [observed.ready(name) for name in ("v1", "v2", "v3", None)] == [2, 1, 0, 0]
    assert not observed.running("v3")


@pytest.mark.parametrize(
    ("acked", "obeyed"),
    [
        ((at(1000),), True),
        ((at(1000), at(1000)), True),
        ((at(1000), at(100)), False),
        ((at(1000), at(1000, number=2)), False),
        ((at(1000), None), False),
        ((), False),
    ],
)
def test_a_split_is_obeyed_when_every_gateway_says_exactly_that(acked: tuple[Split | None, ...], obeyed: bool) -> None:
    assert nodes(*acked).obeyed(at(1000)) is obeyed


@pytest.mark.parametrize(
    ("acked", "v1", "v2"),
    [
        ((V1,), True, False),
        ((V2,), False, True),
        ((at(0),), True, True),
        ((V1, V2), True, True),
        ((V1, None), True, True),
        ((), True, True),
    ],
)
def test_what_is_not_known_may_be_routed_to(acked: tuple[Split | None, ...], v1: bool, v2: bool) -> None:
    assert (nodes(*acked).routed("v1"), nodes(*acked).routed("v2")) == (v1, v2)


def test_what_a_silent_gateway_was_told_last_may_still_hold() -> None:
    heard = nodes(V2)
    lost = (NodeState("b/envoy", at(10_000), connected=False), NodeState("c/envoy", V2, connected=False))
    observed = replace(heard, silent=lost)
    assert (heard.routed("v1"), observed.routed("v1")) == (False, True)
    assert (observed.unheard("v1"), observed.unheard("v2")) == ("b/envoy", "b/envoy, c/envoy")
    assert replace(heard, silent=(NodeState("d/envoy", None, connected=False),)).unheard("v9") == "d/envoy"
    assert observed.obeyed(V2), "it is not waited for"
