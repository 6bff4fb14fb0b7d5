"""A changed spec is taken over whole, or refused whole."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from abreast.app.etcd_place import EtcdPlace
from abreast.app.etcd_spec import EtcdSpec
from abreast.app.parts import Up
from abreast.app.reload import reload_spec
from abreast.envoy.gateway import EnvoyGateway
from abreast.envoy.process import EnvoyProcesses
from abreast.model.errors import UsageError
from abreast.model.event import EventKind
from abreast.model.group import Heard
from abreast.model.rollout import Group, WeightStep
from abreast.model.service import UserKey
from abreast.rollout.observed import Command
from tests.app.specs import building, spec
from tests.fakes.etcd_keys import FakeEtcd


@dataclass
class Reloading:
    """Something that runs from a spec, and what it said."""

    folder: Path
    up: Up
    said: list[str] = field(default_factory=list)

    async def reads(self, text: str = "", **fields: object) -> None:
        """The spec is changed, and read again."""
        spec(self.folder, **fields)
        if text:
            (self.folder / "abreast.yaml").write_text(text, encoding="utf-8")
        self.said.clear()
        await reload_spec(self.up, self.said.append)


@pytest.fixture
async def running(short_tmp: Path) -> AsyncIterator[Reloading]:
    async with building(short_tmp, spec(short_tmp)) as up:
        yield Reloading(short_tmp, up)


def envoys(up: Up) -> EnvoyProcesses:
    assert isinstance(up.gateway, EnvoyGateway)
    return up.gateway.processes


async def test_every_part_follows_it(running: Reloading) -> None:
    await running.reads(users={"by": ["header:x-customer"]}, gateway={"timeout": "70s"})
    up = running.up
    assert up.control.service.users == (UserKey("header", "x-customer"),)
    assert up.control.service is up.observer.service is up.actor.service
    assert envoys(up).settings.timeout_s == 70.0
    assert running.said == []


async def test_the_next_rollout_has_its_policy(running: Reloading) -> None:
    await running.reads(rollout={"steps": [{"weight": "7%"}]})
    assert running.up.control.policy("v2").steps[0] == WeightStep(700)


async def test_the_rollout_under_way_has_its_policy_for_what_is_to_come(running: Reloading) -> None:
    controller = running.up.controller
    policy = running.up.control.policy("v2")
    submitted = asyncio.create_task(controller.submit(Command("c", "start", "ada", version="v2", policy=policy)))
    await asyncio.sleep(0)
    await controller.turn()
    assert (await submitted).accepted
    assert controller.rollout.policy == policy
    await running.reads(rollout={"steps": [{"weight": "7%"}]})
    assert controller.rollout.policy.steps[0] == WeightStep(700)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("service: [", "abreast.yaml"),
        ("service: other\nversions: {v1: {endpoints: ['127.0.0.1:8']}}\n", "'other' is another service than 'shop'"),
        ("service: shop\nversions: {v2: {endpoints: ['127.0.0.1:9']}}\n", "v1 is missing in the spec"),
    ],
    ids=["torn", "other service", "version in use"],
)
async def test_one_that_cannot_be_is_refused_and_the_old_one_stays(running: Reloading, text: str, words: str) -> None:
    up = running.up
    before = (up.control.service, up.observer.service, up.actor.service, envoys(up).settings)
    await running.reads(text)
    assert (up.control.service, up.observer.service, up.actor.service, envoys(up).settings) == before
    assert words in "".join(running.said)


async def test_files_that_are_missing_refuse_it(running: Reloading) -> None:
    await running.reads(gateway={"tls": {"certificate": "none.crt", "key": "none.key"}})
    assert "none.crt" in "".join(running.said)
    assert running.up.control.service.gateway.tls is None


async def test_an_unknown_candidate_is_still_unknown_to_it(running: Reloading) -> None:
    await running.reads(users={"by": ["header:x-customer"]})
    with pytest.raises(UsageError, match="v9"):
        running.up.control.policy("v9")


async def test_addresses_of_alerts_hold_until_the_next_start_and_that_is_said(running: Reloading) -> None:
    await running.reads(alerts=["json://127.0.0.1:9/s3cret"])
    assert running.said == ["the changed addresses in `alerts` are used from the next `abreast up` on"]
    await running.reads(alerts=["json://127.0.0.1:9/s3cret"])
    assert running.said == [], "they are those that were read last"


async def test_the_address_of_the_api_holds_until_the_next_start_and_that_is_said(running: Reloading) -> None:
    for _ in range(2):
        await running.reads(api={"listen": "127.0.0.1:8999"})
        assert running.said == ["the changed `api` is used from the next `abreast up` on"]
    await running.reads()
    assert running.said == []


async def test_the_group_follows_it_between_rollouts(running: Reloading) -> None:
    up = running.up
    assert up.members.heard() is None
    group = {"name": "spring", "order": ["cart", "shop"], "members": {"cart": "../cart"}}
    await running.reads(group=group)
    assert up.members.heard() == {"cart": Heard()}
    assert up.control.policy("v2").group == Group("spring", ("cart", "shop"))
    await running.reads()
    assert up.members.heard() is None


async def test_flags_follow_it_and_what_changed_of_them_is_in_the_audit_log(running: Reloading) -> None:
    up = running.up
    await running.reads(flags={"dark": "10%", "new": "candidate"})
    assert [record.name for record in up.control.flags.listed()] == ["dark", "new"]
    await up.control.flags.switch("new", 0, "ada", "because", on=False)
    await running.reads(flags={"new": "20%"})
    (record,) = up.control.flags.listed()
    assert (record.rules[0], record.on) == ("on: below 20 %", False)
    told = [event.reason for _, event in await up.store.events("shop") if event.kind is EventKind.FLAG]
    assert told == [
        "flag dark is new in the spec, and on",
        "flag new is new in the spec, and on",
        "flag new was switched off: because",
        "the spec changed `rules` of flag new",
        "flag dark is not in the spec any more",
    ]


async def test_a_refused_one_leaves_the_flags_as_they_were(running: Reloading) -> None:
    await running.reads(flags={"new": "candidate"})
    before = running.up.control.flags.listed()
    await running.reads("service: shop\nversions: {v1: {endpoints: ['127.0.0.1:8']}}\nflags: {new: nonsense}\n")
    assert running.up.control.flags.listed() == before
    assert "'nonsense' is no flag" in "".join(running.said)


class TestFromEtcd:
    """The spec of a key: who changed it is etcd, and which revision is said."""

    @pytest.fixture
    async def etcd(self, running: Reloading) -> FakeEtcd:
        etcd = FakeEtcd()
        place = EtcdPlace("etcd://127.0.0.1:2379/shop", ("http://127.0.0.1:2379",), "shop")
        running.up.config = EtcdSpec(place, etcd, running.folder, running.folder / "spec.json")
        etcd.put("shop", (running.folder / "abreast.yaml").read_text())
        return etcd

    async def told(self, running: Reloading) -> tuple[str, str]:
        """Actor and reason of the newest event."""
        await running.up.controller.turn()
        _, event = (await running.up.store.events("shop"))[-1]
        assert event.kind is EventKind.SPEC
        return event.actor, event.reason

    async def test_it_is_taken_over_and_kept(self, running: Reloading, etcd: FakeEtcd) -> None:
        text = etcd.keys["shop"][0].decode() + "users: {by: ['header:x-customer']}\n"
        etcd.put("shop", text)
        await reload_spec(running.up, running.said.append)
        assert running.up.control.service.users == (UserKey("header", "x-customer"),)
        origin = "etcd://127.0.0.1:2379/shop at revision 12"
        assert await self.told(running) == ("etcd", f"the spec was read again ({origin})")
        assert json.loads((running.folder / "spec.json").read_text())["text"] == text

    async def test_one_with_faults_is_refused_with_all_of_them(self, running: Reloading, etcd: FakeEtcd) -> None:
        before = running.up.control.service
        etcd.put("shop", "retyr: 5\nversions: {v1: {endpoints: ['127.0.0.1:8']}, v2: {}}\n")
        await reload_spec(running.up, running.said.append)
        actor, reason = await self.told(running)
        assert actor == "etcd"
        assert "(etcd://127.0.0.1:2379/shop at revision 12) is refused: " in reason
        assert "line 1: retyr: unknown key" in reason
        assert "line 2: versions.v2: none of" in reason
        assert running.up.control.service is before
        assert running.up.config is not None
        assert "2 faults" in running.up.config.trouble()
        assert not (running.folder / "spec.json").exists()

    async def test_nobody_there_refuses_it(self, running: Reloading, etcd: FakeEtcd) -> None:
        etcd.away = True
        await reload_spec(running.up, running.said.append)
        assert "etcd does not answer" in (await self.told(running))[1]
