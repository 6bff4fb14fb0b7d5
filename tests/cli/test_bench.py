"""The verbs of the bench: a table, a file, and errors that come before the minutes of measuring."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from abreast.bench import data, gateway, shadow_case
from abreast.bench.gateway import Sizes
from abreast.bench.raw_envoy import RawEnvoy
from abreast.bench.target import TargetError
from abreast.cli.bench import BenchError
from abreast.cli.main import app
from abreast.model.errors import UsageError

TINY = Sizes(rounds=1, rate_per_s=200.0, rate_s=1.3, connections=4, saturation_s=0.2, crowd=0, workers=1)


@pytest.mark.timeout(90)
def test_a_quick_comparison_is_a_table_and_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sizes, "quick", classmethod(lambda _cls: TINY))
    monkeypatch.setattr(gateway, "installed_competitors", lambda: [RawEnvoy])
    file = tmp_path / "found.json"

    done = CliRunner().invoke(app, ["bench", "gateway", "--quick", "--json", str(file)])

    assert done.exit_code == 0, done.output
    assert "round 1 of 1: abreast: 200 requests/s" in done.stderr
    assert "Gateways over 1 round at 200 requests/s" in done.stdout
    data = json.loads(file.read_text("utf-8"))
    assert [each["target"] for each in data["summaries"]] == ["direct", "raw envoy", "abreast"]
    told = data["summaries"][2]
    assert told["failed"] == 0
    assert told["medians"]["cpu_us"] > 10
    assert told["medians"]["beside_cpu_us"] > 0
    assert 0.2 < told["ratios"]["cpu_us"] < 10


@pytest.mark.parametrize("verb", ["gateway", "rollback", "compare", "data", "shadow"])
def test_a_file_that_cannot_be_written_is_told_at_once(verb: str, tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "found.json"

    done = CliRunner().invoke(app, ["bench", verb, "--json", str(file)])

    assert isinstance(done.exception, UsageError)
    assert str(file) in done.exception.message


def test_measuring_data_is_a_table_and_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = data.Sizes(written_rows=200, filled_rows=500, compared_rows=500, compared_rounds=1, quiet_s=0.1)
    monkeypatch.setattr(data.Sizes, "quick", classmethod(lambda _cls: small))
    file = tmp_path / "found.json"

    done = CliRunner().invoke(app, ["bench", "data", "--quick", "--rounds", "2", "--json", str(file)])

    assert done.exit_code == 0, done.output
    assert "rows written, 2 rounds" in done.stderr
    assert "update, changed column" in done.stdout
    told = json.loads(file.read_text("utf-8"))
    assert (told["sizes"]["rounds"], told["finding"]["planted"], told["filling"]["failed"]) == (2, 10, 0)


def test_comparing_is_a_table_and_a_file(tmp_path: Path) -> None:
    file = tmp_path / "found.json"

    done = CliRunner().invoke(app, ["bench", "compare", "--quick", "--rounds", "1", "--json", str(file)])

    assert done.exit_code == 0, done.output
    assert "round 1 of 1" in done.stderr
    assert "2 KB, ten values differ" in done.stdout
    assert len(json.loads(file.read_text("utf-8"))["summaries"]) == 8


@pytest.mark.acceptance
@pytest.mark.timeout(90)
def test_copying_is_two_tables_and_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = (shadow_case.Case.ALL, shadow_case.Case.OFF)
    tiny = shadow_case.Sizes(rounds=9, settle_s=1.0, connections=8, users=100, workers=1, cases=cases)
    monkeypatch.setattr(shadow_case.Sizes, "quick", classmethod(lambda _cls: tiny))
    file = tmp_path / "found.json"

    arguments = ["--quick", "--rounds", "1", "--rate", "50", "--service-ms", "5", "--seconds", "2"]
    done = CliRunner().invoke(app, ["bench", "shadow", *arguments, "--json", str(file)])

    assert done.exit_code == 0, done.output
    rounds = [line for line in done.stderr.splitlines() if "round 1" in line]
    assert [line[line.index("round") :].strip() for line in rounds] == [
        "round 1 of 1: 100 %, GETs at 50/s",
        "round 1 of 1: 100 %, POSTs at 10/s",
        "round 1 of 1: off, GETs at 50/s",
        "round 1 of 1: off, POSTs at 10/s",
    ]
    assert "Copying, 1 round of 2 s: GETs at 50/s" in done.stdout
    assert "What became of the users' requests" in done.stdout
    data = json.loads(file.read_text("utf-8"))
    assert [(each["method"], each["case"], each["sent"], each["failed"]) for each in data["summaries"]] == [
        ("GET", "100 %", 100, 0),
        ("GET", "off", 100, 0),
        ("POST", "100 %", 20, 0),
        ("POST", "off", 20, 0),
    ]
    copied, spared = data["summaries"][:2]
    assert copied["copies"]["seen"] == 100
    assert copied["copies"]["compared"] > 60
    assert spared["copies"] == {"seen": 0, "compared": 0, "skipped": {}, "lost": 0}
    assert copied["medians"]["relay_cpu_us"] > spared["medians"]["relay_cpu_us"]
    assert 5 < spared["medians"]["p50_ms"] <= spared["medians"]["p99_ms"]
    assert copied["p99_ratio"] > 0
    assert data["met"] is True or any(each["p99_ratio"] > 1.25 for each in data["summaries"])


@pytest.mark.timeout(90)
def test_a_soak_is_a_series(tmp_path: Path) -> None:
    file = tmp_path / "found.json"

    done = CliRunner().invoke(app, ["bench", "shadow", "--soak", "5s", "--rate", "60", "--json", str(file)])

    assert done.exit_code == 0, done.output
    assert "Memory while everything is copied to a hung candidate, 5 s at 60/s" in done.stdout
    data = json.loads(file.read_text("utf-8"))
    assert data["failed"] == 0
    assert data["copies"]["seen"] == data["sent"] == 300
    assert len(data["looks"]) >= 3
    assert all(look["envoy_mib"] > 20 and look["relay_mib"] > 20 and look["relay"] for look in data["looks"])
    for look in data["looks"]:
        assert f"Envoy {look['envoy_mib']:.1f} MiB, relay {look['relay_mib']:.1f} MiB" in done.stderr
    assert len({look["relay"] for look in data["looks"]}) == 1
    assert 0.7 < data["growth"]["envoy_mib"] < 1.5


@pytest.mark.parametrize(
    ("text", "fault"), [("10", "'10'"), ("1s", "'1s' is not between 5s and 1d"), ("9d", "'9d' is not between")]
)
def test_a_soak_without_meaning_is_refused_at_once(text: str, fault: str) -> None:
    done = CliRunner().invoke(app, ["bench", "shadow", "--soak", text])

    assert isinstance(done.exception, UsageError)
    assert fault in done.exception.message
    assert "10m" in done.exception.remedy


def test_what_does_not_start_ends_the_bench_in_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(RawEnvoy):
        def command(self, directory: Path) -> list[str]:
            raise TargetError(f"no command for {directory.name[:7]}")

    monkeypatch.setattr(gateway, "installed_competitors", lambda: [Broken])
    monkeypatch.setattr(Sizes, "quick", classmethod(lambda _cls: TINY))

    done = CliRunner().invoke(app, ["bench", "gateway", "--quick"])

    assert isinstance(done.exception, BenchError)
    assert "no command for abreast" in done.exception.message
    assert done.exception.exit_code == 1
