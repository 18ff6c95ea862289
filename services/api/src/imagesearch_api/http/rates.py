"""Bound how many requests a caller sends in a minute, and how many wrong keys an address tries.

Each request is counted once, in one round trip to Redis: under its key, or under its address where keys are
switched off, or where it brought a wrong one. The clock of Redis tells the minutes. While Redis is away, each
process counts for itself: Flask-Limiter says so once in the log, and asks again and again whether it is back.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import ceil

from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter, RateLimitExceeded
from redis import RedisError

from imagesearch.errors import StoreUnavailable
from imagesearch.messaging.redis_errors import needing_redis
from imagesearch.metrics import RATE_REFUSALS
from imagesearch_api.access import Caller, RateStorage
from imagesearch_api.errors import Busy, NotAuthenticated, RefusalCode, TooManyRequests, WrongCredentials
from imagesearch_api.http.callers import current_policy, identity
from imagesearch_api.http.credentials import access, identify
from imagesearch_api.http.origins import network_of
from imagesearch_api.http.problems import RETRY_AFTER_SECONDS, of_domain

# Old and new minutes are weighed, so that twice as many do not fit around the turn of one; two numbers a caller.
STRATEGY = "sliding-window-counter"
WHY = {
    RefusalCode.RATE_LIMITED: "As many requests as may come in a minute have come",
    RefusalCode.WRONG_KEYS: "Too many API keys that do not hold have come from this address",
}


@dataclass(frozen=True, slots=True)
class Counted:
    """Say under what a request is counted.

    Attributes:
        code: what there can be too much of.
        who: a key or an address.
        limit: requests a minute; 0 is no bound.
    """

    code: RefusalCode
    who: str
    limit: int


UNCOUNTED = Counted(RefusalCode.RATE_LIMITED, "nobody", 0)


class _Limiter(Limiter):
    """Count in this process, too, a request that was asking Redis when another one found it away.

    Flask-Limiter turns to its own memory for whoever finds that first, and passes on what the others meet.
    """

    wrong_keys = 0

    def _check_request_limit(self, callable_name: str | None = None, in_middleware: bool = True) -> None:
        try:
            super()._check_request_limit(callable_name, in_middleware)
        except RedisError:
            super()._check_request_limit(callable_name, in_middleware)

    def count_guess(self, address: str) -> None:
        """Count the current request, which was not counted before, as a wrong key; raises RateLimitExceeded."""
        g.counted = Counted(RefusalCode.WRONG_KEYS, f"wrong keys of {address}", self.wrong_keys)
        self.context.seen_limits.clear()
        self._check_request_limit()


def limit_rates(app: Flask, storage: RateStorage, *, requests: int, wrong_keys: int) -> None:
    """Count the requests of an application to routes that need a key, and refuse those that are too many.

    Args:
        app: the application; its callers are judged before.
        storage: where to count.
        requests: how many a key may send in a minute, or an address where keys are switched off; 0 is no bound.
        wrong_keys: how many keys that do not hold may come from an address in a minute; 0 is no bound.
    """

    def count() -> None:
        g.counted = _counted(requests, wrong_keys)

    app.before_request(count)
    limiter = _Limiter(
        lambda: g.counted.who,
        app=app,
        # It takes whatever is raised in these for a Redis that is away.
        application_limits=[lambda: f"{max(1, g.counted.limit)} per minute"],
        application_limits_exempt_when=lambda: not g.counted.limit,
        storage_uri=storage.uri,
        storage_options=dict(storage.options),
        strategy=STRATEGY,
        in_memory_fallback_enabled=True,
    )

    limiter.wrong_keys = wrong_keys
    app.extensions["rates"] = limiter

    def refuse(_: RateLimitExceeded) -> Response:
        counted: Counted = g.counted
        seconds = _seconds_left(limiter)
        if counted.code is RefusalCode.WRONG_KEYS:
            access().guesses.block(_address(), seconds)
        return of_domain(_too_many(counted.code, seconds))

    app.register_error_handler(RateLimitExceeded, refuse)


def _counted(requests: int, wrong_keys: int) -> Counted:
    """Return under what the current request is counted.

    Raises:
        TooManyRequests: it brings a key from an address that tried too many, and not one that is in use there.
    """
    found, policy = identity(), current_policy()
    if policy is None or not isinstance(found, Caller | WrongCredentials):
        return UNCOUNTED
    address, guesses = _address(), access().guesses
    key_id = found.owner.key_id if isinstance(found, Caller) else None
    seconds = guesses.seconds_blocked(address)
    # Whether a key is right is not told, or else it could be guessed on. Keys in use there are not locked out.
    if seconds and not guesses.is_in_use(address, key_id):
        raise _too_many(RefusalCode.WRONG_KEYS, seconds)
    if isinstance(found, WrongCredentials):
        return Counted(RefusalCode.WRONG_KEYS, f"wrong keys of {address}", wrong_keys)
    if key_id is not None:
        guesses.use(address, key_id)
    if not policy.is_counted:
        return UNCOUNTED
    return Counted(RefusalCode.RATE_LIMITED, f"address {address}" if key_id is None else f"key {key_id}", requests)


def known_caller() -> Caller | None:
    """Return who sent the current request, to a public route; None where no key says so that may be believed.

    A wrong key is counted like one on any other route, but refuses nobody an answer that everybody gets.
    """
    address, guesses = _address(), access().guesses
    try:
        found = identify(None)
    except WrongCredentials:
        if not guesses.seconds_blocked(address):
            _count_guess(address)
        return None
    except (NotAuthenticated, StoreUnavailable, Busy):
        return None
    is_believed = not guesses.seconds_blocked(address) or guesses.is_in_use(address, found.owner.key_id)
    return found if is_believed else None


def _count_guess(address: str) -> None:
    limiter: _Limiter = current_app.extensions["rates"]
    try:
        limiter.count_guess(address)
    except RateLimitExceeded:
        access().guesses.block(address, _seconds_left(limiter))


def _too_many(code: RefusalCode, seconds: int) -> TooManyRequests:
    RATE_REFUSALS.labels(code.value).inc()
    return TooManyRequests(f"{WHY[code]}; try again in {seconds} s.", code, seconds)


def _seconds_left(limiter: Limiter) -> int:
    """Return after how many seconds the current request, which was refused, would not be."""
    breached = limiter.current_limit
    try:
        with needing_redis():
            return max(1, ceil(breached.window.reset_time - time.time())) if breached else RETRY_AFTER_SECONDS
    except StoreUnavailable:
        return RETRY_AFTER_SECONDS


def _address() -> str:
    return network_of(request.remote_addr or "")
