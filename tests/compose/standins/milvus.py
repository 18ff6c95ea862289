"""Run the standalone server of the `milvus` wheel with an etcd and a folder of its own."""

import os
from pathlib import Path

from milvus import MilvusServerConfig  # type: ignore[attr-defined]

DATA, SERVER = Path("/var/lib/milvus"), Path("/opt/milvus/server/bin")
# The real image's own stores, which this one has no use for.
ELSEWHERE = ("ETCD_ENDPOINTS", "MINIO_ADDRESS", "MINIO_ACCESS_KEY_ID", "MINIO_SECRET_ACCESS_KEY")

if __name__ == "__main__":
    DATA.mkdir(exist_ok=True)
    MilvusServerConfig(data_dir=str(DATA)).resolve()
    os.chdir(DATA)
    kept = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    environment = {"DEPLOY_MODE": "STANDALONE", "METRICS_PORT": "9091", "LD_LIBRARY_PATH": str(SERVER)}
    os.execve(SERVER / "milvus", ["milvus", "run", "standalone"], kept | environment)  # noqa: S606 - becomes the server
