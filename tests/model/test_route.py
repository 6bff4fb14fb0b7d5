"""A route's settings."""

from abreast.model.route import RouteSettings, ServicePort

SETTINGS = RouteSettings("shop", (("v1", ServicePort("shop-v1", 80)),), "web", "prod")


def test_a_service_is_found_by_its_version() -> None:
    assert str(SETTINGS.service("v1")) == "shop-v1:80"
    assert SETTINGS.service("v2") is None


def test_its_place_is_where_it_is_and_not_what_it_says() -> None:
    assert SETTINGS.place == ("prod", "web", "shop")
    assert RouteSettings("shop", (), "web", "prod", testers=True).place == SETTINGS.place
    assert RouteSettings("shop", (), "web").place != SETTINGS.place
