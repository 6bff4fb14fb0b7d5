"""Where rows are kept: each version's role and migrations, and a password that nobody sees."""

from dataclasses import FrozenInstanceError, replace

import pytest

from abreast.model.data_settings import DataSettings, default_role

SETTINGS = DataSettings(
    "postgresql://abreast:hidden@db/shop",
    migrations=(("v2", ("/srv/a.yaml", "/srv/b.json")), ("v3", ("/srv/c.yaml",))),
    roles=(("v1", "old"),),
)


@pytest.mark.parametrize(("version", "role"), [("v1", "old"), ("v2", "shop_v2"), ("1.10", "shop_1.10")])
def test_a_version_has_the_role_that_is_named_or_one_of_its_own(version: str, role: str) -> None:
    assert SETTINGS.role("shop", version) == role


def test_a_default_role_has_the_service_s_and_the_version_s_name() -> None:
    assert default_role("my-shop", "v2") == "my-shop_v2"
    assert SETTINGS.role("my-shop", "v2") == "my-shop_v2"


@pytest.mark.parametrize(
    ("version", "files"), [("v1", ()), ("v2", ("/srv/a.yaml", "/srv/b.json")), ("v3", ("/srv/c.yaml",))]
)
def test_a_version_has_its_migrations_in_their_order(version: str, files: tuple[str, ...]) -> None:
    assert SETTINGS.files(version) == files


def test_the_address_with_its_password_is_not_shown() -> None:
    assert "hidden" not in repr(SETTINGS)
    assert replace(SETTINGS, url="postgresql:///shop") != SETTINGS  # it counts all the same


def test_settings_are_values() -> None:
    with pytest.raises(FrozenInstanceError):
        SETTINGS.schema = "other"  # type: ignore[misc]  # that this is refused is what is tested
    assert hash(SETTINGS) == hash(replace(SETTINGS))
