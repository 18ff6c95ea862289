"""Speak TLS in front of a store that cannot: the servers of the wheels are built without it."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from threading import Thread
from typing import Self

from support.waiting import TIMEOUT

Address = tuple[str, int] | Path
SSL_REQUEST = bytes.fromhex("0000000804d2162f")
"""With these a client asks Postgres for TLS: https://www.postgresql.org/docs/current/protocol-message-formats.html"""


class TlsProxy:
    """Pass what comes over TLS to `localhost` on to a store, on a thread of its own; use it as a context manager.

    Args:
        pem: key and certificate.
        store: host and port, or a socket's path.
        asks_first: the client asks in the clear whether there is TLS, as those of Postgres do.
    """

    def __init__(self, pem: Path, store: Address, *, asks_first: bool = False) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pem)
        # gRPC speaks nothing but HTTP/2.
        self._context.set_alpn_protocols(["h2"])
        self._store, self._asks_first = store, asks_first
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever)
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(TIMEOUT)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(TIMEOUT)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(TIMEOUT)
        self._loop.close()

    async def _listen(self) -> None:
        context = None if self._asks_first else self._context
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            if self._asks_first:
                assert await client.readexactly(len(SSL_REQUEST)) == SSL_REQUEST
                to_client.write(b"S")
                await to_client.drain()
                await to_client.start_tls(self._context)
            store, to_store = await self._connect()
            await asyncio.gather(_pass(client, to_store), _pass(store, to_client))
        except (OSError, asyncio.IncompleteReadError):
            to_client.close()  # whoever does not trust the certificate goes away

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._store, Path):
            return await asyncio.open_unix_connection(self._store)
        return await asyncio.open_connection(*self._store)


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while piece := await source.read(65_536):
            sink.write(piece)
            await sink.drain()
    finally:
        sink.close()
