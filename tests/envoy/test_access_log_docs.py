"""The page on logs: every field and no other, every attribute of a span, and examples that can be read."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from abreast.envoy.access_file import KEPT, LIMIT_BYTES
from abreast.envoy.access_log import ERROR, FIELDS, HEADER, SERVICE
from abreast.envoy.tracing import TAGS
from abreast.model.spec import parse_spec

TEXT: Final = (Path(__file__).parents[2] / "docs" / "logs.md").read_text(encoding="utf-8")
SECTIONS: Final = dict(re.findall(r"^##+ ([^\n]+)\n(.*?)(?=^##+ |\Z)", TEXT, re.MULTILINE | re.DOTALL))
BLOCKS: Final = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


def rows(section: str) -> list[str]:
    """The words in code in the first cells of the section's tables."""
    cells = re.findall(r"^\| ([^|]*) \|", SECTIONS[section], re.MULTILINE)
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


def example(first: str) -> dict[str, Any]:
    """The one example that has this key at its top."""
    [found] = [read for read in map(yaml.safe_load, BLOCKS) if first in read]
    assert isinstance(found, dict)
    return found


def test_the_table_has_every_field_once_and_no_other() -> None:
    named = rows("The access log")
    assert sorted(named) == sorted([*FIELDS, ERROR, SERVICE, f"{HEADER}NAME"])


def test_every_attribute_that_a_span_is_given_is_there() -> None:
    assert sorted(rows("Traces")) == sorted(TAGS)


def test_the_bound_of_the_file_is_the_one_that_holds() -> None:
    assert f"the access log at {LIMIT_BYTES // 2**20} MiB" in " ".join(TEXT.split())
    assert f"so on to `.{KEPT}`" in " ".join(TEXT.split())


@pytest.mark.parametrize("block", BLOCKS)
def test_every_yaml_is_yaml(block: str) -> None:
    read = yaml.safe_load(block)
    assert isinstance(read, dict)
    if {"logs", "traces"} & set(read):
        assert parse_spec("versions: {v1: {run: a}}\n" + block).service().versions


def test_the_collector_s_pipelines_use_what_is_there() -> None:
    collector = example("service")
    for pipeline in collector["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= set(collector[kind]), kind
    statements = "\n".join(collector["processors"]["transform/abreast"]["log_statements"][0]["statements"])
    assert set(re.findall(r'attributes\["([^"]+)"\]', statements)) <= {*FIELDS, ERROR}


def test_filebeat_takes_fields_that_there_are() -> None:
    beat = example("filebeat.inputs")
    taken = {each["from"] for step in beat["processors"] for each in step.get("rename", {}).get("fields", ())}
    assert taken | {step["timestamp"]["field"] for step in beat["processors"] if "timestamp" in step} <= set(FIELDS)
    [pipeline] = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)]
    assert {next(iter(step.values()))["field"] for step in pipeline["processors"]} <= set(FIELDS)
