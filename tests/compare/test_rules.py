"""Rules: checked when made, merged, asked."""

import pytest
from pydantic import TypeAdapter

from abreast.compare.rules import MASKED, Rules, Tolerance, compiled

RULES = Rules(
    ignore=("/meta", "/items/*/seen_at", "/**/trace", "header:X-Debug-*", "header:set-cookie/Theme", "status"),
    unordered=("/tags",),
    keyed=(("/items", "sku"), ("/items", "id")),
    tolerance=(("/total", Tolerance(absolute=0.01)), ("header:Last-Modified", Tolerance(seconds=5))),
    mask=(r"nonce-\w+", "(?i)build [0-9]+"),
)


@pytest.mark.parametrize(
    "path",
    [
        "/meta",
        "/meta/host/name",
        "/items/12/seen_at",
        "/trace",
        "/a/b/trace/id",
        "header:x-debug-sql",
        "header:set-cookie/Theme",
        "header:set-cookie/Theme/path",
        "status",
    ],
)
def test_what_is_ignored(path: str) -> None:
    assert RULES.ignores(path)


@pytest.mark.parametrize(
    "path", ["", "/", "/items/12", "/items/seen_at", "/metadata", "header:x-other", "header:set-cookie/theme", "body"]
)
def test_what_is_not_ignored(path: str) -> None:
    assert not RULES.ignores(path)


@pytest.mark.parametrize("rules", [Rules(ignore=("",)), Rules(ignore=("body",)), Rules(ignore=("/**",))])
def test_the_whole_body_can_be_ignored(rules: Rules) -> None:
    assert rules.ignores("body")
    assert rules.ignores("")
    assert rules.ignores("/a/b")
    assert not rules.ignores("status")


def test_a_place_knows_what_the_rules_say_about_it() -> None:
    root = compiled(RULES).root
    assert root.step("tags").unordered
    assert not root.step("tags").step(0).unordered
    assert root.step("total").tolerance == Tolerance(absolute=0.01)
    assert root.step("items").member == "sku"  # the first that names the path
    assert root.step("items").step(4).step("seen_at").ignored


def test_where_no_rule_leads_is_a_dead_place_that_costs_nothing() -> None:
    root = compiled(Rules(ignore=("/a/b",))).root
    dead = root.step("other")
    assert dead.dead
    assert dead.step("anything") is dead
    assert not root.step("a").dead
    # A mask is for all texts, wherever they are.
    assert not compiled(Rules(mask=("x",))).root.step("other").dead


def test_indexes_share_a_place_unless_a_rule_tells_them_apart() -> None:
    shared = compiled(Rules(ignore=("/items/*/at",))).root.step("items")
    assert shared.step(1) is shared.step(70_000)
    apart = compiled(Rules(ignore=("/items/7/at",))).root.step("items")
    assert apart.step(7).step("at").ignored
    assert not apart.step(8).step("at").ignored
    assert compiled(Rules(ignore=("/items/1*",))).root.step("items").step(12).ignored


def test_any_number_of_names_is_asked_for_and_few_are_remembered() -> None:
    asked = compiled(Rules(ignore=("/users/*/seen_at",)))
    users = asked.root.step("users")
    assert all(users.step(f"user-{number}").step("seen_at").ignored for number in range(10_000))
    assert len(users.steps) < 5_000


def test_masks_are_replaced_one_by_one() -> None:
    assert RULES.masked("script nonce-r4nd0m of BUILD 77") == f"script {MASKED} of {MASKED}"
    assert Rules().masked("nonce-r4nd0m") == "nonce-r4nd0m"


def test_headers_have_tolerances() -> None:
    asked = compiled(RULES)
    earlier, later = "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:04 GMT"
    assert asked.tolerates("header:last-modified", earlier, later)
    assert not asked.tolerates("header:expires", earlier, later)


def test_merged_rules_are_both_and_the_later_ones_come_first() -> None:
    other = Rules(
        ignore=("/meta", "/more"),
        keyed=(("/items", "code"),),
        tolerance=(("/total", Tolerance(absolute=5)),),
        mask=("x",),
    )
    merged = RULES.merged(other)
    assert merged.ignore == (*RULES.ignore, "/more")
    assert merged.mask == (*RULES.mask, "x")
    root = compiled(merged).root
    assert root.step("total").tolerance == Tolerance(absolute=5)
    assert root.step("items").member == "code"
    assert RULES.merged(Rules()) == RULES


def test_further_unordered_arrays() -> None:
    rules = RULES.with_unordered(["/roles", "/tags"])
    assert rules.unordered == ("/tags", "/roles")
    assert rules.ignore == RULES.ignore


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ValueError, match="no path") as caught:
        Rules(ignore=("total", "header:"), unordered=("header:vary",), keyed=(("items", "id"),), mask=("(", "ok"))
    told = str(caught.value)
    for quoted in ("'total'", "'/total'", "'header:'", "'header:vary'", "'items'", "mask '('", "unterminated"):
        assert quoted in told
    assert "'ok'" not in told


def test_rules_survive_being_written_as_json() -> None:
    adapter = TypeAdapter(Rules)
    assert adapter.validate_json(adapter.dump_json(RULES)) == RULES
    with pytest.raises(ValueError, match="write it as a JSON Pointer"):
        adapter.validate_json('{"ignore": ["total"]}')
