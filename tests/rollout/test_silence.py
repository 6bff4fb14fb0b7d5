"""A candidate with weight and without requests: the cause, in the order in which they hide each other."""

from dataclasses import replace

import pytest

from abreast.model.rollout import ErrorGate, Phase
from abreast.rollout.observed import NodeState, Tally
from abreast.rollout.silence import candidate_silence
from tests.rollout.play import BEGIN, POLICY, Play, at, silent, under_way


def silence(play: Play, patience_s: float = 10.0) -> str | None:
    return candidate_silence(play.rollout, play.observed, patience_s)


class TestSilence:
    """A candidate without requests: the cause, the one that hides the others first."""

    OPENING = "v2 got no request for 20 s although its weight is 10 %: "

    def test_no_instance(self) -> None:
        play = silent(sheltering="candidate")
        play.acked = {"gateway-1": at(100)}
        assert silence(play) == f"{self.OPENING}it has no ready instance, so its users are served by v1"

    def test_gateways_that_do_not_obey(self) -> None:
        play = silent()
        play.acked["gateway-2"] = at(100)
        assert silence(play) == f"{self.OPENING}gateway-2 did not take the present snapshot"

    def test_gateways_that_refuse_in_their_own_words(self) -> None:
        play = silent()
        node = NodeState("gateway-1", at(100), connected=True, nack="no such cluster: v2")
        observed = replace(play.observed, nodes=(node,))
        expected = f"{self.OPENING}gateway-1 did not take the present snapshot (no such cluster: v2)"
        assert candidate_silence(play.rollout, observed, 10.0) == expected

    def test_no_users_at_all(self) -> None:
        assert silence(silent()) == f"{self.OPENING}v1 got none either; no user reaches the gateway"

    def test_no_users_in_its_buckets(self) -> None:
        play = silent()
        play.step = {"v1": Tally(300, 0)}
        words = silence(play)
        assert words is not None
        assert words.startswith(f"{self.OPENING}v1 had 300; the users seen all fall into stable's buckets.")
        assert "users.by" in words

    def test_a_sheltered_stable_side_is_not_the_candidates_lack(self) -> None:
        play = silent(sheltering="stable")
        play.acked = {"gateway-1": at(10_000)}
        assert silence(play) == f"{self.OPENING}v1 got none either; no user reaches the gateway"

    @pytest.mark.parametrize("tally", [Tally(1, 0), Tally(0, 0, in_flight=1)])
    def test_a_candidate_that_is_asked_is_not_silent(self, tally: Tally) -> None:
        play = silent()
        play.step = {"v2": tally}
        assert silence(play) is None

    def test_it_takes_some_patience_from_the_weight_and_from_the_counting(self) -> None:
        assert silence(silent(), patience_s=20.0) is not None
        assert silence(silent(), patience_s=20.1) is None
        assert silence(silent(weight_since=BEGIN + 15)) is None
        late = silent()
        late.counting_since = BEGIN + 15
        assert silence(late) is None

    @pytest.mark.parametrize("phase", [Phase.PENDING, Phase.ROLLED_BACK, Phase.COMPLETED, Phase.ROLLING_BACK])
    def test_where_none_are_due_none_are_missed(self, phase: Phase) -> None:
        assert silence(Play(under_way(phase), now=BEGIN + 1000)) is None
        assert silence(silent(weight=0)) is None


def test_where_nobody_counts_silence_says_nothing() -> None:
    assert silence(silent()) is not None
    assert silence(silent(replace(POLICY, errors=ErrorGate(watch=False)))) is None
