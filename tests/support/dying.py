"""A vector store whose calls can fail or be held up, in front of a real one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from imagesearch.errors import StoreUnavailable
from imagesearch.vectors import VectorStore


class Dying:
    """Pass every call on to a store; from call number `dies_at` on, fail before or after the call is done.

    It stands for the death of the process: what was written is written, and nothing after it happens.
    """

    def __init__(self, store: VectorStore, dies_at: int, *, before: bool) -> None:
        self._store = store
        self._dies_at = dies_at
        self._before = before
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        return self._watched(found) if callable(found) else found

    def _watched(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **named: Any) -> Any:
            self.calls += 1
            if self.calls >= self._dies_at and self._before:
                raise StoreUnavailable("milvus", "killed in this test")
            answer = call(*args, **named)
            if self.calls >= self._dies_at:
                raise StoreUnavailable("milvus", "killed in this test")
            return answer

        return watched


class Before:
    """Pass every call on to a store; run something once, just before the first call of one method."""

    def __init__(self, store: VectorStore, method: str, action: Callable[[], None]) -> None:
        self._store = store
        self._method = method
        self._action: Callable[[], None] | None = action

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name != self._method or self._action is None:
            return found

        def watched(*args: Any, **named: Any) -> Any:
            action, self._action = self._action, None
            if action is not None:
                action()
            return found(*args, **named)

        return watched


class EachTime:
    """Pass every call on to a store; run something before every call of one method."""

    def __init__(self, store: object, method: str, action: Callable[[], None]) -> None:
        self._store = store
        self._method = method
        self._action = action

    def __getattr__(self, name: str) -> Any:
        if name == self._method:
            self._action()
        return getattr(self._store, name)
