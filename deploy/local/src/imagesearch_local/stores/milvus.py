"""Milvus Lite from its wheel: the vectors."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Any

import grpc  # type: ignore[import-untyped]
from milvus_lite.adapter.grpc.server import run_server

from imagesearch_local.layout import Layout
from imagesearch_local.ports import LOOPBACK
from imagesearch_local.record import Record

OPTIONS = (
    # pymilvus pings an idle connection every 10 s. gRPC's servers think that too often by default and cut
    # the connection off ("too_many_pings").
    ("grpc.http2.max_ping_strikes", 0),
    # Two servers that share a port by mistake would share its connections too; better that one fails.
    ("grpc.so_reuseport", 0),
)


def serve(layout: Layout) -> int:
    """Serve until SIGTERM or SIGINT and return the exit status."""
    # Its own command closes its files on SIGINT only.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    make_server = grpc.server

    def with_options(*arguments: Any, options: Sequence[tuple[str, object]] = (), **more: Any) -> grpc.Server:
        return make_server(*arguments, options=[*options, *OPTIONS], **more)

    grpc.server = with_options  # milvus-lite has no setting for these
    run_server(str(layout.milvus), host=LOOPBACK, port=Record.read(layout).ports["milvus"])
    return 0
