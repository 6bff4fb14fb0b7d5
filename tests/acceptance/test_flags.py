"""Flags and traffic agree: OpenFeature's own SDK, and the gateway, of ten thousand users at five weights."""

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

from tests.e2e.service import Service, origin
from tests.integration.client import on_version

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]

USERS = 10_000
WEIGHTS = (100, 1000, 3333, 5000, 9900)


@pytest.fixture
def service(short_tmp: Path) -> Iterator[Service]:
    """Two cheap versions, a rollout that waits for orders, and a flag for users on the candidate."""
    steps = [{"weight": "1%"}, {"weight": "50%"}]
    versions = {"v1": origin("v1"), "v2": origin("v2")}
    made = Service.of(short_tmp, versions, steps=steps, step_time={"at_least": "1h", "at_most": "2h"})
    made.spec["flags"] = {"new-checkout": "candidate"}
    made.write()
    made.up()
    yield made
    made.close()


def sdk(service: Service, token: str) -> OpenFeatureClient:
    """The official SDK with its OFREP provider, asking the control plane that runs now."""
    url = re.findall(r"API: (http://\S+)", service.log)[-1]
    api.set_provider(OFREPProvider(url, headers_factory=lambda: {"authorization": f"Bearer {token}"}), domain=url)
    return api.get_client(url)


def token(service: Service) -> str:
    """A viewer's token."""
    return str(service.client().post("/tokens", {"name": "shop", "role": "viewer"})["secret"])


def asked(client: OpenFeatureClient, user: str) -> tuple[bool, str]:
    """What the flag is for that user, and why."""
    details = client.get_boolean_details(
        "new-checkout", default_value=False, evaluation_context=EvaluationContext(user)
    )
    return details.value, str(details.reason)


def on_by_flag(client: OpenFeatureClient) -> frozenset[int]:
    """For which of the users the flag is on."""
    return frozenset(user for user in range(USERS) if asked(client, f"user-{user}")[0])


async def test_the_sdk_and_the_gateway_agree_on_ten_thousand_users_at_five_weights(service: Service) -> None:
    client = sdk(service, token(service))
    service.give("start", version="v2")
    service.until(lambda: service.status()["phase"] == "progressing")
    for weight in WEIGHTS:
        assert service.give("weight", weight=weight)["obeyed_s"] is not None
        routed = await on_version(service.port, "v2", USERS)
        began = time.monotonic()
        flagged = await asyncio.to_thread(on_by_flag, client)
        took_s = time.monotonic() - began
        assert flagged == routed, (weight, len(flagged ^ routed))
        print(f"{weight / 100:g} %: the same {len(routed)} of {USERS} users; {USERS / took_s:.0f} evaluations/s")


def test_a_kill_switch_holds_within_a_second_and_over_a_restart(service: Service) -> None:
    secret = token(service)
    client = sdk(service, secret)
    service.give("start", version="v2")
    service.until(lambda: service.status()["phase"] == "progressing")
    service.give("weight", weight=10_000)

    assert asked(client, "ada") == (True, "TARGETING_MATCH")
    service.client().post("/flags/new-checkout/off", {"reason": "it loses carts"})
    began = time.monotonic()
    assert asked(client, "ada") == (False, "DISABLED"), "it holds from the answer on"
    assert time.monotonic() - began < 1.0
    service.down()
    service.up()
    assert asked(sdk(service, secret), "ada") == (False, "DISABLED")
    assert "off  since" in service.run("flag", "list").stdout
    assert service.run("flag", "on", "new-checkout", "-m", "mended").returncode == 0
    assert asked(sdk(service, secret), "ada") == (True, "TARGETING_MATCH")
    told = [event["reason"] for event in service.client().get("/events") if event["kind"] == "flag"]
    assert told == [
        "flag new-checkout is new in the spec, and on",
        "flag new-checkout was switched off: it loses carts",
        "flag new-checkout was switched on: mended",
    ]
