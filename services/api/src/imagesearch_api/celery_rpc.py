"""Ask a worker and wait for its answer."""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.exceptions import TaskError
from celery.exceptions import TimeoutError as NoAnswer

from imagesearch import request_id, tracing
from imagesearch.contract import TaskName
from imagesearch.errors import QueryTimeout, StoreUnavailable
from imagesearch.messaging.redis_errors import needing_redis
from imagesearch.wire import Message


class CeleryAsker:
    """Send a message through Celery and take the answer from its result backend."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def __call__(self, task: TaskName, message: Message, timeout: float) -> Any:
        """Return the wire form of the answer.

        Raises:
            QueryTimeout: no worker answered within `timeout` seconds.
            StoreUnavailable: Redis does not answer.
        """
        try:
            with needing_redis():
                return self._ask(task, message, timeout)
        except (NoAnswer, TaskError) as error:
            raise QueryTimeout(f"no worker answered within {timeout:g} seconds") from error
        except RuntimeError as error:
            # Celery raises no more precise error when it cannot subscribe to the answer again.
            raise StoreUnavailable("redis", type(error).__name__) from error

    def _ask(self, task: TaskName, message: Message, timeout: float) -> Any:
        # It does not expire: a worker whose clock runs ahead would drop it at once, and all that is asked for in
        # this way may be done late.
        headers = request_id.headers() | tracing.headers()
        result = self._app.send_task(str(task), args=(message.to_wire(),), headers=headers, ignore_result=False)
        try:
            return result.get(timeout=timeout, interval=0.01)
        finally:
            # An answer that nobody will read must not stay in Redis until it expires.
            result.forget()
