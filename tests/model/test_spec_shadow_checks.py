"""What copying and comparing have against the rest of a spec."""

import pytest

from abreast.model.document import dotted
from abreast.model.spec_keys import SpecKeys
from abreast.model.spec_shadow_checks import shadow_conflicts

UNSAFE = {"unsafe": [{"methods": ["POST"]}]}


def found(versions: dict[str, bool], stable: str | None = None, **rollout: object) -> list[tuple[str, str, str]]:
    """Path, message and remedy of each conflict; ``versions`` by name, with whether each is isolated."""
    written = {name: {"run": "a", "isolated": isolated} for name, isolated in versions.items()}
    named = {"stable": stable} if stable else {}
    keys = SpecKeys.model_validate({"versions": written, "rollout": rollout, **named})
    return [(dotted(each.path), each.message, each.remedy) for each in shadow_conflicts(keys)]


@pytest.mark.parametrize(
    ("versions", "stable"),
    [
        ({"v1": False}, None),
        ({"v1": False, "v2": True}, None),
        ({"v1": True, "v2": False, "v3": True}, "v2"),
        ({"v1": True, "v2": True}, "v1"),
    ],
)
def test_writes_may_be_copied_to_isolated_candidates(versions: dict[str, bool], stable: str | None) -> None:
    assert found(versions, stable, shadow=UNSAFE) == []


def test_each_version_that_shares_its_data_is_named_but_stable() -> None:
    conflicts = found({"v1": False, "v2": False, "v3": True, "v4": False}, "v2", shadow=UNSAFE)
    assert [path for path, _, _ in conflicts] == ["versions.v1.isolated", "versions.v4.isolated"]
    assert "'v1' is not isolated, but rollout.shadow.unsafe" in conflicts[0][1]
    assert "`isolated: true` if it has a database" in conflicts[0][2]


def test_without_unsafe_routes_nobody_needs_to_be_isolated() -> None:
    assert found({"v1": False, "v2": False}, shadow={"at_most": 5}) == []


def test_the_judgement_hangs_on_who_is_stable_and_what_is_copied() -> None:
    written = {"v1": {"run": "a"}, "v2": {"run": "a"}}
    (conflict,) = shadow_conflicts(SpecKeys.model_validate({"versions": written, "rollout": {"shadow": UNSAFE}}))
    assert set(conflict.hangs_on) == {("stable",), ("rollout", "shadow", "unsafe")}


def test_a_route_without_methods_copies_nothing() -> None:
    ((path, message, remedy),) = found({"v1": False, "v2": True}, shadow={"unsafe": [{"methods": []}]})
    assert path == "rollout.shadow.unsafe[0].methods"
    assert "no methods" in message
    assert "POST" in remedy


@pytest.mark.parametrize(("tolerance", "faults"), [("0%", 1), (0, 1), ("0.01%", 0), ("100%", 0)])
def test_that_nothing_ever_differs_cannot_be_proven(tolerance: object, faults: int) -> None:
    conflicts = found({"v1": False}, gates={"differences": {"tolerance": tolerance}})
    assert [path for path, _, _ in conflicts] == ["rollout.gates.differences.tolerance"] * faults
    assert all("0.1%" in remedy for _, _, remedy in conflicts)
