"""Everything that the API can say has its words on the page, and they say what is so."""

import re
from dataclasses import replace
from typing import get_args

import pytest

from abreast.cli import status_view
from abreast.findings.finding import FindingState
from abreast.model.event import EventKind
from abreast.model.rollout import DEFAULT_STEPS, Phase
from abreast.model.service import InstanceState
from abreast.rollout.observed import Verb
from tests.dashboard.modules import Script, call, value
from tests.dashboard.statuses import Json, in_every_phase, told
from tests.rollout.play import POLICY, under_way

WILL = "modules.verbs.VERBS[{verb!r}].will({status}, {wish})"
TONES = {"good", "bad", "warn", "move", "plain"}


def keys(name: str, module: str = "words") -> list[str]:
    found: list[str] = value(f"Object.keys(modules.{module}.{name})")
    return found


class TestTables:
    def test_every_phase_has_its_words(self) -> None:
        assert set(keys("PHASES")) == {each.value for each in Phase}

    def test_every_kind_of_event_has_its_words(self) -> None:
        assert keys("KINDS") == [each.value for each in EventKind], "in the order of EventKind: that of the filter"

    def test_what_moves_the_weight_are_kinds_of_events(self) -> None:
        assert set(keys("MOVING")) < set(keys("KINDS"))
        assert {"weight", "phase", "verdict", "sheltered", "approved"} <= set(keys("MOVING"))
        signs = value("Object.values(modules.words.MOVING)")
        assert len(set(signs)) == len(signs), "a sign says which kind it is"

    def test_every_state_has_its_sign_and_words(self) -> None:
        assert set(keys("GATES")) == {"worse", "not-worse", "undecided"}
        assert set(keys("FINDINGS")) == {each.value for each in FindingState}
        assert set(keys("INSTANCES")) == {each.value for each in InstanceState}
        for table in ("GATES", "FINDINGS", "INSTANCES"):
            rows = value(f"Object.values(modules.words.{table})")
            assert len({sign for sign, _, _ in rows}) == len(rows), "told apart without colours too"
            assert {tone for _, _, tone in rows} <= TONES

    def test_every_verb_has_its_button(self) -> None:
        assert set(keys("VERBS", "verbs")) == {*get_args(Verb), "promote --full"}

    def test_what_takes_users_away_or_skips_proof_is_dangerous(self) -> None:
        dangerous = value("Object.entries(modules.verbs.VERBS).filter((e) => e[1].danger).map((e) => e[0])")
        assert set(dangerous) == {"abort", "undo", "retire", "promote --full"}


class TestPlace:
    LADDER = (*POLICY.ladder, *DEFAULT_STEPS[-2:])

    @pytest.mark.parametrize(
        ("phase", "expected"),
        [
            (Phase.PENDING, -1),
            (Phase.PROGRESSING, 1),
            (Phase.PAUSED, 1),
            (Phase.FROZEN, 1),
            (Phase.PROMOTING, -2),
            (Phase.BAKING, -1),
            (Phase.ROLLING_BACK, -1),
            (Phase.ROLLED_BACK, -1),
        ],
    )
    async def test_the_present_step_is_marked(self, phase: Phase, expected: int) -> None:
        status = await told(under_way(phase, replace(POLICY, steps=self.LADDER)))
        if phase in {Phase.PROMOTING, Phase.BAKING}:
            expected += len(self.LADDER)
        assert call("words", "place", status) == expected

    @pytest.mark.parametrize("phase", [Phase.RETIRING, Phase.COMPLETED])
    async def test_at_the_end_all_steps_are_done(self, phase: Phase) -> None:
        status = await told(under_way(phase, replace(POLICY, steps=self.LADDER)))
        assert call("words", "place", status) == len(status["ladder"])


class TestWaiting:
    async def test_it_is_told_as_the_command_line_tells_it(self) -> None:
        for status in await in_every_phase():
            assert call("words", "waitsFor", status) == status_view.awaited(status)

    async def test_a_gate_is_named_alone(self) -> None:
        gate = {"name": "errors", "state": "undecided", "sentence": "undecided: at most 3 points", "missing_s": 120.0}
        status = await told(
            under_way(Phase.PROGRESSING), gates=[gate], because="undecided: at most 3 points", wake_in_s=30.0
        )
        words = call("words", "waitsFor", status)
        assert words == "the next step when errors is proven, about 2 m at this rate (for at most 30 s more)"
        assert words == status_view.awaited(status)

    async def test_gateways_that_do_not_obey_are_told_with_what_they_refuse(self) -> None:
        node = {"id": "gw-1", "connected": True, "obeys": False, "weight": 0, "nack": "no such cluster"}
        nodes = [node, {**node, "id": "gw-2", "connected": False, "nack": "", "weight": None}, {**node, "obeys": True}]
        status = await told(under_way(Phase.PROGRESSING), nodes=nodes)
        assert call("words", "disobeying", status) == [
            "Gateway gw-1 does not obey the order of 10 %; it has 0 %: no such cluster",
            "Gateway gw-2 does not obey the order of 10 %: it is not connected",
        ]

    def test_what_a_proof_is_missing(self) -> None:
        gate: Json = {"name": "errors", "state": "undecided", "share": 0.418, "missing": 1204, "missing_s": 180.0}
        assert call("words", "proof", gate) == "42 % of the proof; about 1,204 requests missing, about 3 m at this rate"
        answers = {**gate, "name": "differences", "missing": 1, "missing_s": None}
        assert call("words", "proof", answers) == "42 % of the proof; about 1 compared answer missing"
        assert call("words", "proof", {**gate, "missing": None}) == "42 % of the proof"
        assert call("words", "proof", {**gate, "state": "worse"}) == "proven: the candidate is worse"


class TestVerbs:
    async def test_only_what_is_possible_has_a_button(self) -> None:
        for status in await in_every_phase():
            shown = call("verbs", "possible", status)
            assert set(shown) == set(status["allowed"])
            assert shown == [verb for verb in keys("VERBS", "verbs") if verb in shown], "in the order of the table"

    async def test_whatever_is_possible_says_what_it_will_do(self) -> None:
        said: set[str] = set()
        for status in await in_every_phase():
            for verb in status["allowed"]:
                wish = {"start": {"version": "v3"}, "weight": {"weight": 2000}}.get(verb, {})
                lines = call("verbs", f"VERBS[{verb!r}].will", status, wish)
                title = call("verbs", f"VERBS[{verb!r}].title", status)
                text = " ".join([*lines, title])
                assert lines, (verb, status["phase"])
                assert not re.search(r"undefined|null|NaN|\[object", text), text
                assert all(re.fullmatch(r"[A-Zv0-9].*\.", line) for line in lines), lines
                said.add(verb)
        assert said == set(keys("VERBS", "verbs")), "each was possible somewhere"

    async def test_an_abort_names_the_version_that_users_get_and_how_many_are_away(self) -> None:
        status = await told(under_way(Phase.PROGRESSING))
        lines = call("verbs", "VERBS.abort.will", status, {})
        assert lines[0] == "All users go back to v1 at once (10 % of users are on v2 now)."
        pending = await told(under_way(Phase.PENDING))
        assert call("verbs", "VERBS.abort.will", pending, {})[0] == (
            "v2 is no longer waited for. No user was sent to it."
        )

    async def test_a_promotion_names_the_step_that_is_skipped_and_the_one_that_begins(self) -> None:
        rollout = under_way(Phase.PROGRESSING)
        status = await told(rollout)
        text = " ".join(call("verbs", "VERBS.promote.will", status, {}))
        ladder = POLICY.ladder
        assert f"step 2 of {len(ladder)} ({ladder[1]})" in text
        assert f"begins: {ladder[2]}" in text
        last = await told(replace(rollout, step=len(ladder) - 1))
        assert "all users go to v2" in " ".join(call("verbs", "VERBS.promote.will", last, {}))

    async def test_while_baking_a_promotion_ends_the_bake(self) -> None:
        for phase in (Phase.BAKING, Phase.PAUSED):
            rollout = replace(under_way(phase), resume_to=None if phase is Phase.BAKING else Phase.BAKING)
            status = await told(rollout)
            assert call("verbs", "VERBS.promote.title", status) == "End the bake"
            assert "undo is no longer possible" in " ".join(call("verbs", "VERBS.promote.will", status, {}))

    async def test_promoting_fully_says_that_proof_is_skipped(self) -> None:
        status = await told(under_way(Phase.PROGRESSING))
        text = " ".join(call("verbs", "VERBS['promote --full'].will", status, {}))
        assert "Proof is skipped" in text
        assert f"{len(POLICY.ladder) - 1} steps are not walked" in text

    async def test_retiring_names_the_side_that_lost(self) -> None:
        for phase, loser in ((Phase.BAKING, "v1"), (Phase.ROLLED_BACK, "v2")):
            status = await told(under_way(phase))
            assert call("verbs", "VERBS.retire.title", status) == f"Stop {loser} now"
            assert call("verbs", "VERBS.retire.will", status, {})[0].startswith(f"{loser} ")

    async def test_a_start_names_the_version_that_serves(self) -> None:
        status = await told(under_way(Phase.COMPLETED))
        assert "beside v2" in call("verbs", "VERBS.start.will", status, {"version": "v3"})[0]
        assert call("words", "isUnderWay", status) is False
        assert call("words", "serving", status) == "v2"

    def test_what_was_done_and_since_when(self) -> None:
        done: Json = {"message": "paused at 10 %", "obeyed_s": 0.0121}
        assert call("verbs", "did", done) == "paused at 10 %. Obeyed by every gateway after 12 ms."
        assert call("verbs", "did", {**done, "obeyed_s": 2.0}).endswith("after 2 s.")
        assert call("verbs", "did", {**done, "obeyed_s": None}).endswith("Not every gateway has confirmed it yet.")

    def test_a_share_that_makes_no_sense_is_not_told_as_one(self) -> None:
        status = {"weight": 1000, "candidate": "v2"}
        assert call("verbs", "VERBS.weight.will", status, Script("{}"))[0].startswith("This share of users")
