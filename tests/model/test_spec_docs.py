"""The reference of the spec names every key, with the default that it has."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from abreast.model.spec import parse_spec
from abreast.model.spec_schema import schema

TEXT: Final = (Path(__file__).parents[2] / "docs" / "spec.md").read_text(encoding="utf-8")
SCHEMA: Final = schema()
SECTIONS: Final = dict(re.findall(r"^### `([^`]+)`\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))


def properties(model: dict[str, Any], place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each key of the schema by its path, with what the schema says of it."""
    for name, described in model.get("properties", {}).items():
        here = f"{place}.{name}".removeprefix(".")
        yield here, described
        yield from held(described, here)


def held(described: dict[str, Any], here: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The keys inside of one key: a mapping's, those of each item, of each named entry, or of each alternative."""
    if "$ref" in described:
        yield from properties(SCHEMA["$defs"][described["$ref"].rpartition("/")[2]], here)
    for alternative in (*described.get("anyOf", ()), *described.get("oneOf", ())):
        yield from held(alternative, here)
    if "items" in described:
        yield from held(described["items"], f"{here}[]")
    for entry in described.get("patternProperties", {}).values():
        yield from held(entry, f"{here}.NAME")


KEYS: Final = dict(properties(SCHEMA, ""))


def test_every_key_of_the_schema_has_its_section_and_no_other_has() -> None:
    assert len(KEYS) > 45
    assert set(SECTIONS) == set(KEYS)


def stated(default: object) -> str:
    """A default as the reference states it."""
    return f"Default: `{str(default).lower() if isinstance(default, bool) else default}`"


@pytest.mark.parametrize(
    "path", [path for path, described in KEYS.items() if described.get("default") not in (None, [])]
)
def test_the_default_that_is_stated_is_the_one_that_holds(path: str) -> None:
    section = " ".join(SECTIONS[path].split())
    default = KEYS[path]["default"]
    if path == "rollout.steps":
        (block,) = re.findall(r"```yaml\n(.*?)```", SECTIONS[path], re.DOTALL)
        assert yaml.safe_load(block)["rollout"]["steps"] == default
    else:
        assert stated(default) in section


def test_no_default_is_stated_that_does_not_hold() -> None:
    for path, section in SECTIONS.items():
        for text in re.findall(r"Default:\s+`([^`]+)`", section):
            assert f"Default: `{text}`" == stated(KEYS[path].get("default")), path


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL))
def test_every_example_is_sound(block: str) -> None:
    versions = "" if "versions:" in block else "versions: {v1: {run: a}}\n"
    assert parse_spec(versions + block).service().versions
