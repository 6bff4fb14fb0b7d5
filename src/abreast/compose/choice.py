"""Which service of a compose file is the one that is to be rolled out."""

import re
from typing import Final

from abreast.compose.document import ComposeFile, Keys
from abreast.compose.forms import Port, listed, ports
from abreast.model.errors import UsageError

STORES: Final = (
    *("postgres", "postgresql", "postgis", "timescaledb", "pgvector", "mysql", "mysql-server", "mariadb", "percona"),
    *("mongo", "mongodb", "redis", "redis-stack", "valkey", "keydb", "dragonfly", "memcached", "cassandra", "scylla"),
    *("clickhouse", "clickhouse-server", "influxdb", "couchdb", "couchbase", "neo4j", "cockroach", "elasticsearch"),
    *("opensearch", "solr", "meilisearch", "typesense", "minio", "rabbitmq", "kafka", "redpanda", "zookeeper", "nats"),
    *("etcd", "consul", "vault", "activemq", "dynamodb-local", "azurite"),
)
"""Images (the last part of their name) that keep data or pass it on: there must not be two of them side by side."""

_BESIDE: Final = (
    *("nginx", "traefik", "caddy", "haproxy", "envoy", "adminer", "pgadmin4", "phpmyadmin", "mongo-express"),
    *("redis-commander", "mailhog", "mailpit", "maildev", "mailcatcher", "prometheus", "grafana", "jaeger"),
    *("all-in-one", "loki", "promtail", "otel-collector", "opentelemetry-collector", "cadvisor", "node-exporter"),
    *("alertmanager", "localstack", "autoheal", "watchtower", "wait-for-it", "nginx-proxy", "swagger-ui", "pgbouncer"),
)
"""Images that stand around a service; they are it only if it is named."""


def application(file: ComposeFile, wanted: str = "") -> str:
    """The name of the service to import. Raises UsageError if it cannot be one, or if it must be asked which."""
    if wanted:
        return _named(file, wanted)
    found = [name for name, keys in file.services.items() if not keeps_data(keys) and not _stands_beside(keys)]
    if len(found) == 1:
        return found[0]
    if not found:
        there = "; ".join(f"{name} is {what(keys)}" for name, keys in file.services.items())
        raise UsageError(
            f"{file.file} has no service to roll out: {there}",
            f"name one with --service {next(iter(file.services))} if it is one all the same (databases never are)",
        )
    listing = "".join(f"\n  {name:<16} {what(file.services[name])}" for name in found)
    raise UsageError(
        f"{file.file} has {len(found)} services that may be meant:{listing}",
        f"say which one is rolled out: abreast import {file.file} --service {found[0]}; each has a spec of its own",
    )


def keeps_data(keys: Keys) -> bool:
    """Whether the service is known to be a database, a cache or a queue."""
    return not keys.get("build") and _image(keys) in STORES


def what(keys: Keys) -> str:
    """The service in a few words: its image or build, and its ports."""
    image, build = keys.get("image"), keys.get("build")
    told = f"image {image}" if image else "built here" if build else "without an image"
    numbers = [str(port.target) for port in ports(keys.get("ports")) if isinstance(port, Port)]
    told += f", port {', '.join(numbers)}" if numbers else ", no published port"
    command = " ".join(listed(keys.get("command")))
    return f"{told}, runs: {command[:50]}" if command else told


def _named(file: ComposeFile, wanted: str) -> str:
    keys = file.services.get(wanted)
    if keys is None:
        raise UsageError(
            f"{file.file} has no service {wanted!r}", f"name one of these: {', '.join(sorted(file.services))}"
        )
    if keeps_data(keys):
        raise UsageError(
            f"{wanted} keeps data ({what(keys)}): two of it side by side would be two truths",
            "leave it to compose, and import the service that uses it; docs/data.md has two versions on one database",
        )
    return wanted


def _stands_beside(keys: Keys) -> bool:
    return not keys.get("build") and _image(keys) in _BESIDE


def _image(keys: Keys) -> str:
    """The last part of the image's name, without tag and digest."""
    name = re.sub(r"\$\{[^}]*\}|\$\w+", "", str(keys.get("image") or ""))
    return re.split(r"[:@]", name.rstrip("/").rpartition("/")[2])[0]
