"""Specs of two external versions, written to disk, and what is built from them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import yaml

from abreast.app.parts import Up, build
from abreast.model.spec import Spec
from abreast.spec_source import load_spec
from abreast.state_dir import StateDir
from abreast.store.sqlite import open_store


def spec(directory: Path, **fields: object) -> Spec:
    """A spec of two external versions."""
    file = directory / "abreast.yaml"
    versions = {name: {"endpoints": [f"127.0.0.1:{port}"]} for name, port in (("v1", 8), ("v2", 9))}
    file.write_text(yaml.safe_dump({"service": "shop", "versions": versions, **fields}), encoding="utf-8")
    return load_spec(file)


@asynccontextmanager
async def building(directory: Path, read: Spec, said: list[str] | None = None) -> AsyncIterator[Up]:
    """All parts, built and not started; what is said is added to ``said``."""
    state = StateDir.beside(directory)
    state.make()
    store = await open_store(state.store)
    lines = said if said is not None else []
    up = await build(read, directory / "abreast.yaml", read.service(), state, store, lines.append)
    yield up
    await up.gateway.close(stop=True)
    await up.collector.close(stop=True)
    up.alerts.close()
    await up.drivers.close(stop=True)
    await store.close()
