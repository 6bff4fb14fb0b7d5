"""The plan that `check` prints."""

import pytest

from abreast.cli.spec_plan import blind_spots, plan_rows, summary
from abreast.model.rollout import Policy
from abreast.model.spec import Spec, parse_spec

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


def test_the_summary_shows_each_step(spec: Spec) -> None:
    assert text(spec).splitlines()[4:] == [
        "A rollout of v2, if all goes well:",
        (
            "   1  shadow 20 %                   at least 5 m, at most 1 h; "
            "needs about 5,090 compared answers if none differs"
        ),
        "   2  weight 1 % with shadow 5 %    at least 1 m, at most 1 h; needs 20 candidate requests",
        "   3  shadow 0 %                    1m",
        "   4  approve (before weight 50 %)  until a person says: abreast promote",
        "   5  weight 50 %                   at least 2 m, at most 1 h; needs 20 candidate requests",
        "   6  hold 5m                       5m",
        "   7  weight 100 %                  at once",
        "   8  bake 1h                       1h",
        "  100 % of users after about 14 m and the approvals; done after 1 h 14 m",
        "  the old version stops 1d later, once it had no request for 15m",
        "  errors 5 % above stable's, or more than 0.1 % of its answers differ: the rollout freezes",
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
    assert "at least 3 m 20 s, at most 1 h; needs 20 candidate requests: 3 m 20 s" in found
    assert "needs 20 candidate requests: 4 s" in found
    assert "compared answers if none differs: 42 m 25 s" in found
    assert "about 53 m 45 s and the approvals at 10 requests/s" in found
    assert "needs 20 candidate requests: more than that" in text(spec, 0.1)


def test_users_without_a_key_get_a_cookie() -> None:
    assert "one user is the cookie abreast-id that the gateway sets" in text(parse_spec("versions: {v2: {run: a}}"))


def test_a_step_that_the_gate_cannot_judge_is_a_blind_spot() -> None:
    (spot,) = blind_spots(Policy(), 5.0)
    assert spot.startswith("weight 1 %: at 0.05 candidate requests/s fewer than 20 fall into 1m")
    assert "errors.window" in spot
    assert list(blind_spots(Policy(), 1000.0)) == []
    assert list(blind_spots(Policy(), None)) == []


def test_rows_are_plain_numbers(spec: Spec) -> None:
    rows = plan_rows(spec.policy("v2"), 10.0)
    assert [row["kind"] for row in rows] == [
        *("shadow", "weight", "shadow", "approve", "weight", "hold", "weight", "bake")
    ]
    assert rows[1] == {
        "step": "weight 1 % with shadow 5 %",
        "kind": "weight",
        "weight": 100,
        "requests": 20,
        "requests_s": 200.0,
        "least_s": 200.0,
        "most_s": 3600.0,
        "blind": True,
    }
    assert (rows[0]["weight"], rows[0]["requests"], rows[0]["requests_s"]) == (0, 5090, 2545.0)
    assert rows[3]["most_s"] is None
    assert plan_rows(spec.policy("v2"), None)[0]["requests_s"] is None
