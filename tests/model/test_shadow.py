"""What a policy of copying is when nothing is said."""

from pydantic import TypeAdapter

from abreast.model.shadow import BODY_LIMIT, IsolatedRoute, RulePolicy, ShadowPolicy, TolerancePolicy


def test_nothing_unsafe_is_copied_unless_told_and_all_of_it_is_controlled() -> None:
    policy = ShadowPolicy()
    assert policy.isolated == ()
    assert policy.controls == 10_000
    assert policy.at_most_per_s == 100.0
    assert (policy.timeout_s, policy.sample_ttl_s) == (10.0, 7 * 86_400.0)
    assert BODY_LIMIT == 65_536


def test_rules_are_for_every_endpoint_and_routes_for_every_path() -> None:
    assert RulePolicy().endpoint == "*"
    assert IsolatedRoute(("POST",)).prefix == "/"


def test_a_policy_can_be_stored_and_compared() -> None:
    policy = ShadowPolicy(
        isolated=(IsolatedRoute(("POST",), "/search"),),
        rules=(
            RulePolicy(
                "GET /a", ignore=("/b",), keyed=(("/c", "id"),), tolerance=(("/d", TolerancePolicy(seconds=5)),)
            ),
        ),
        redact=("/email",),
        descriptors="/srv/api.pb",
    )
    adapter = TypeAdapter(ShadowPolicy)
    assert adapter.validate_json(adapter.dump_json(policy)) == policy
    assert len({policy, adapter.validate_json(adapter.dump_json(policy)), ShadowPolicy()}) == 2
