"""Look at Redis: its version, what it forgets, and how full it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import redis

from imagesearch.doctor.diagnosis import ADVICE, Diagnosis, judge
from imagesearch.errors import StoreFull
from imagesearch.messaging.redis_errors import needing_redis
from imagesearch.messaging.room import require_room

MIN_VERSION = (7, 0)
"""The first with BLMPOP, by which queries are taken."""
FULL = 0.9


def examine_redis(client: redis.Redis) -> list[Diagnosis]:
    """Return what is to be said of Redis, or of a server that speaks its protocol.

    Raises:
        StoreUnavailable: it does not answer.
    """
    with needing_redis():
        facts = cast(Mapping[str, Any], client.info())
    product = "Valkey" if facts.get("server_name") == "valkey" else "Redis"
    shown = facts.get("valkey_version") or facts["redis_version"]
    used, limit = int(facts["used_memory"]), int(facts.get("maxmemory", 0))
    policy = facts.get("maxmemory_policy", "unknown")
    is_logged = bool(facts.get("aof_enabled"))
    megabytes = f"{used >> 20} MB of {limit >> 20} MB used" if limit else f"{used >> 20} MB used, no limit"
    return [
        judge(
            "redis version",
            f"{product} {shown}",
            "Run Redis 7 or newer, or Valkey.",
            is_well=_numbers(str(facts["redis_version"])) >= MIN_VERSION,
        ),
        _writes(client),
        judge(
            "redis eviction",
            f"maxmemory-policy {policy}",
            "Set maxmemory-policy noeviction: another policy drops messages that were accepted.",
            is_well=policy == "noeviction" or not limit,
        ),
        judge(
            "redis persistence",
            "append-only file on" if is_logged else "append-only file off",
            "Set appendonly yes: what a restart forgets is sent again only when its lease has ended.",
            is_well=is_logged and facts.get("aof_last_write_status", "ok") == "ok",
        ),
        judge(
            "redis memory",
            megabytes,
            "Raise maxmemory: at its limit Redis refuses messages and all work waits.",
            is_well=not limit or used < FULL * limit,
        ),
    ]


def _writes(client: redis.Redis) -> Diagnosis:
    try:
        require_room(client)
    except StoreFull as error:
        return judge("redis writes", str(error), ADVICE[error.lacks], is_well=False)
    return judge("redis writes", "taken", "", is_well=True)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
