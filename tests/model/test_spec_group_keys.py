"""The release group of a spec, and every fault at its line."""

import jsonschema
import pytest
import yaml

from abreast.model.errors import SpecError
from abreast.model.group import GroupSettings, MemberAddress
from abreast.model.rollout import Group
from abreast.model.spec import Spec, parse_spec
from abreast.model.spec_schema import schema

BEFORE = "service: shop\nversions: {v1: {run: a}}\ngroup:\n"
GOOD = """\
  name: spring
  order: [payments, cart, shop]
  members:
    payments: {url: "https://payments.internal:9443", token: "${PAYMENTS_TOKEN}"}
    cart: ../cart
"""


def spec(text: str, **environment: str) -> Spec:
    """A spec of the shop with these lines under `group`."""
    return parse_spec(BEFORE + text, directory="/srv/shop", environment=environment)


def faults(text: str) -> list[tuple[int, str, str]]:
    """Line, path and message of each fault."""
    with pytest.raises(SpecError) as refused:
        spec(text)
    return [(fault.line, fault.path, fault.message) for fault in refused.value.faults]


def of(members: str, order: str = "[cart, shop]") -> str:
    """A group of these members."""
    return f"  name: spring\n  order: {order}\n  members: {members}\n"


def test_without_one_the_service_goes_by_itself() -> None:
    found = parse_spec("versions: {v1: {run: a}}")
    assert (found.group, found.policy("v1").group) == (None, None)


def test_what_is_read() -> None:
    found = spec(GOOD, PAYMENTS_TOKEN="t0ken")
    order = ("payments", "cart", "shop")
    members = {
        "payments": MemberAddress("https://payments.internal:9443", "t0ken"),
        "cart": MemberAddress(path="/srv/shop/../cart"),
    }
    assert found.group == GroupSettings("spring", order, members)
    assert found.policy("v1").group == Group("spring", order)


def test_both_forms_fit_the_schema() -> None:
    jsonschema.validate(yaml.safe_load(BEFORE + GOOD), schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(BEFORE + of("{cart: 5}")), schema())


def test_all_faults_of_the_order_at_once() -> None:
    assert faults(
        "  name: spring\n  order: [payments, cart, cart]\n  members:\n    cart: ../cart\n    bar: ../bar\n"
    ) == [
        (5, "group.order[2]", "cart is here twice"),
        (5, "group.order", "shop, this service, is missing"),
        (6, "group.members", "payments of `order` is missing"),
        (8, "group.members.bar", "bar is not in `order`"),
    ]


def test_a_group_has_two_members() -> None:
    told = "a group has two members at least, all of them in `order`"
    assert faults("  name: spring\n") == [(3, "group.order", told)]
    assert faults("  name: spring\n  order: [shop]\n") == [(5, "group.order", told)]


@pytest.mark.parametrize(
    ("member", "path", "words"),
    [
        ("http://127.0.0.1:80", "", "this is a URL, and its API asks for a token"),
        ("''", "", "'' is not allowed here"),
        ("{}", "", "neither `url` nor `path`: one says where it answers"),
        ("{url: 'https://a', path: b, token: c}", "", "both `url` and `path`: one says where it answers"),
        ("{url: 'https://a:1'}", "", "`token` is missing: the API asks for one"),
        ("{path: ../a, token: c}", ".token", "`token` has no effect without `url`"),
        ("{url: 'https://a/api/v1', token: c}", ".url", "the address of an API is scheme, host and port alone"),
        ("{url: 'https://u:p@a', token: c}", ".url", "the address of an API is scheme, host and port alone"),
        ("{url: 'http://a.example', token: c}", ".url", "the token would go to a.example in clear"),
        ("{url: 'http://10.0.0.1:1', token: c}", ".url", "the token would go to 10.0.0.1 in clear"),
        ("{url: 'https://a', token: '${NONE}'}", ".token", "`token` needs NONE, which is not set"),
    ],
)
def test_what_a_member_may_not_be(member: str, path: str, words: str) -> None:
    assert faults(of(f"{{cart: {member}}}")) == [(6, f"group.members.cart{path}", words)]


@pytest.mark.parametrize("url", ["http://127.0.0.1:8081", "http://localhost:8081", "http://[::1]:8081"])
def test_a_token_may_stay_on_this_machine_in_clear(url: str) -> None:
    assert spec(of(f"{{cart: {{url: '{url}', token: t}}}}")).group is not None


def test_this_service_is_not_asked() -> None:
    assert faults(of("{cart: ../cart, shop: ../shop}")) == [(6, "group.members.shop", "shop is this service itself")]


def test_no_fault_shows_a_token() -> None:
    for text in ("{cart: {url: 'https://a/x', token: s3cret}}", "{cart: {token: [s3cret]}}", "{cart: [s3cret]}"):
        assert "s3cret" not in str(faults(of(text)))
