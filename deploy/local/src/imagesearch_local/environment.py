"""The environment that the processes of a stack get."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from imagesearch_local import ports
from imagesearch_local.layout import Layout
from imagesearch_local.record import Record
from imagesearch_local.stores import postgres, valkey

MEMTABLE_BYTES = 16 * 1024 * 1024
"""milvus-lite searches rows that it has not flushed one by one: 20,000 of them took 600 ms, flushed 7 ms.
This flushes after about 8,000 rows of 512 float32."""


def of_stack(layout: Layout, port: int, record: Record) -> dict[str, str]:
    """Return the settings that the processes of a stack share."""
    return {
        "DATABASE_URL": postgres.url(layout),
        "REDIS_URL": valkey.url(layout, record.ports["valkey"]),
        "MILVUS_URI": record.milvus_uri or f"http://{ports.LOOPBACK}:{record.ports['milvus']}",
        "MILVUS_LITE": "false" if record.milvus_uri else "true",
        "MILVUS_LITE_MEMTABLE_MEMORY_LIMIT_BYTES": str(MEMTABLE_BYTES),
        "IMAGE_ROOTS": os.pathsep.join(record.images),
        "UPLOAD_ROOT": str(layout.uploads),
        "EXPORT_ROOT": str(layout.exports),
        "WEIGHTS": record.weights,
        "DATA_DIR": str(layout.data_dir),
        "PORT": str(port),
    }


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the user's environment, made fit for processes that speak to each other on this machine."""
    # Importing TensorFlow without compiled modules takes twice as long, in every process.
    kept = {
        name: value for name, value in environment.items() if name not in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")
    }
    kept["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
    kept |= {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    kept.setdefault("LOG_FORMAT", "console")
    # The API listens on a loopback address alone.
    kept.setdefault("API_KEYS", "false")
    for name in ("NO_PROXY", "no_proxy"):
        # A proxy cannot reach this machine's own loopback, and gRPC asks it for everything.
        kept[name] = ",".join(filter(None, [kept.get(name), ports.LOOPBACK, "localhost"]))
    return kept
