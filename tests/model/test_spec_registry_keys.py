"""Endpoints that are looked up: what can be written, and what is said of the rest."""

import pytest

from abreast.model.errors import SpecError
from abreast.model.registry import ConsulService, Containers, DnsName, EtcdPrefix, Registry, ServiceSlices, SrvName
from abreast.model.service import Endpoint
from abreast.model.spec import parse_spec
from tests.model.test_spec import faults

ENVIRONMENT = {"TOKEN": "t0ken", "PASSWORD": "s3cret", "WHERE": "https://consul.internal:8501/", "NO_URL": "consul"}


def registry_of(written: str) -> Registry | None:
    (version,) = parse_spec(f"versions: {{v1: {{endpoints: {written}}}}}", environment=ENVIRONMENT).service().versions
    assert version.external
    assert version.endpoints == ()
    return version.registry


def found(written: str) -> list[tuple[str, str, str]]:
    """Path, message and remedy of each fault."""
    told = faults(f"versions:\n  v1:\n    endpoints: {written}")
    return [(path.removeprefix("versions.v1.endpoints"), message, remedy) for _, path, message, remedy in told]


@pytest.mark.parametrize(
    ("written", "registry"),
    [
        ("{dns: 'shop-v2.internal:8080'}", Registry(DnsName("shop-v2.internal", 8080))),
        ("{dns: 'shop:80', server: '127.0.0.1:8600'}", Registry(DnsName("shop", 80, "127.0.0.1", 8600))),
        ("{srv: _http._tcp.shop.internal., keep: 0}", Registry(SrvName("_http._tcp.shop.internal."), 0.0)),
        ("{srv: a, server: '[::1]:53'}", Registry(SrvName("a", "::1", 53))),
        ("{consul: shop}", Registry(ConsulService("shop", "http://127.0.0.1:8500"))),
        (
            "{consul: shop, tag: 1.10, datacenter: east, address: '${WHERE}', token: '${TOKEN}', keep: 10m}",
            Registry(ConsulService("shop", "https://consul.internal:8501", "1.10", "east", "t0ken"), 600.0),
        ),
        ("{etcd: /services/shop/v2/}", Registry(EtcdPrefix("/services/shop/v2/", "http://127.0.0.1:2379"))),
        (
            "{etcd: /a, address: 'https://etcd:2379', user: ada, password: '${PASSWORD}'}",
            Registry(EtcdPrefix("/a", "https://etcd:2379", "ada", "s3cret")),
        ),
        ("{docker: app=shop}", Registry(Containers(("app=shop",)))),
        (
            "{docker: [com.docker.compose.service=shop, blue], network: shop_default, port: 8080, keep: 0}",
            Registry(Containers(("com.docker.compose.service=shop", "blue"), "shop_default", 8080), 0.0),
        ),
        ("{kubernetes: shop-v2}", Registry(ServiceSlices("shop-v2"))),
        (
            "{kubernetes: shop-v2, namespace: prod, port: http, context: east}",
            Registry(ServiceSlices("shop-v2", "prod", "http", "east")),
        ),
        ("{kubernetes: shop-v2, port: 8080}", Registry(ServiceSlices("shop-v2", port=8080))),
    ],
)
def test_each_registry_is_written_in_its_own_words(written: str, registry: Registry) -> None:
    assert registry_of(written) == registry


def test_a_list_is_what_it_was() -> None:
    (version,) = parse_spec("versions: {v1: {endpoints: ['127.0.0.1:1']}}").service().versions
    assert (version.endpoints, version.registry, version.wanted) == ((Endpoint("127.0.0.1", 1),), None, 1)


def test_instances_say_how_many_at_least_are_ready() -> None:
    text = "versions: {v1: {endpoints: {consul: shop}, instances: 3}, v2: {endpoints: {consul: shop, tag: v2}}}"
    versions = parse_spec(text).service().versions
    assert [version.wanted for version in versions] == [3, 1]


@pytest.mark.parametrize("key", ["env: {A: b}", "cwd: x", "live: tcp", "stop_timeout: 5s"])
def test_what_is_for_processes_has_no_effect_here_either(key: str) -> None:
    ((_, path, message, remedy),) = faults(f"versions: {{v1: {{endpoints: {{consul: shop}}, {key}}}}}")
    assert path == f"versions.v1.{key.partition(':')[0]}"
    assert "has no effect with `endpoints`" in message
    assert remedy == "remove it"


@pytest.mark.parametrize(
    ("written", "path", "message", "remedy"),
    [
        ("{}", "", "nobody is asked", "write one, such as"),
        ("{consul: a, etcd: b}", "", "`consul` and `etcd`: one registry is asked", "keep one"),
        ("{dns: 'a:1', srv: b, token: x}", "", "`dns` and `srv`", "keep one"),
        ("{consul: a, server: '127.0.0.1:53'}", ".server", "no effect with `consul`, only with dns or srv", "remove"),
        ("{etcd: a, token: x}", ".token", "no effect with `etcd`, only with consul", "remove"),
        ("{dns: 'a:1', address: 'http://x'}", ".address", "no effect with `dns`, only with consul or etcd", "remove"),
        ("{consul: a, password: x}", ".password", "no effect with `consul`, only with etcd", "remove"),
        ("{etcd: a, user: x}", "", "`password` is missing: etcd wants both", "add `password: …`"),
        ("{etcd: a, password: x}", "", "`user` is missing", "add `user: …`"),
        ("{dns: shop}", ".dns", "'shop' is no name with a port", "such as shop-v2.internal:8080"),
        ("{dns: 'shop:0'}", ".dns", "0 is no port", "from 1 to 65535"),
        ("{dns: 'shop:99999'}", ".dns", "99999 is no port", "from 1 to 65535"),
        ("{dns: '10.0.0.1:80'}", ".dns", "is an IP address", "write: endpoints: ['10.0.0.1:80']"),
        ("{dns: 'a b:80'}", ".dns", "is no name with a port", "such as"),
        ("{dns: 80}", ".dns", "`80` is no name with a port", "such as"),
        ("{srv: 'http://x'}", ".srv", "is not allowed here", "a name, such as _http._tcp"),
        (
            f"{{srv: {'a' * 60 + '.' + 'b' * 60 + '.' + 'c' * 60 + '.' + 'd' * 60 + '.' + 'e' * 60}}}",
            ".srv",
            "has 304",
            "253",
        ),
        ("{consul: a/b}", ".consul", "'a/b' is not allowed", "the name of a service"),
        ("{docker: []}", ".docker", "there is no label in it", "write NAME or NAME=VALUE"),
        ("{docker: 'a b=c'}", ".docker", "'a b=c' is no label", "write NAME or NAME=VALUE"),
        ("{docker: {app: shop}}", ".docker", "is no label", "write NAME or NAME=VALUE"),
        ("{docker: app, port: http}", ".port", "a container's ports have no names", "write a number"),
        ("{docker: app, namespace: prod}", ".namespace", "no effect with `docker`, only with kubernetes", "remove"),
        ("{kubernetes: a, network: b}", ".network", "no effect with `kubernetes`, only with docker", "remove"),
        ("{kubernetes: a, port: 0}", ".port", "`0` is no port", "from 1 to 65535, or a name"),
        ("{kubernetes: a, port: 70000}", ".port", "is no port", "a name such as http"),
        ("{kubernetes: a, port: HTTP}", ".port", "'HTTP' is no port", "a name such as http"),
        ("{kubernetes: Shop}", ".kubernetes", "'Shop' is not allowed", "the name of a Service"),
        ("{consul: a, port: 80}", ".port", "no effect with `consul`, only with docker or kubernetes", "remove"),
        ("{consul: a, address: 'consul:8500'}", ".address", "is no URL", "https://consul.internal:8501"),
        ("{consul: a, address: '${NO_URL}'}", ".address", "needs NO_URL, which is not set", "set NO_URL"),
        ("{consul: a, token: '${NONE}'}", ".token", "`token` needs NONE, which is not set", "set NONE"),
        ("{consul: a, token: [s3cret]}", ".token", "this is no text", "${NAME}"),
        ("{consul: a, keep: 2d}", ".keep", "'2d' is outside", "0s to 1d"),
        (
            "{consul: a, services: b}",
            ".services",
            "unknown key 'services'; allowed here: dns, srv",
            "did you mean `server`?",
        ),
        ("'127.0.0.1:80'", "", "only a list", "write a list"),
        ("['shop.internal:80']", "[0]", "host names are not looked up here", "{dns: NAME:PORT}"),
    ],
)
def test_what_cannot_be_is_one_fault_with_its_remedy(written: str, path: str, message: str, remedy: str) -> None:
    ((where, what, advice),) = found(written)
    assert where == path
    assert message in what
    assert remedy in advice
    assert "s3cret" not in what


def test_an_address_that_becomes_no_url_is_a_fault() -> None:
    with pytest.raises(SpecError, match="1 fault") as caught:
        registry_of("{consul: a, address: '${NO_URL}'}")
    (fault,) = caught.value.faults
    assert fault.path == "versions.v1.endpoints.address"
    assert "is no URL" in fault.message


def test_all_faults_are_told_at_once() -> None:
    told = found("{consul: a/b, token: 5, keep: 5, x: 1}")
    assert [path for path, _, _ in told] == [".consul", ".token", ".keep", ".x"]
