"""A batch belongs to the trace of its own job, whoever sends it."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
import sqlalchemy as sa
from opentelemetry.sdk.trace import TracerProvider

from imagesearch import tracing
from imagesearch.catalog.tables import job_batches
from support.world import World

pytestmark = pytest.mark.integration


def test_a_batch_that_another_jobs_batch_makes_room_for_is_part_of_its_own_jobs_trace(world: World) -> None:
    with ExitStack() as stack:
        provider = TracerProvider(shutdown_on_exit=False)
        stack.callback(provider.shutdown)
        stack.callback(tracing.use, tracing.use(provider))
        traces: dict[str, str | None] = {}
        for name in ("a", "b"):
            world.write(*(f"{name}/{name}{index:03}.jpg" for index in range(20)))
            with tracing.request(None):
                job_id = world.submit(world.root / name, name)
                traces[job_id] = tracing.traceparent()
            world.plan(job_id)
        unrecorded = world.submit(world.root / "a", "c")
        world.plan(unrecorded)
        with tracing.request(None):
            # Each answer has whatever takes its place sent.
            world.work()
        with world.catalog.reading() as tx:
            jobs = {row.id: row.job_id for row in tx.execute(sa.select(job_batches.c.id, job_batches.c.job_id))}
        assert set(jobs.values()) == {*traces, unrecorded}
        assert None not in traces.values()
        assert {batch_id: traces.get(job_id) for batch_id, job_id in jobs.items()} == world.traces
