"""The page on gates that others answer names every key with its default, every kind of webhook, every placeholder."""

import json
import re
from pathlib import Path
from typing import Final

import pytest
import yaml
from pydantic import BaseModel

from abreast.model.checks import PLACEHOLDERS, WEBHOOK_KINDS
from abreast.model.spec_gate_keys import PromqlKeys, WebhookKeys

TEXT: Final = (Path(__file__).parents[2] / "docs" / "gates.md").read_text(encoding="utf-8")
SECTIONS: Final = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))


def rows(section: str) -> dict[str, str]:
    """Of each table's row that begins with code: each of its words, and the row."""
    found = re.findall(r"^\| (`[^|]*`) \|(.*)\|$", SECTIONS[section], re.MULTILINE)
    return {word: rest for cell, rest in found for word in re.findall(r"`([^`]+)`", cell)}


@pytest.mark.parametrize(("section", "model"), [("promql", PromqlKeys), ("webhooks", WebhookKeys)])
def test_every_key_is_there_with_its_default(section: str, model: type[BaseModel]) -> None:
    table = rows(section)
    for name, described in model.model_json_schema()["properties"].items():
        default = described.get("default")
        if name in model.model_json_schema()["required"]:
            assert table[name].endswith(" needed ")
        elif default is not None and default != {}:
            assert f"`{str(default).lower()}`" in table[name], name
        else:
            assert name in table


def test_every_kind_of_webhook_is_there_and_no_other() -> None:
    kinds = {name for name, row in rows("webhooks").items() if row.count("|") == 2 and name not in keys()}
    assert kinds == set(WEBHOOK_KINDS)


def keys() -> set[str]:
    return set(WebhookKeys.model_json_schema()["properties"])


def test_every_placeholder_is_there() -> None:
    assert {name for name in rows("promql") if name.startswith("{{")} == {f"{{{{{name}}}}}" for name in PLACEHOLDERS}


def test_the_example_is_sound() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    gates = yaml.safe_load(example)["rollout"]["gates"]
    assert [PromqlKeys.model_validate(each).name for each in gates["promql"]] == ["checkout p99"]
    assert [WebhookKeys.model_validate(each).kind for each in gates["webhooks"]] == ["pre-rollout"]


def test_what_is_posted_is_json_of_the_right_keys() -> None:
    for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL):
        assert list(json.loads(block)) == ["name", "namespace", "phase", "checksum", "metadata"]
