"""The sentences that people read when they ask why."""

from dataclasses import replace

from abreast.model.checks import Check, PromqlGate
from abreast.model.rollout import LatencyGate, Phase, ShadowStep, WeightStep
from abreast.rollout.explain import explain
from abreast.rollout.gates import judge_differences
from abreast.rollout.observed import NodeState
from tests.rollout.play import BEGIN, POLICY, V1, Play, at, serving, silent, under_way
from tests.rollout.traffic import GOOD, OUTAGE, Traffic

GATES = ("errors", "latency")


class TestExplain:
    """The sentences as a whole, the most important first."""

    def test_a_rollout_that_climbs(self) -> None:
        play = silent()
        play.now = BEGIN
        play.serves("20s", (Traffic(1), Traffic(9)))
        assert list(explain(play.rollout, play.observed)) == [
            "v1 → v2 is progressing for 20 s: as the play begins.",
            "The order is 10 % of users on v2.",
            "Waiting: weight 10 %: 40 s of 1 m left (looked at again in 40 s at the latest).",
            (
                "Gate errors: undecided: at most 25 points more of its requests fail than of stable's (in the same "
                "seconds, 0.00 % of candidate requests failed against 0.00 % of stable's (0 of 20; 0 of 180)); about "
                "25 more candidate requests are needed if it is as good as stable; at the present rate that takes 24 s."
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
        assert f"Gate differences: {judged}; at the present rate that takes 1 h 40 m." in sentences
        assert "Gate errors: undecided: no user is on the candidate." in sentences
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

    def test_each_gate_is_told_with_what_is_missing_and_how_long_that_takes(self) -> None:
        play = silent(policy=replace(POLICY, latency=LatencyGate(warm_up_s=0.0)))
        play.now = BEGIN
        play.serves("30s", GOOD)
        sentences = list(explain(play.rollout, play.observed))
        errors, latency = (next(each for each in sentences if each.startswith(f"Gate {name}: ")) for name in GATES)
        assert errors.startswith("Gate errors: not worse: at most 1.9 points more")
        assert latency.startswith("Gate latency: p90 undecided: 5.00 % of candidate requests took 20 % longer than")
        assert latency.endswith(" s.")
        assert " more candidate requests are needed if it is as good as stable; at the present rate that" in latency

    def test_an_outage_of_both_is_told_as_what_it_is(self) -> None:
        play = silent()
        play.serves("30s", OUTAGE)
        told = explain(play.rollout, play.observed)[-2]
        assert told.startswith(
            "Both versions failed in the same seconds (360 of 600 candidate requests, 3,240 of 5,400"
        )
        assert told.endswith("what hits both alike says nothing against the candidate.")

    def test_once_it_has_all_users_nothing_is_said_to_be_missing(self) -> None:
        play = Play(under_way(Phase.BAKING), acked={"gateway-1": at(10_000)}).serves("10s", (Traffic(20), Traffic()))
        (errors,) = (each for each in explain(play.rollout, play.observed) if each.startswith("Gate "))
        assert errors == (
            "Gate errors: only hard failure is watched while nobody is on stable: since all users are on it, 0.00 % of "
            "candidate requests failed against – of stable's before (0 of 200; 0 of 0)."
        )

    def test_checks_are_told_before_the_gates(self) -> None:
        gate = PromqlGate("p99", "http://127.0.0.1:9090", "vector(1)", at_most=2.0)
        play = silent(policy=replace(POLICY, promql=(gate,)))
        passed = Check("p99", "promql", passed=True, at=BEGIN + 10, detail="1, at most 2")
        sentences = explain(play.rollout, replace(play.observed, checks={"p99": passed}))
        assert sentences[3] == "Gate promql p99: passed: 1, at most 2."
        assert sentences[4].startswith("Gate errors: ")

    def test_silence_is_told(self) -> None:
        play = silent()
        assert any("no user reaches the gateway." in each for each in explain(play.rollout, play.observed))

    def test_a_pause_says_who_ends_it(self) -> None:
        play = Play(under_way(Phase.PAUSED), acked={"gateway-1": at(1000)})
        words = "Waiting: paused: a person has to resume, promote or abort (as the play begins)."
        assert words in explain(play.rollout, play.observed)
