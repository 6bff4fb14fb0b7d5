"""Splits and what a snapshot is made from: impossible ones cannot be made."""

from dataclasses import replace

import pytest

from abreast.model.service import GatewaySettings, Version
from abreast.model.traffic import Backend, Shadowing, Split, Traffic

V1, V2 = Backend(Version("v1", run=("a",)), ()), Backend(Version("v2", run=("b",)), ())


@pytest.mark.parametrize("weight", [-1, 10_001])
def test_a_weight_is_a_share(weight: int) -> None:
    with pytest.raises(ValueError, match=f"weight {weight} is outside"):
        Split("v1", "v2", weight)


def test_no_weight_and_no_copies_without_a_candidate() -> None:
    with pytest.raises(ValueError, match="weight 1, shadow None without a candidate"):
        Split("v1", None, 1)
    with pytest.raises(ValueError, match=r"weight 0, shadow Shadowing\(share=5, .*\) without a candidate"):
        Split("v1", shadow=Shadowing(5, 100.0))


@pytest.mark.parametrize("share", [-1, 0, 10_001])
def test_a_share_of_nothing_is_no_shadowing(share: int) -> None:
    with pytest.raises(ValueError, match=f"a share of {share} is outside 1..10000"):
        Shadowing(share, 100.0)


@pytest.mark.parametrize("share", [1, 10_000])
def test_copies_are_made_at_any_weight(share: int) -> None:
    shadow = Shadowing(share, 100.0)
    assert Split("v1", "v2", 0, shadow=shadow).shadow is Split("v1", "v2", 10_000, shadow=shadow).shadow
    assert Split("v1", "v2", 100, shadow=shadow) != Split("v1", "v2", 100)


def test_what_is_copied_for_comparing_goes_before_what_is_copied_for_recording() -> None:
    compared, recorded = Shadowing(1, 1.0), Shadowing(2, 2.0)
    plain = Traffic("shop", Split("v1", "v2"), V1, V2, GatewaySettings())
    both = replace(plain, split=Split("v1", "v2", shadow=compared), recording=recorded)
    assert (plain.copying, replace(plain, recording=recorded).copying, both.copying) == (None, recorded, compared)


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
