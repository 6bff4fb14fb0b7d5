"""Commands of the data demo are the real program's: their words are told, a failure stops the story with them."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from abreast.demo.data_commands import DataCommands, abridged
from abreast.demo.stage import DemoError
from abreast.demo.teller import Teller
from tests.fakes.data_shop import DataShop


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def teller(out: io.StringIO) -> Teller:
    return Teller(Console(file=out, width=200))


async def test_a_command_is_given_and_its_words_are_told(
    tmp_path: Path, database: str, teller: Teller, out: io.StringIO
) -> None:
    DataShop.made(tmp_path, database)

    told = await DataCommands(tmp_path / "abreast.yaml", teller).give("adopt", "v1")

    assert told.code == 0
    assert "v1 has the views public_v1 and the role shop_v1" in told.lines
    first, *rest = out.getvalue().splitlines()
    assert first.endswith("you      $ abreast data adopt v1")
    assert any("v1 has the views public_v1" in line for line in rest)


async def test_what_is_for_programs_is_read_and_not_told(
    tmp_path: Path, database: str, teller: Teller, out: io.StringIO
) -> None:
    DataShop.made(tmp_path, database)

    told = await DataCommands(tmp_path / "abreast.yaml", teller).json("status")

    assert told["migration"] is None
    assert out.getvalue().splitlines()[1:] == []


async def test_an_end_that_is_not_expected_is_an_error_with_the_program_s_words(tmp_path: Path, teller: Teller) -> None:
    commands = DataCommands(tmp_path / "nothing.yaml", teller)

    with pytest.raises(DemoError, match=r"(?s)abreast data status ended with 2:.*nothing\.yaml"):
        await commands.give("status")


async def test_an_end_that_is_expected_is_told(tmp_path: Path, teller: Teller) -> None:
    told = await DataCommands(tmp_path / "nothing.yaml", teller).give("status", expected=(0, 2))

    assert (told.code, told.lines) == (2, ())


@pytest.mark.parametrize("count", [0, 1, 5, 6])
def test_a_short_list_is_told_whole(count: int) -> None:
    lines = tuple(str(number) for number in range(count))

    assert abridged(lines) == lines


def test_of_a_long_list_the_beginning_and_the_end_are_told() -> None:
    lines = tuple(str(number) for number in range(2_005))

    assert abridged(lines) == ("0", "1", "2", "  … 2,000 more", "2003", "2004")
