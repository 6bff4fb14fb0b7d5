"""The second story speaks of the releases that its example has, and says why they could not be installed."""

import io
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from abreast.demo.httpbin import HTTPBIN, NEW, OLD, _prepare
from abreast.demo.site import example
from abreast.demo.teller import Teller
from abreast.model.errors import UsageError


def test_its_releases_are_the_example_s() -> None:
    spec = yaml.safe_load((example("httpbin") / "abreast.yaml").read_text("utf-8"))

    assert list(spec["versions"]) == [OLD, NEW]
    assert spec["stable"] == OLD
    assert HTTPBIN.watch_header == "", "httpbin does not name its version"


async def test_what_the_preparation_says_is_told(tmp_path: Path) -> None:
    (tmp_path / "prepare.py").write_text("print('httpbin 1: made')\nprint('httpbin 2: made')\n", "utf-8")
    out = io.StringIO()

    await _prepare(tmp_path, Teller(Console(file=out, width=200)))

    assert [line.split("demo     ")[1] for line in out.getvalue().splitlines()[1:]] == [
        "httpbin 1: made",
        "httpbin 2: made",
    ]


async def test_a_preparation_that_fails_is_told_in_its_words(tmp_path: Path) -> None:
    (tmp_path / "prepare.py").write_text("raise SystemExit('no network')\n", "utf-8")

    with pytest.raises(UsageError, match="no network") as caught:
        await _prepare(tmp_path, Teller(Console(file=io.StringIO())))

    assert "abreast demo" in caught.value.remedy
