"""Where the data demo runs: a directory with a PostgreSQL of its own, its rows, a migration and a spec in a hurry."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from abreast.demo.site import BAKE, DRAIN, HURRIED_GATES, HURRY, Site, free_port
from abreast.model.data_settings import default_role
from abreast.model.errors import AbreastError
from abreast.postgres.binaries import Binaries, find_binaries
from abreast.postgres.connection import connected, sql
from abreast.postgres.launcher import Cluster

SERVICE: Final = "shop"
VERSIONS: Final = ("v1", "v2", "v3")
ROWS: Final = 20_000

MIGRATION: Final = """\
# price becomes an amount and a currency, name becomes title. pgroll's format: see docs/migrations.md.
operations:
  - add_column:
      table: products
      column: {name: amount_cents, type: integer}
      up: (price * 100)::integer         # what the new version sees of a row that v1 wrote
  - add_column:
      table: products
      column: {name: currency, type: varchar(3)}
      up: "'EUR'"
  - drop_column:
      table: products
      column: price
      down: amount_cents / 100.0         # what v1 sees of a row that the new version wrote
  - rename_column: {table: products, from: name, to: title}
"""
_FILES: Final = {"v2": "v2.yaml", "v3": "v3.yaml"}
"""v3 brings the change anew, since v2's was undone; a file belongs to one version."""

_TABLES: Final = """
CREATE TABLE public.products (id integer PRIMARY KEY, name text NOT NULL, price numeric(10, 2) NOT NULL);
CREATE TABLE public.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product integer NOT NULL REFERENCES public.products,
    quantity integer NOT NULL,
    total numeric(12, 2) NOT NULL
)
"""
_PRODUCTS: Final = """
INSERT INTO public.products SELECT number, 'Product ' || number, 10 + mod(number, 900) + mod(number, 100) / 100.0
FROM generate_series(1, %s) AS number
"""
_SETTINGS: Final[Mapping[str, str]] = {
    "fsync": "off",  # nothing of a demo outlives it
    "shared_buffers": "32MB",
    "max_connections": "60",
    "log_min_messages": "error",
}


@dataclass(frozen=True)
class DataSite:
    """``place`` has the spec and the logs; ``cluster`` the rows, in its database ``shop``."""

    place: Site
    cluster: Cluster

    @property
    def database(self) -> str:
        """The superuser's address of the database."""
        return self.cluster.url(SERVICE)

    def database_of(self, version: str) -> str:
        """A version's address of the database."""
        return self.cluster.url(SERVICE, user=default_role(SERVICE, version))


@contextmanager
def data_site(environ: Mapping[str, str] = os.environ) -> Iterator[DataSite]:
    """Everything but abreast itself, running; ended afterwards. The directory stays if an error makes it worth reading.

    DatabaseError, before anything is made, where there is no PostgreSQL to be found.
    """
    binaries = find_binaries(environ)
    directory = Path(tempfile.mkdtemp(prefix="abreast-demo-"))
    directory.chmod(0o711)  # root's server runs as another user, who has to get to his part of it
    try:
        with _running(directory, binaries) as cluster:
            made = DataSite(Site(directory, free_port()), cluster)
            _fill(made)
            yield made
    except AbreastError:
        raise
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    shutil.rmtree(directory, ignore_errors=True)


def spec_text(site: DataSite) -> str:
    """The spec: three versions that differ in their names and roles only, and what the last two need."""
    run = [sys.executable, "-m", "abreast.demo.data_shop", "{port}"]
    spec: dict[str, Any] = {  # Any: YAML
        "service": SERVICE,
        "gateway": {"listen": f"127.0.0.1:{site.place.port}", "drain": DRAIN},
        "users": {"by": ["header:x-user-id"]},
        "versions": {
            version: {
                "run": run,
                "instances": 2,
                "ready": "GET /healthz",
                "env": {"SHOP_VERSION": version, "DATABASE_URL": site.database_of(version)},
            }
            for version in VERSIONS
        },
        "stable": VERSIONS[0],
        "data": {
            "url": site.database,
            "migrations": dict(_FILES),
            "tags": ["products"],
            "unused_for": "1s",
        },
        "rollout": {
            "steps": [{"expand": True}, {"weight": "25%"}, {"weight": "50%"}, {"weight": "100%"}, {"bake": BAKE}],
            **HURRY,
            "gates": {name: HURRIED_GATES[name] for name in ("errors", "latency")},
        },
    }
    return yaml.safe_dump(spec, sort_keys=False, width=120)


@contextmanager
def _running(directory: Path, binaries: Binaries) -> Iterator[Cluster]:
    """A server; after an error its files stay, for its log."""
    cluster = Cluster.create(directory / "postgres", binaries, _SETTINGS)
    try:
        cluster.start()
        yield cluster
    except AbreastError:
        cluster.stop()
        raise
    except BaseException:
        cluster.remove()
        raise
    cluster.remove()


def _fill(site: DataSite) -> None:
    """The tables with their rows, the migration, the spec."""
    with connected(site.cluster.url()) as connection:
        connection.execute(sql(f"CREATE DATABASE {SERVICE}"))
    with connected(site.database) as connection:
        connection.execute(_TABLES)
        connection.execute(_PRODUCTS, (ROWS,))
    for name in _FILES.values():
        site.place.directory.joinpath(name).write_text(MIGRATION, "utf-8")
    site.place.spec_file.write_text(spec_text(site), "utf-8")
