"""The rules as written; what Prometheus makes of them is tested in tests/acceptance/test_metrics.py."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.queries import faults

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus"


def rules(name: str) -> list[dict[str, Any]]:
    """All rules of a file."""
    document = yaml.safe_load((RULES / name).read_text("utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


RECORDING, ALERTING = rules("rules.yml"), rules("alerts.yml")
RECORDED = frozenset(rule["record"] for rule in RECORDING)
NAMES = [rule["alert"] for rule in ALERTING]
each_alert = pytest.mark.parametrize("alert", ALERTING, ids=NAMES)


@pytest.mark.parametrize("rule", [*RECORDING, *ALERTING], ids=[*(rule["record"] for rule in RECORDING), *NAMES])
def test_a_rule_asks_for_what_is_exposed_or_recorded(rule: dict[str, Any]) -> None:
    assert faults(rule["expr"], RECORDED) == []


@pytest.mark.parametrize("rule", RECORDING, ids=lambda rule: rule["record"])
def test_a_recorded_series_is_named_by_its_level_metric_and_operations(rule: dict[str, Any]) -> None:
    level, metric, operations = rule["record"].split(":")
    assert metric.startswith("abreast_")
    assert operations
    for label in level.split("_"):
        assert label in rule["expr"] or any(name.startswith(level) and name in rule["expr"] for name in RECORDED)


def test_a_recorded_series_is_made_before_it_is_used() -> None:
    known: set[str] = set()
    for rule in RECORDING:
        assert {name for name in RECORDED if name in rule["expr"]} <= known
        known.add(rule["record"])


@each_alert
def test_an_alert_says_how_grave_it_is_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"info", "warning", "critical"}
    assert "{{ $labels.service }}" in alert["annotations"]["summary"]
    assert re.search(r"`abreast (explain|doctor|status)`", alert["annotations"]["description"])


@each_alert
def test_an_alert_is_documented_and_tested(alert: dict[str, Any]) -> None:
    assert f"| `{alert['alert']}` |" in (ROOT / "docs" / "metrics.md").read_text("utf-8")
    document = yaml.safe_load((RULES / "tests.yml").read_text("utf-8"))
    cases = [
        case for test in document["tests"] for case in test["alert_rule_test"] if case["alertname"] == alert["alert"]
    ]
    assert any(case["exp_alerts"] for case in cases), "it fires"


def test_no_alert_is_there_twice() -> None:
    assert len(NAMES) == len(set(NAMES))


def test_every_documented_alert_exists() -> None:
    text = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    assert re.findall(r"^\| `(Abreast\w+)` \|", text, re.MULTILINE) == NAMES


def test_the_example_reads_these_rules_and_brings_a_token() -> None:
    config = yaml.safe_load((RULES / "prometheus.yml").read_text("utf-8"))
    assert {RULES / name for name in config["rule_files"]} == {RULES / "rules.yml", RULES / "alerts.yml"}
    (job,) = config["scrape_configs"]
    assert job["authorization"]["credentials_file"]
    assert int(config["global"]["scrape_interval"].removesuffix("s")) <= 15, "rates over a minute need four samples"
