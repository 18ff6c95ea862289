"""A scripted API behind httpx, and a clock that only moves when somebody sleeps."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
from click.testing import Result

from imagesearch_client import AsyncClient, Client, Patience

Run = Callable[..., Result]
"""Calls the command with these arguments and returns what it printed and its exit code."""
Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class FakeClock:
    """Count seconds; sleeping is what passes them."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


class FakeApi:
    """Answer each route with what was scripted for it, in order; the last answer stays.

    Events of jobs are sent where they were scripted; otherwise the API is too busy for them, which is not noted.
    """

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.requests: list[httpx.Request] = []
        self._script: defaultdict[tuple[str, str], list[Answer]] = defaultdict(list)

    def on(self, method: str, path: str, *answers: Answer) -> None:
        self._script[method, path].extend(answers)

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def forget(self, method: str, path: str) -> None:
        self._script.pop((method, path), None)

    def client(
        self,
        url: str = "http://api.test",
        patience: Patience | None = None,
        api_key: str | None = None,
        on_json: Callable[[object], None] | None = None,
    ) -> Client:
        chosen = patience or Patience()
        return Client(
            url,
            transport=self.transport(),
            patience=replace(chosen, clock=self.clock),
            api_key=api_key,
            sleep=self.clock.sleep,
            on_json=on_json,
        )

    def async_client(self, patience: Patience | None = None, api_key: str | None = None) -> AsyncClient:
        async def sleep(seconds: float) -> None:
            self.clock.sleep(seconds)

        return AsyncClient(
            "http://api.test",
            transport=self.transport(),
            patience=replace(patience or Patience(), clock=self.clock),
            api_key=api_key,
            sleep=sleep,
        )

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]

    def sent_json(self, position: int = -1) -> Any:
        return json.loads(self.requests[position].content)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        request.read()
        path = request.url.raw_path.decode().partition("?")[0]
        script = self._script.get((request.method, path))
        if not script and path.endswith("/events"):
            # So that what is scripted of a job is asked for look by look.
            return problem(429, "16 callers watch jobs already", retry_after="1", code="busy")
        self.requests.append(request)
        if not script:
            return httpx.Response(404, json={"title": "Not Found", "detail": f"no {request.url.path}"})
        answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


def ok(value: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=value)


def problem(status: int, detail: str, *, retry_after: str | None = None, **more: object) -> httpx.Response:
    headers = {"Content-Type": "application/problem+json"}
    if retry_after is not None:
        headers["Retry-After"] = retry_after
    body = {"type": "about:blank", "title": "Problem", "status": status, "detail": detail, **more}
    return httpx.Response(status, content=json.dumps(body), headers=headers)


def job(state: str = "running", *, ended: bool = False, **changes: object) -> dict[str, Any]:
    """Return a job as the API sends it: by default 240 of 480 are done."""
    described: dict[str, Any] = {
        "id": "17",
        "collection": "default",
        "source": "/photos",
        "state": state,
        "total": 480,
        "indexed": 240,
        "unchanged": 0,
        "failed": 0,
        "cancelled": 0,
        "rate": 40.0,
        "eta_seconds": 6.0,
        "stalled": False,
        "error": None,
        "created_at": "2025-05-01T10:00:00Z",
        "started_at": "2025-05-01T10:00:01Z",
        "finished_at": "2025-05-01T10:00:13Z" if ended else None,
    }
    return {**described, **changes}


def script_failures(api: FakeApi, *rows: tuple[str, str, str]) -> None:
    items = [{"path": path, "code": code, "reason": reason} for path, code, reason in rows]
    api.on("GET", "/api/v2/jobs/17/failures", ok({"items": items, "next": None}))
