"""A recording as whoever decided leaves it in the store."""

from abreast.replay.recording import Recording
from abreast.store.evidence import SqlEvidence
from abreast.store.sql import SqlStore
from tests.contracts.test_store import a_rollout


async def keep(store: SqlStore, recording: Recording) -> None:
    """Rollout 1 of ``shop``, after the first deployment."""
    await store.save(a_rollout(), [])
    rollout = a_rollout(1, policy=recording.start.policy, started_at=recording.start.started_at)
    await store.save(rollout, recording.events)
    await SqlEvidence(store).save_ticks("shop", 1, recording.ticks, {})
