"""Build the Celery application that every process shares, and send messages through it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

import redis
import structlog
from celery import Celery, Task
from celery.exceptions import Reject
from kombu import pools
from redis.backoff import NoBackoff
from redis.retry import Retry

from imagesearch import request_id, tracing
from imagesearch.contract import PlanJob, Queue, TaskName
from imagesearch.errors import InvalidMessage, TransientError
from imagesearch.messaging import queue_order
from imagesearch.messaging.redis_errors import needing_redis
from imagesearch.messaging.redis_transport import use_clock_of_redis
from imagesearch.settings import RedisSettings
from imagesearch.wire import Message

log = structlog.get_logger()

M = TypeVar("M", bound=Message)

# Batches go to a queue of their network, which their sender names.
ROUTES = {
    TaskName.PLAN: Queue.PLAN,
    TaskName.CANCEL: Queue.PLAN,
    TaskName.DELETE: Queue.PLAN,
    TaskName.RECONCILE: Queue.RECONCILE,
    TaskName.INDEX: Queue.INDEX,
}

DESCRIBED = ("job_id", "batch_id", "collection_id")
"""Fields of messages that their spans have, too."""

AT_ONCE = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
"""Reconnect once and without a wait. With Celery's defaults a message that cannot reach Redis fails after 6 s, and
waiting for an answer after 19 s."""


def create_celery(settings: RedisSettings) -> Celery:
    """Build the Celery application: msgpack only, late acknowledgement, one message a worker thread.

    Nothing connects before the first message. Publishing does not retry by itself: the API must fail fast,
    and workers keep trying where they can also be told to stop.
    """
    use_clock_of_redis()
    # Without these Kombu would check no certificate, and Celery would refuse to start.
    tls = settings.tls() or None
    app = Celery("imagesearch", set_as_current=False)
    app.conf.update(
        broker_url=settings.redis_url,
        result_backend=settings.redis_url,
        broker_use_ssl=tls,
        redis_backend_use_ssl=tls,
        task_serializer="msgpack",
        result_serializer="msgpack",
        accept_content=["msgpack"],
        result_accept_content=["msgpack"],
        task_default_queue=Queue.PLAN.value,
        task_routes={str(task): {"queue": str(queue)} for task, queue in ROUTES.items()},
        task_ignore_result=True,
        result_expires=settings.result_expires,
        # A message is acknowledged when its work is done, so a killed worker loses nothing.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        # A worker takes only what its threads can start at once: the rest stays for other workers.
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        task_publish_retry=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=settings.redis_timeout,
        broker_transport_options={
            "visibility_timeout": settings.visibility_timeout,
            # BRPOP blocks for a second, so the read timeout must be longer than that.
            "socket_timeout": max(settings.redis_timeout, 2.0),
            "socket_connect_timeout": settings.redis_timeout,
            "socket_keepalive": True,
            # For senders, which must fail fast; a worker's consumer connects by broker_connection_max_retries.
            **AT_ONCE,
        },
        redis_socket_timeout=max(settings.redis_timeout, 2.0),
        redis_socket_connect_timeout=settings.redis_timeout,
        redis_socket_keepalive=True,
        redis_backend_health_check_interval=10,
        result_backend_transport_options={"retry_policy": AT_ONCE},
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        enable_utc=True,
        timezone="UTC",
    )
    return app


def close_celery(app: Celery) -> None:
    """Close the connections of this process' application, which is of no use afterwards."""
    # Celery's own `close` forgets its connections and leaves them open.
    pools.reset()
    app.backend.result_consumer.stop()
    app.backend.client.connection_pool.disconnect()
    app.close()


def create_redis(settings: RedisSettings, *, timeout: float | None = None) -> redis.Redis:
    """Build a Redis client that fails at once when the server is away; `timeout` is in seconds."""
    seconds = min(settings.redis_timeout, timeout or settings.redis_timeout)
    return redis.Redis.from_url(
        settings.redis_url,
        **settings.tls(),
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        socket_keepalive=True,
        health_check_interval=10,
        # One silent reconnect covers a server that restarted while the connection was idle. One that hangs is
        # not asked twice: that would double the time until it counts as away.
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        retry_on_error=[redis.ConnectionError],
    )


def send(
    app: Celery, task: TaskName, message: Message, *, task_id: str | None = None, queue: str | None = None
) -> None:
    """Publish a message to a queue, or to that of its task; nobody waits for an answer.

    One that asks for planning is given a task id, by which `plans_waiting` finds it.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    if isinstance(message, PlanJob):
        task_id = queue_order.note_plan(app.backend.client, message.job_id)
    with needing_redis():
        # Without `ignore_result` the sender subscribes to a channel for each message, and never unsubscribes.
        app.send_task(
            str(task),
            args=(message.to_wire(),),
            task_id=task_id or str(uuid4()),
            queue=queue,
            headers=request_id.headers() | tracing.headers(),
            ignore_result=True,
        )


def register(
    app: Celery,
    task: TaskName,
    message_type: type[M],
    handle: Callable[[M], Message | None],
    *,
    answers: bool = False,
) -> Task:
    """Register the handler of a task: unwrap the message, call one plain function, wrap its answer.

    A message of another version or shape can never succeed, so it is logged and dropped; the ledger in
    Postgres still knows its batch and sends it again in the version that it speaks.

    A handler waits for a store that is away by itself; a `TransientError` that leaves it puts the message
    back into its queue.

    Args:
        answers: keep the handler's return value in the result backend for the sender.
    """

    def run(task_itself: Task, wire: object) -> dict[str, Any] | None:
        headers = task_itself.request.headers
        with request_id.handling(headers), tracing.handling(headers, str(task)):
            return handled(wire)

    def handled(wire: object) -> dict[str, Any] | None:
        try:
            message = message_type.from_wire(wire)
        except InvalidMessage as error:
            log.warning("message.dropped", task=str(task), reason=str(error))
            return None
        tracing.describe(**{name: getattr(message, name) for name in DESCRIBED if hasattr(message, name)})
        try:
            answer = handle(message)
        except TransientError as error:
            # Only a process that is stopping gives up on a store: the message goes back for the next one.
            log.warning("message.handed_back", task=str(task), reason=str(error))
            raise Reject(str(error), requeue=True) from error
        return answer.to_wire() if answer is not None else None

    return app.task(run, name=str(task), bind=True, ignore_result=not answers)
