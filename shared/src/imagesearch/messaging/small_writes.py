"""Write to Redis what has to be written also when it has reached its `maxmemory`.

That is what takes a bounded number of bytes, and without which Redis would never become emptier, or would be
misread: which messages are in whose hands, which batches are claimed, and who is alive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgpack
import redis

Command: TypeAlias = Sequence[str | bytes | int | float]
"""A command with its arguments."""

_RUN = """#!lua flags=allow-oom
for _, command in ipairs(cmsgpack.unpack(ARGV[1])) do redis.call(unpack(command)) end
"""


def write_small(client: redis.Redis, commands: Sequence[Command]) -> None:
    """Run commands one after the other in one trip, of which nobody needs the answers.

    Raises:
        redis.RedisError: Redis does not answer, or cannot write its file.
    """
    if commands:
        texts = [[part if isinstance(part, bytes) else str(part) for part in command] for command in commands]
        client.eval(_RUN, 0, msgpack.packb(texts))
