"""Where endpoints are looked up."""

import pytest

from abreast.model.registry import (
    KEEP_S,
    ConsulService,
    Containers,
    DnsName,
    EtcdPrefix,
    Place,
    Registry,
    ServiceSlices,
    SrvName,
)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (DnsName("shop.internal", 80), "DNS name shop.internal"),
        (DnsName("shop.internal", 80, "127.0.0.1", 8600), "DNS name shop.internal at 127.0.0.1:8600"),
        (SrvName("_http._tcp.shop"), "SRV records of _http._tcp.shop"),
        (SrvName("_http._tcp.shop", "10.0.0.1"), "SRV records of _http._tcp.shop at 10.0.0.1:53"),
        (ConsulService("shop"), "Consul service shop"),
        (ConsulService("shop", tag="v2"), "Consul service shop with tag v2"),
        (EtcdPrefix("/shop/v2/"), "etcd prefix /shop/v2/"),
        (Containers(("app=shop", "blue")), "containers with app=shop and blue"),
        (ServiceSlices("shop-v2"), "Kubernetes Service shop-v2"),
        (ServiceSlices("shop-v2", "prod", "http"), "Kubernetes Service prod/shop-v2"),
    ],
)
def test_each_says_in_words_who_is_asked_for_what(place: Place, words: str) -> None:
    assert str(place) == str(Registry(place)) == words


def test_secrets_are_not_shown() -> None:
    shown = repr(Registry(ConsulService("shop", token="s3cret"))) + repr(EtcdPrefix("/", password="s3cret"))
    assert "s3cret" not in shown


def test_another_token_is_another_registry() -> None:
    assert Registry(ConsulService("shop", token="a")) != Registry(ConsulService("shop", token="b"))
    assert Registry(ConsulService("shop")) == Registry(ConsulService("shop"), KEEP_S)
