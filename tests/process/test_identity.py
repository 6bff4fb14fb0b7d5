"""Who a process is."""

import shutil
from pathlib import Path

import pytest

from abreast.process.identity import Identity, home_id, known_home


def test_a_token_tells_the_identity_it_was_made_from() -> None:
    identity = Identity.fresh("0123", "instance", "v1-1")
    assert Identity.parse(identity.token) == identity


def test_each_start_has_an_identity_of_its_own() -> None:
    assert Identity.fresh("0123", "instance", "v1-1") != Identity.fresh("0123", "instance", "v1-1")


@pytest.mark.parametrize("text", ["", "home", "/srv/abreast", "a/b/c", "a/b/c/d/e", "a//c/d"])
def test_other_text_is_no_token(text: str) -> None:
    assert Identity.parse(text) is None


@pytest.mark.parametrize("name", ["", "v1/1"])
def test_a_name_that_would_garble_the_token_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="without a slash"):
        Identity.fresh("0123", "instance", name)


def test_a_state_directory_keeps_its_id(tmp_path: Path) -> None:
    assert home_id(tmp_path) == home_id(tmp_path)
    assert len(home_id(tmp_path)) == 16


def test_a_copied_state_directory_gets_an_id_of_its_own(tmp_path: Path) -> None:
    original, copy = tmp_path / "original", tmp_path / "copy"
    original.mkdir()
    first = home_id(original)
    shutil.copytree(original, copy)
    assert home_id(copy) != first
    assert home_id(original) == first


def test_a_moved_state_directory_keeps_its_id(tmp_path: Path) -> None:
    before = tmp_path / "before"
    before.mkdir()
    first = home_id(before)
    assert home_id(before.rename(tmp_path / "after")) == first


def test_a_damaged_id_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    fresh = home_id(tmp_path)
    assert fresh
    assert home_id(tmp_path) == fresh


def test_an_id_is_known_only_once_it_is_made_and_not_of_a_copy(tmp_path: Path) -> None:
    original = tmp_path / "original"
    original.mkdir()
    assert known_home(original) == ""
    assert list(original.iterdir()) == [], "asking makes nothing"
    made = home_id(original)
    assert known_home(original) == made
    assert known_home(shutil.copytree(original, tmp_path / "copy")) == ""
