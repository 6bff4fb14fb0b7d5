"""The sentences that people read when they ask why."""

from dataclasses import replace

import pytest

from abreast.model.rollout import Phase, ShadowStep, WeightStep
from abreast.rollout.explain import candidate_silence, explain
from abreast.rollout.gates import judge_differences
from abreast.rollout.observed import NodeState, Tally
from tests.rollout.play import BEGIN, POLICY, V1, Play, at, serving, under_way


def silent(**fields: object) -> Play:
    """A rollout at 10 % for 20 seconds, whose gateways obey, without any request."""
    play = Play(under_way(Phase.PROGRESSING, **fields), now=BEGIN + 20.0)
    play.acked = {"gateway-1": at(1000), "gateway-2": at(1000)}
    return play


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


class TestExplain:
    """The sentences as a whole, the most important first."""

    def test_a_rollout_that_climbs(self) -> None:
        play = silent()
        play.step = play.window = {"v1": Tally(90, 0), "v2": Tally(10, 0)}
        assert list(explain(play.rollout, play.observed)) == [
            "v1 → v2 is progressing for 20 s: as the play begins.",
            "The order is 10 % of users on v2.",
            "Waiting: weight 10 %: 40 s of 1 m left (looked at again in 40 s at the latest).",
            (
                "Gate errors: undecided: 10 of 20 candidate requests needed; 0.00 % of candidate requests failed "
                "against 0.00 % of stable's in the last 1 m (0 of 10; 0 of 90)."
            ),
            "You can: promote, promote --full, pause, weight, abort.",
        ]

    def test_a_rollout_that_copies(self) -> None:
        steps = (ShadowStep(2000, 60.0), WeightStep(1000), WeightStep(10_000))
        play = Play(under_way(Phase.PROGRESSING, replace(POLICY, steps=steps), step=0, weight=0, shadow=2000))
        play.hears(at(0, shadow=2000)).compares(1, 50).after("60s")
        sentences = list(explain(play.rollout, play.observed))
        assert sentences[1] == "The order is 0 % of users on v2, and 20 % of requests copied to it."
        judged = judge_differences(play.rollout.policy.differences, play.observed.differences).sentence
        assert sentences[2].startswith(f"Waiting: differences at shadow 20 %: {judged} (looked at again in 9 m")
        assert f"Gate differences: {judged}." in sentences
        assert judged.startswith("undecided: 2.00 % of the candidate's answers differ (1 of 50;")

    def test_what_was_compared_is_told_also_when_nothing_is_copied_any_more(self) -> None:
        play = silent()
        assert not any(each.startswith("Gate differences") for each in explain(play.rollout, play.observed))
        play.compares(0, 6000)
        sentences = list(explain(play.rollout, play.observed))
        assert "The order is 10 % of users on v2." in sentences
        assert any(each.startswith("Gate differences: no more than 0.1 % differ") for each in sentences)

    def test_a_service_at_rest(self) -> None:
        play = Play(serving(), acked={"gateway-1": V1})
        assert list(explain(play.rollout, play.observed)) == [
            "v1 serves all users. v1 is the first version of shop.",
            "You can: start.",
        ]

    def test_a_person_is_waited_for(self) -> None:
        play = silent(step=3)
        assert "Waiting: a person has to approve (look at the dashboard): abreast promote." in explain(
            play.rollout, play.observed
        )

    def test_gateways_that_do_not_obey_are_named_with_the_reason(self) -> None:
        play = Play(under_way(Phase.ROLLING_BACK))
        nodes = (
            NodeState("gateway-1", at(0), connected=True),
            NodeState("gateway-2", at(1000), connected=True, nack="bad route"),
            NodeState("gateway-3", None, connected=False),
            NodeState("gateway-4", at(1000), connected=True),
        )
        sentences = explain(play.rollout, replace(play.observed, nodes=nodes))
        assert [each for each in sentences if each.startswith("Gateway")] == [
            "Gateway gateway-2 does not obey yet: bad route.",
            "Gateway gateway-3 does not obey yet: it is not connected.",
            "Gateway gateway-4 does not obey yet.",
        ]
        assert "Waiting for every gateway to send all users to v1." in sentences
        assert "You can" not in " ".join(sentences), "a rollback ends by itself"

    def test_silence_is_told(self) -> None:
        play = silent()
        assert any("no user reaches the gateway." in each for each in explain(play.rollout, play.observed))

    def test_a_pause_says_who_ends_it(self) -> None:
        play = Play(under_way(Phase.PAUSED), acked={"gateway-1": at(1000)})
        words = "Waiting: paused: a person has to resume, promote or abort (as the play begins)."
        assert words in explain(play.rollout, play.observed)
