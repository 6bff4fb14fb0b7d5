"""Orders from outside: answered with what they did and when every gateway obeyed, or refused before anything moves."""

import pytest

from abreast.model.errors import ConflictError, DriverError, RefusedError, UsageError
from abreast.model.rollout import Phase
from abreast.operations import commands
from abreast.operations.commands import Done, Order, give, obeys, restart_gateway
from abreast.operations.control import ServerStatus
from tests.controller.stage import Stage
from tests.fakes.fleet import FakeFleet
from tests.fakes.members import FakeMembers
from tests.operations.desk import desk_of, running
from tests.rollout.members import GROUPED, heard, said
from tests.rollout.play import POLICY, at, serving, under_way


async def test_an_order_is_answered_with_what_it_did() -> None:
    async with running(under_way(Phase.PROGRESSING)) as desk:
        revision = desk.stage.rollout.revision
        done = await give(desk.control, Order("weight", "ada", "a try", weight=2000))
        assert done == Done(
            message="20 % of users go to v2; the steps are paused",
            phase="paused",
            weight=2000,
            revision=revision + 1,
            obeyed_s=0.0,
        )
        assert (await desk.stage.audit())[-1] == "ada weight: weight set to 20 % by hand: a try"


async def test_an_order_is_done_even_if_a_gateway_does_not_obey_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "OBEY_TIMEOUT_S", 0.02)
    async with running(under_way(Phase.PROGRESSING)) as desk:
        desk.stage.gateway.deaf.add("gateway-2")
        done = await give(desk.control, Order("abort", "ada"))
        assert (done.message, done.weight, done.obeyed_s) == ("all users go back to v1", 0, None)
        assert done.unconfirmed == ["gateway-2"]
        assert not obeys(desk.control)
        desk.stage.gateway.deaf.clear()
        assert obeys(desk.control)


async def test_servers_that_are_lost_are_named_for_nobody_knows_what_their_gateways_do() -> None:
    async with running(under_way(Phase.PROGRESSING)) as desk:
        silent = ServerStatus("c", decides=False, silent_s=9.0, lost=True)
        desk.control.fleet = FakeFleet([ServerStatus("a", decides=True, silent_s=0.0, lost=False), silent])
        done = await give(desk.control, Order("abort", "ada"))
        assert (done.obeyed_s, done.unconfirmed) == (0.0, ["c"])


async def test_gateways_that_are_lost_are_named_too() -> None:
    async with running(under_way(Phase.PROGRESSING)) as desk:
        silent = ServerStatus("g1", decides=False, silent_s=9.0, lost=True, server="a")
        desk.control.fleet = FakeFleet(gateways=[silent])
        done = await give(desk.control, Order("abort", "ada"))
        assert (done.obeyed_s, done.unconfirmed) == (0.0, ["g1"])


class TestGroup:
    """What the group may refuse is decided by what its members say now; going back asks nobody."""

    async def test_a_start_waits_for_the_members_answers(self) -> None:
        async with running(serving(GROUPED)) as desk:
            late = heard(said("payments", Phase.COMPLETED), said("cart", Phase.COMPLETED), at=desk.control.clock.now())
            desk.control.members = desk.stage.controller._observer.members = FakeMembers({}, late)
            desk.control.policy = lambda _name: GROUPED
            await give(desk.control, Order("start", "ada", version="v2"))
            assert desk.stage.rollout.attempt == 2

    async def test_it_is_refused_while_one_does_not_answer(self) -> None:
        async with running(serving(GROUPED)) as desk:
            desk.control.members = desk.stage.controller._observer.members = FakeMembers({})
            desk.control.policy = lambda _name: GROUPED
            with pytest.raises(
                RefusedError, match="payments has not answered yet; cart has not answered yet"
            ) as caught:
                await give(desk.control, Order("start", "ada", version="v2"))
            assert caught.value.remedy == "wait for the group, or leave it with this rollout: `--alone`"
            done = await give(desk.control, Order("start", "ada", version="v2", alone=True))
            assert done.phase in {"pending", "progressing"}

    async def test_an_abort_asks_nobody(self) -> None:
        async with running(under_way(Phase.PROGRESSING, GROUPED, attempt=1)) as desk:
            desk.control.members = members = FakeMembers({})
            await give(desk.control, Order("abort", "ada"))
            assert members.asked == 0


class TestStart:
    """A start that cannot work is refused before anything moves."""

    async def test_it_brings_the_specs_policy(self) -> None:
        async with running(serving()) as desk:
            done = await give(desk.control, Order("start", "ada", version="v2"))
            assert done.message == "rollout 1: v1 → v2 begins; waiting for v2 to be ready"
            assert (desk.stage.rollout.candidate, desk.stage.rollout.policy) == ("v2", POLICY)

    async def test_it_needs_a_name(self) -> None:
        desk = desk_of(await Stage.at(serving()))
        with pytest.raises(UsageError, match="start needs the name of a version") as caught:
            await give(desk.control, Order("start", "ada"))
        assert caught.value.remedy == "one of: v1, v2, v3"

    async def test_the_version_must_be_in_the_spec(self) -> None:
        desk = desk_of(await Stage.at(serving()))
        with pytest.raises(UsageError, match="no version is called 'v9'"):
            await give(desk.control, Order("start", "ada", version="v9"))

    @pytest.mark.parametrize("verb", ["start", "retry"])
    async def test_its_command_must_be_there(self, verb: str) -> None:
        desk = desk_of(await Stage.at(under_way(Phase.ROLLED_BACK)))
        desk.stage.driver.hopeless.add("v2")
        before = desk.stage.rollout
        with pytest.raises(DriverError, match="there is no command for 'v2'"):
            await give(desk.control, Order("start" if verb == "start" else "retry", "ada", version="v2"))
        assert desk.stage.rollout == before


async def test_a_retry_takes_the_specs_present_policy() -> None:
    async with running(under_way(Phase.ROLLED_BACK, POLICY.__class__())) as desk:
        assert desk.stage.rollout.policy != POLICY
        await give(desk.control, Order("retry", "ada"))
        assert desk.stage.rollout.policy == POLICY


async def test_a_retry_without_any_candidate_is_refused() -> None:
    async with running(serving()) as desk:
        with pytest.raises(RefusedError, match="only a rollout that was rolled back can be retried"):
            await give(desk.control, Order("retry", "ada"))


async def test_a_weight_needs_its_share() -> None:
    desk = desk_of(await Stage.climbing())
    with pytest.raises(UsageError, match="weight needs a share of users") as caught:
        await give(desk.control, Order("weight", "ada"))
    assert caught.value.remedy == "such as: abreast weight 20%"


async def test_a_refusal_and_a_conflict_reach_who_ordered() -> None:
    async with running(under_way(Phase.PROGRESSING)) as desk:
        with pytest.raises(RefusedError, match="nothing was promoted") as refused:
            await give(desk.control, Order("undo", "ada"))
        assert "possible now: promote" in refused.value.remedy
        with pytest.raises(ConflictError):
            await give(desk.control, Order("pause", "ada", revision=1000))
        assert desk.stage.rollout.phase is Phase.PROGRESSING


async def test_all_that_an_order_says_is_obeyed() -> None:
    async with running(under_way(Phase.PROGRESSING)) as desk:
        revision = desk.stage.rollout.revision
        done = await give(desk.control, Order("promote", "ada", full=True, revision=revision))
        assert done.message == "all users go to v2"
        assert desk.stage.split == at(10_000)


async def test_a_restart_of_the_gateway_is_in_the_audit_log() -> None:
    async with running(under_way(Phase.PROGRESSING)) as desk:
        assert await restart_gateway(desk.control, "ada") == "gateway-2 serves; the one before it drains"
        await desk.stage.clock.settle()
        assert (await desk.stage.audit())[-1] == "ada gateway: a hot restart was asked for"
        assert "restarted" in desk.stage.log


async def test_testers_get_one_header_for_each_side() -> None:
    desk = desk_of(await Stage.climbing())
    assert commands.tester_headers(desk.control) == {"stable": "stable:secret", "candidate": "candidate:secret"}
