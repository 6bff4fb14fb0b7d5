"""What is gone on with, and how events are said; that everything runs together is told in tests/e2e."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from abreast.app.parts import Up, _jury, line, load_rollout, places, require_files
from abreast.app.up import _look
from abreast.checks.members import Place
from abreast.clock import SystemClock
from abreast.envoy.gateway import EnvoyGateway
from abreast.model.errors import RefusedError, SpecError
from abreast.model.event import Event, EventKind
from abreast.model.group import GroupSettings, MemberAddress
from abreast.model.rollout import Phase, WeightStep
from abreast.model.traffic import Shadowing
from abreast.nodes.counts import NodeCounts
from abreast.rollout.observed import Observed
from abreast.shadow.crew import Crew
from abreast.state_dir import StateDir
from abreast.store.evidence import SqlEvidence
from abreast.store.sql import SqlStore
from abreast.store.sqlite import open_store
from tests.alerts.server import Receiver
from tests.app.specs import building, spec
from tests.fakes.clock import FakeClock
from tests.nodes.seconds import second
from tests.rollout.play import BEGIN, POLICY, serving, under_way


class TestStoredRollout:
    """What an earlier run left is gone on with."""

    @pytest.fixture
    async def store(self, short_tmp: Path) -> AsyncIterator[SqlStore]:
        """An empty one."""
        made = await open_store(short_tmp / "abreast.db")
        yield made
        await made.close()

    async def test_the_first_start_makes_one(self, store: SqlStore, short_tmp: Path) -> None:
        read = spec(short_tmp)
        rollout = await load_rollout(store, read, read.service(), 5.0)
        assert (rollout.stable, rollout.candidate, rollout.phase) == ("v1", None, Phase.COMPLETED)
        assert await store.load("shop") == rollout
        assert [event.kind for _, event in await store.events("shop")] == [EventKind.STARTED]

    async def test_a_stored_one_follows_the_present_spec(self, store: SqlStore, short_tmp: Path) -> None:
        await store.save(replace(serving(), number=0, revision=0), [])
        await store.save(replace(under_way(Phase.PENDING), number=1, revision=0), [])
        read = spec(short_tmp, rollout={"steps": [{"weight": "7%"}]})
        rollout = await load_rollout(store, read, read.service(), 5.0)
        assert (rollout.number, rollout.phase) == (1, Phase.PENDING)
        assert rollout.policy.steps[0] == WeightStep(700) != POLICY.steps[0]

    async def test_a_change_of_what_is_done_is_refused(self, store: SqlStore, short_tmp: Path) -> None:
        await store.save(replace(serving(), number=0, revision=0), [])
        await store.save(replace(under_way(Phase.BAKING), number=1, revision=0), [])
        read = spec(short_tmp, rollout={"steps": [{"weight": "7%"}]})
        with pytest.raises(RefusedError, match="the changed spec says: `weight 7 %`"):
            await load_rollout(store, read, read.service(), 5.0)


async def test_who_decides_anew_weighs_what_the_one_before_had_not_recorded(short_tmp: Path) -> None:
    store = await open_store(short_tmp / "abreast.db")
    rollout, clock = replace(under_way(Phase.PROGRESSING), number=0, revision=0), FakeClock(BEGIN)
    await store.save(rollout, [])
    evidence, before, after = SqlEvidence(store), NodeCounts(clock), NodeCounts(clock)
    first = await _jury(before, rollout, evidence, clock)
    for number in range(1, 9):
        clock.time = BEGIN + number + 0.2
        own, other = [second("a", number, 10, since=BEGIN)], [second("b", number, 2, 1, since=BEGIN)]
        before.hand_in(own)
        before.take(other)
        after.hand_in(other)
        after.take(own)
        first.assess(rollout, Observed(clock.now()))
        if number == 5:
            unsaved = first.unsaved()
            assert unsaved is not None
            await evidence.save_ticks("shop", 0, unsaved.ticks, unsaved.state)
    next_ = await _jury(after, rollout, evidence, clock)
    assert next_.assess(rollout, Observed(clock.now())) == first.assess(rollout, Observed(clock.now()))
    weighed = next_.unsaved()
    assert weighed is not None
    assert [(tick.at - BEGIN, tick.candidate.requests) for tick in weighed.ticks] == [(6, 12), (7, 12), (8, 12)]
    await store.close()


def test_where_the_other_members_answer(short_tmp: Path) -> None:
    assert places(None) is None
    members = {
        "payments": MemberAddress("https://payments:9443/", "t0ken"),
        "cart": MemberAddress(path=f"{short_tmp}/shop/../cart"),
        "mail": MemberAddress(path="/run/mail.sock"),
    }
    assert places(GroupSettings("spring", ("payments", "shop", "cart", "mail"), members)) == {
        "payments": Place("https://payments:9443", "https://payments:9443", "t0ken"),
        "cart": Place(f"{short_tmp}/cart", "http://abreast", socket=f"{short_tmp}/cart/.abreast/run/api.sock"),
        "mail": Place("/run/mail.sock", "http://abreast", socket="/run/mail.sock"),
    }


class TestRequired:
    """What has to be there before anything is built."""

    def test_files_that_the_spec_names(self, short_tmp: Path) -> None:
        require_files(spec(short_tmp))
        with pytest.raises(SpecError, match="2 faults"):
            require_files(spec(short_tmp, gateway={"tls": {"certificate": "none.crt", "key": "none.key"}}))


class TestBuild:
    """Every part is wired to the others; nothing listens or runs yet."""

    @pytest.fixture
    async def built(self, short_tmp: Path) -> AsyncIterator[Up]:
        read = spec(short_tmp, alerts=["json://127.0.0.1:9/hook"])
        async with building(short_tmp, read) as up:
            yield up

    async def test_people_are_served_by_the_same_parts_that_decide(self, built: Up) -> None:
        assert built.control.findings is built.collector
        assert built.control.alerts is built.alerts
        assert built.control.counts is built.gateway.counts
        assert built.control.controller.rollout.serving == "v1"
        assert not built.collector.book.findings
        assert built.tasks == []

    async def test_the_collector_sees_what_the_gateways_would_be_told(self, built: Up) -> None:
        rollout = built.control.controller.rollout
        present = built.collector._around.present()
        assert present.rollout is rollout
        assert (present.traffic.service, present.traffic.split.stable) == ("shop", "v1")
        built.collector._around.record(Shadowing(1, 1.0))
        assert built.collector._around.present().traffic.copying == Shadowing(1, 1.0)

    async def test_its_relay_listens_where_the_gateways_look_for_it(self, built: Up) -> None:
        crew = built.collector._crew
        assert isinstance(crew, Crew)
        assert isinstance(built.gateway, EnvoyGateway)
        assert crew._socket == built.gateway.relay

    async def test_alerts_know_who_rolled_back_before_this_control_plane(self, built: Up, short_tmp: Path) -> None:
        rollout = built.control.controller.rollout
        back = Event(5.0, 1, EventKind.PHASE, "abreast", "gate errors: worse", {"after": "rolling-back"})
        later = replace(under_way(Phase.ROLLED_BACK, rollout.policy), number=1, revision=0)
        await built.store.save(later, [back])
        with Receiver() as receiver:
            read = spec(short_tmp, alerts=[f"webhook+http://{receiver.address}"])
            async with building(short_tmp, read) as again:
                _look(again)
                await asyncio.to_thread(receiver.wait, 1)
        (alert,) = receiver.posted[0].body["alerts"]
        assert (alert["cause"], alert["summary"]) == ("rolled-back", "gate errors: worse")
        assert (short_tmp / ".abreast" / "alerts.json").exists()

    async def test_secrets_are_the_same_after_a_restart(self, built: Up, short_tmp: Path) -> None:
        state = StateDir.beside(short_tmp)
        keys, secret = built.collector._keys, built.control.tester_secret
        assert (state.path / "shadow.key").read_text("ascii").strip() == keys.signing
        assert len({keys.signing, keys.salt, secret}) == 3
        async with building(short_tmp, spec(short_tmp)) as again:
            assert (again.collector._keys, again.control.tester_secret) == (keys, secret)


@pytest.mark.parametrize(
    ("actor", "said"), [("ada", "weight      step 1: 1 %  [ada]"), ("abreast", "weight      step 1: 1 %")]
)
def test_events_are_said_with_the_person_who_caused_them(actor: str, said: str) -> None:
    assert line(Event(SystemClock().now(), 1, EventKind.WEIGHT, actor, "step 1: 1 %")) == said
