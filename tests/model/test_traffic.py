"""Splits and what a snapshot is made from: impossible ones cannot be made."""

import pytest

from abreast.model.service import GatewaySettings, Version
from abreast.model.traffic import Backend, Split, Traffic

V1, V2 = Backend(Version("v1", run=("a",)), ()), Backend(Version("v2", run=("b",)), ())


@pytest.mark.parametrize("weight", [-1, 10_001])
def test_a_weight_is_a_share(weight: int) -> None:
    with pytest.raises(ValueError, match=f"weight {weight} is outside"):
        Split("v1", "v2", weight)


def test_no_weight_without_a_candidate() -> None:
    with pytest.raises(ValueError, match="weight 1 without a candidate"):
        Split("v1", None, 1)


def test_a_version_cannot_be_on_both_sides() -> None:
    with pytest.raises(ValueError, match="'v1' on both sides"):
        Split("v1", "v1", 1)


def test_a_candidate_is_routed_to_even_at_weight_0() -> None:
    assert Split("v1").versions == ("v1",)
    assert Split("v1", "v2", 0).versions == ("v1", "v2")


def test_traffic_has_a_backend_for_each_version_of_its_split() -> None:
    traffic = Traffic("shop", Split("v1", "v2", 100), V1, V2, GatewaySettings())
    assert traffic.candidate is V2


@pytest.mark.parametrize(
    ("split", "stable", "candidate"),
    [(Split("v1"), V1, V2), (Split("v1", "v2"), V1, None), (Split("v2", "v1"), V1, V2)],
)
def test_backends_that_do_not_match_the_split_are_refused(
    split: Split, stable: Backend, candidate: Backend | None
) -> None:
    with pytest.raises(ValueError, match="do not match the split's versions"):
        Traffic("shop", split, stable, candidate, GatewaySettings())
