"""The truths say of themselves what the right verdict is, and are what they say."""

import pytest

from abreast.simulate.truth import TRUTHS, Latency, Truth

EVERY = pytest.mark.parametrize("truth", TRUTHS.values(), ids=TRUTHS)


@EVERY
def test_it_has_its_name_and_a_line(truth: Truth) -> None:
    assert TRUTHS[truth.name] is truth
    assert truth.told
    assert "\n" not in truth.told


@EVERY
def test_healthy_is_what_differs_in_nothing(truth: Truth) -> None:
    latency = truth.latency or Latency()
    assert truth.healthy == (truth.errors_c == truth.errors_s and latency.factor == 1.0)


@EVERY
def test_shares_are_shares(truth: Truth) -> None:
    shares = [truth.errors_s, truth.errors_c]
    shares += [each.share for each in (truth.episode, truth.drift) if each is not None]
    assert all(0 <= share <= 1 for share in shares)


@EVERY
def test_what_stalls_has_latencies(truth: Truth) -> None:
    assert truth.stalls is None or truth.latency is not None


def test_the_base_rates_of_the_acceptance_are_there() -> None:
    names = ("same-0", "same-0.01", "same-0.1", "same-1", "same-5")
    assert [TRUTHS[name].errors_s for name in names] == [0.0, 0.0001, 0.001, 0.01, 0.05]
