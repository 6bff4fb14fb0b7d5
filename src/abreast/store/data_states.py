"""What the database of a service said last to the server that decides, for those that follow it."""

from typing import Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, delete, insert, select

from abreast.rollout.observed import DataState
from abreast.store.sql import SqlStore
from abreast.store.tables import DATA_STATES

_STATE: Final[TypeAdapter[DataState]] = TypeAdapter(DataState)


class SqlDataStates:
    """`abreast.controller.follow.DataRecord` of one service in an open `SqlStore`."""

    def __init__(self, store: SqlStore, service: str) -> None:
        self._store = store
        self._service = service

    async def save_data_state(self, state: DataState | None) -> None:
        """Replace what is kept; None: there is no database. Raises LeaseLostError, StoreError."""
        text = None if state is None else _STATE.dump_json(state).decode()

        def replace(connection: Connection) -> None:
            connection.execute(delete(DATA_STATES).where(DATA_STATES.c.service == self._service))
            if text is not None:
                connection.execute(insert(DATA_STATES).values(service=self._service, state=text))

        await self._store.decide(replace)

    async def load_data_state(self) -> DataState | None:
        """What was saved last. Raises StoreError, StoreCorruptError."""
        query = select(DATA_STATES.c.state).where(DATA_STATES.c.service == self._service)
        text = await self._store.transact(lambda connection: connection.execute(query).scalar())
        if text is None:
            return None
        try:
            return _STATE.validate_json(text)
        except ValidationError as error:
            raise self._store.damaged(f"what the database of {self._service} said makes no sense: {error}") from error
