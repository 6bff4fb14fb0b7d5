"""The plan that `check` prints."""

import re
from dataclasses import replace

import pytest

from abreast.cli.spec_plan import plan_rows, summary, unprovable
from abreast.model.rollout import ErrorGate, LatencyGate, Policy, ShadowStep, WeightStep
from abreast.model.spec import Spec, parse_spec
from abreast.model.units import FULL_WEIGHT, about, parse_weight
from abreast.rollout.forecast import forecast

TEXT = """
service: shop
gateway: {tls: {certificate: a, key: b}}
users: {by: [header:x-user-id, cookie:sid]}
versions:
  v1: {run: "./a 'b c'", instances: 2, ready: GET /healthz}
  v2: {endpoints: ['127.0.0.1:1', '127.0.0.1:2'], isolated: true}
rollout:
  steps: [{shadow: 20%, for: 5m}, {weight: 1%, shadow: 5%}, shadow: 0%, {weight: 50%, for: 2m}, hold: 5m, bake: 1h]
  shadow: {at_most: 50, unsafe: [{methods: [POST, PUT], prefix: /search}]}
  approve: [weight 50%]
  on_failure: freeze
"""


@pytest.fixture
def spec() -> Spec:
    """A spec with a step of each kind."""
    return parse_spec(TEXT)


def text(spec: Spec, rate_per_s: float | None = None) -> str:
    """The summary as one text."""
    return "\n".join(summary(spec.service(), spec.policy("v2"), "v2", rate_per_s))


def test_the_summary_names_gateway_users_and_versions(spec: Spec) -> None:
    lines = text(spec).splitlines()
    assert lines[:3] == [
        "shop: gateway https://127.0.0.1:8080, one user is header:x-user-id, then cookie:sid",
        "  v1  2 instances of `./a 'b c'`, ready by GET /healthz (stable)",
        "  v2  runs elsewhere at 127.0.0.1:1, 127.0.0.1:2, ready by TCP connect",
    ]


def test_the_summary_names_deployments() -> None:
    spec = parse_spec(
        "versions: {v1: {deployment: shop-v1, instances: 3}, v2: {kubernetes: {template: d.yaml}, instances: 2}}",
        directory="/srv",
    )
    assert text(spec).splitlines()[1:3] == [
        "  v1  the Deployment shop-v1, scaled to 3, ready by what the cluster says (stable)",
        "  v2  a Deployment of 2 made from /srv/d.yaml, ready by what the cluster says",
    ]


def test_the_summary_says_who_is_asked_for_endpoints() -> None:
    spec = parse_spec(TEXT.replace("['127.0.0.1:1', '127.0.0.1:2']", "{consul: shop, tag: v2}"))
    line = text(spec).splitlines()[2]
    assert (
        line
        == "  v2  runs elsewhere; its endpoints are looked up: Consul service shop with tag v2, ready by TCP connect"
    )


def test_the_summary_shows_each_step(spec: Spec) -> None:
    assert text(spec).splitlines()[4:] == [
        "A rollout of v2, if all goes well:",
        (
            "   1  shadow 20 %                   at least 5 m, at most 1 h; "
            "needs about 5,090 compared answers if none differs"
        ),
        "   2  weight 1 % with shadow 5 %    at least 1 m, at most 1 h; needs about 835 candidate requests for errors",
        "   3  shadow 0 %                    1m",
        "   4  approve (before weight 50 %)  until a person says: abreast promote",
        (
            "   5  weight 50 %                   at least 2 m, at most 1 h; "
            "needs about 2,996 candidate requests for latency"
        ),
        "   6  hold 5m                       5m",
        "   7  weight 100 %                  at once",
        "   8  bake 1h                       1h",
        "  100 % of users after about 14 m and the approvals; done after 1 h 14 m",
        "  the old version stops 1d later, once no request came for 15m; open streams keep it 1h longer at most",
        (
            "  if it fails more, or is more than 20 % slower, than stable in the same seconds, "
            "or more than 0.1 % of its answers differ: the rollout freezes"
        ),
        "  copied to the candidate: GET, HEAD and OPTIONS, and POST and PUT below /search; at most 50 a second",
    ]


@pytest.mark.parametrize(
    ("steps", "copied"),
    [
        ("[weight: 10%]", False),
        ("[shadow: 10%]", True),
        ("[{weight: 10%, shadow: 5%}]", True),
    ],
)
def test_of_copying_it_speaks_only_where_there_is_some(steps: str, *, copied: bool) -> None:
    found = text(parse_spec(f"versions: {{v1: {{run: a}}, v2: {{run: a}}}}\nrollout: {{steps: {steps}}}"))
    assert ("copied to the candidate: GET, HEAD and OPTIONS; at most 100 a second" in found) is copied
    assert ("or more than 0.1 % of its answers differ" in found) is copied


def test_with_a_rate_it_says_how_long_the_requests_take(spec: Spec) -> None:
    found = text(spec, 10.0)
    assert "at least 9 m 59 s, at most 1 h; needs about 2,996 candidate requests for latency: 9 m 59 s" in found
    assert "compared answers if none differs: 42 m 25 s" in found
    assert "about 1 h 58 m and the approvals at 10 requests/s" in found
    assert "needs about 835 candidate requests for errors: 2 h 19 m, more than that" in found


def test_failures_of_stable_make_it_longer(spec: Spec) -> None:
    policy = spec.policy("v2")
    alone, beside = (plan_rows(policy, 10.0, bad)[1]["requests"] for bad in (0.0, 0.01))
    assert isinstance(alone, int)
    assert isinstance(beside, int)
    assert beside > 1.2 * alone
    assert f"about {beside:,} candidate requests for errors" in "\n".join(
        summary(spec.service(), policy, "v2", 10.0, 0.01)
    )


def test_without_latency_nobody_speaks_of_it() -> None:
    found = text(
        parse_spec("versions: {v1: {run: a}, v2: {run: a}}\nrollout: {gates: {latency: {watch: false}}}"), 10.0
    )
    assert "latency" not in found
    assert "slower" not in found
    assert "if it fails more than stable in the same seconds, or" in found


def test_users_without_a_key_get_a_cookie() -> None:
    assert "one user is the cookie abreast-id that the gateway sets" in text(parse_spec("versions: {v2: {run: a}}"))


COLD = Policy(steps=(WeightStep(100), WeightStep(5000), WeightStep(10_000)), at_most_s=600.0, latency=None)


def test_what_fits_is_no_warning() -> None:
    assert list(unprovable(COLD, 1000.0)) == []
    assert list(unprovable(COLD, None)) == [], "nobody knows"


def test_a_step_that_cannot_be_proven_in_time_says_what_would_fit() -> None:
    first, second = unprovable(COLD, 5.0)
    assert first == (
        "weight 1 %: the errors gate needs 835 candidate requests, which takes 4 h 38 m at 5 requests/s, more than "
        "step_time.at_most (10 m); then the step is held\n"
        "  → raise step_time.at_most to 4 h 38 m, or rollout.gates.errors.budget to 6.96 %, or take a larger weight"
    )
    assert second.startswith("weight 50 %: the errors gate needs 1,")
    unproven = replace(COLD, on_timeout="promote-unproven")
    assert "; then the rollout goes on unproven\n" in next(unprovable(unproven, 5.0))


@pytest.mark.parametrize("rate_per_s", [0.5, 2.0, 5.0])
def test_what_is_said_to_fit_does(rate_per_s: float) -> None:
    """One after the other, as a person would follow the advice."""
    for step in forecast(COLD, rate_per_s):
        if step.fits:
            continue
        (advice,) = (text for text in unprovable(COLD, rate_per_s) if text.startswith(f"{step.step}:"))
        budget = re.search(r"errors\.budget to ([0-9.]+ %)", advice)
        longer = re.search(r"at_most to (.+?), or", advice)
        assert budget is not None
        assert longer is not None
        larger = replace(COLD, errors=ErrorGate(parse_weight(budget[1].replace(" ", ""))))
        fitting = {str(each.step): each.fits for each in forecast(larger, rate_per_s)}
        assert fitting[str(step.step)] or parse_weight(budget[1].replace(" ", "")) == FULL_WEIGHT
        assert step.requests_s is not None
        assert longer[1] == about(step.requests_s)


@pytest.mark.parametrize(
    ("policy", "gate", "advice"),
    [
        (replace(COLD, steps=(ShadowStep(2000),)), "differences gate needs 5,090 compared", "copy a larger share"),
        (
            replace(COLD, latency=LatencyGate(), errors=ErrorGate(10_000)),
            "latency gate needs ",
            "take a larger weight, or leave latency out: rollout.gates.latency.watch: false",
        ),
    ],
)
def test_each_gate_has_its_own_advice(policy: Policy, gate: str, advice: str) -> None:
    found = next(unprovable(policy, 1.0))
    assert f"the {gate}" in found
    assert found.endswith(advice)


def test_without_requests_there_is_no_proof() -> None:
    found = next(unprovable(COLD, 0.0))
    assert "which takes for ever at 0 requests/s" in found
    assert found.endswith("  → there is no proof without requests")
    assert plan_rows(COLD, 0.0)[0]["requests_s"] is None


def test_rows_are_plain_numbers(spec: Spec) -> None:
    rows = plan_rows(spec.policy("v2"), 10.0)
    assert [row["kind"] for row in rows] == [
        *("shadow", "weight", "shadow", "approve", "weight", "hold", "weight", "bake")
    ]
    assert rows[1] == {
        "step": "weight 1 % with shadow 5 %",
        "kind": "weight",
        "weight": 100,
        "requests": 835,
        "requests_s": 8350.0,
        "gate": "errors",
        "least_s": 3600.0,
        "most_s": 3600.0,
        "fits": False,
    }
    assert (rows[0]["weight"], rows[0]["requests"], rows[0]["requests_s"]) == (0, 5090, 2545.0)
    assert rows[3]["most_s"] is None
    assert plan_rows(spec.policy("v2"), None)[0]["requests_s"] is None


@pytest.mark.parametrize(
    ("steps", "max_drift", "words"),
    [
        (
            "[expand: true, weight: 10%, contract: 7d]",
            0,
            (
                "  first its side of the data is made, and every row filled",
                "  its side of the data is dropped for good 7d after that",
                "or a row contradicts the other side's: everybody goes back",
            ),
        ),
        (
            "[weight: 10%]",
            5,
            (
                "  first its side of the data waits for: abreast data expand v2",
                "  its side of the data stays until: abreast data contract",
                "or more than 5 rows contradict the other side's: everybody goes back",
            ),
        ),
    ],
)
def test_it_says_what_happens_to_the_data(steps: str, max_drift: int, words: tuple[str, ...]) -> None:
    versions = "versions: {v1: {run: a}, v2: {run: a}}\ndata: {url: 'postgresql:///shop'}\n"
    rollout = f"rollout: {{steps: {steps}, gates: {{data: {{max_drift: {max_drift}}}}}}}"
    told = text(parse_spec(versions + rollout))
    for sentence in words:
        assert sentence in told
    assert "data" not in text(parse_spec("versions: {v1: {run: a}, v2: {run: a}}"))


def test_of_somebody_elses_gateway_it_says_what_is_not_promised() -> None:
    spec = parse_spec("""
gateway: {route: {name: shop, backends: {v1: "shop-v1:80", v2: "shop-v2:80"}}}
versions: {v1: {endpoints: ["127.0.0.1:1"]}, v2: {endpoints: ["127.0.0.1:2"]}}
rollout:
  steps: [{weight: 10%}, {approve: look}]
  gates: {errors: {watch: false}, latency: {watch: false}}
""")
    lines = list(summary(spec.service(), spec.policy("v2"), "v2", None))
    assert lines[0].endswith(
        "gateway HTTPRoute shop, where a weight is a share of requests: users do not stay on a side"
    )
    assert "nobody counts failures; if a query or a webhook says no: everybody goes back to stable" in lines[-1]
    assert not any("candidate requests for errors" in line for line in lines)
