"""A fleet's store, opened by a verb itself: no server need run."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from abreast.store.postgresql import Address
    from abreast.store.sql import SqlStore

T = TypeVar("T")


def fleet_store(url: str, file: Path) -> tuple["Address", str]:
    """Where it is, and the service that the spec is of. Raises SpecError, UsageError."""
    from abreast.app.fleet_spec import fleet_service
    from abreast.spec_source import load_spec
    from abreast.store.postgresql import Address

    return Address.of(url, os.environ), fleet_service(load_spec(file))


def in_fleet_store(url: str, file: Path, work: Callable[["SqlStore", str], Awaitable[T]]) -> T:
    """Do it in the PostgreSQL that servers share, which is made or brought up to date as a server would.

    ``work`` is given the open store and the service's name. Raises SpecError, UsageError, StoreError.
    """
    from abreast.store.postgresql import open_server

    async def done(address: "Address", service: str) -> T:
        opened = await open_server(address)
        try:
            return await work(opened.store, service)
        finally:
            await opened.close()

    return asyncio.run(done(*fleet_store(url, file)))
