"""Make images of one program each, and bring images to the nodes."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tools.cluster.commands import run
from tools.cluster.places import Node

PAUSE = "imagesearch-cluster/pause:1"


def load(nodes: Iterable[Node], archive: Path) -> None:
    """Bring the images of an archive, as `docker save` writes it, to all nodes at once."""
    with ThreadPoolExecutor() as threads:
        for _ in threads.map(partial(_load, archive), nodes):
            pass


def _load(archive: Path, node: Node) -> None:
    run("ctr", "--address", str(node.containerd), "--namespace", "k8s.io", "images", "import", str(archive))


def of_program(path: Path, program: str, at: str, name: str) -> None:
    """Write an archive with an image that holds nothing but one static program, at a path in it.

    It runs as a user without a name, as pods that may not run as root want it.
    """
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as files:
        files.add(program, at.lstrip("/"))
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    configuration = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": [at], "User": "10001:10001"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    with tarfile.open(path, mode="w") as archive:
        _add(archive, "layer.tar", layer.getvalue())
        _add(archive, "config.json", json.dumps(configuration).encode())
        _add(archive, "manifest.json", json.dumps(manifest).encode())


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))
