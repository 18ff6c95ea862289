"""Put KEDA into the cluster: its own manifests, with images of the programs that were built."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from tools.cluster import images, programs
from tools.cluster.commands import run
from tools.cluster.places import CACHE

VERSION = "built"
PROGRAMS = {
    "ghcr.io/kedacore/keda": ("operator", "/keda"),
    "ghcr.io/kedacore/keda-metrics-apiserver": ("adapter", "/keda-adapter"),
}
"""The images that KEDA's manifests name, the program of each, and where it lies in the image."""


def archives() -> list[Path]:
    """Return an archive for each image, made anew."""
    made = []
    for image, (program, at) in PROGRAMS.items():
        path = CACHE / f"keda-{program}.tar"
        images.of_program(path, programs.program(program), at, f"{image}:{VERSION}")
        made.append(path)
    return made


def apply(kubectl: Callable[..., str]) -> None:
    """Apply the manifests."""
    with tempfile.TemporaryDirectory(prefix="imagesearch-keda-") as folder:
        minimal = os.path.relpath(programs.keda() / "minimal", Path(folder).resolve())
        present = [{"op": "replace", "path": "/spec/template/spec/containers/0/imagePullPolicy", "value": "Never"}]
        kustomization = {
            "kind": "Kustomization",
            "resources": [minimal],
            "images": [{"name": image, "newTag": VERSION} for image in PROGRAMS],
            "patches": [{"target": {"kind": "Deployment"}, "patch": json.dumps(present)}],
        }
        Path(folder, "kustomization.yaml").write_text(json.dumps(kustomization))
        manifests = run(programs.KUBECTL, "kustomize", "--load-restrictor", "LoadRestrictionsNone", folder)
    # Longer than an annotation may be, which `apply` on this side would keep them in.
    kubectl("apply", "--server-side", "--filename", "-", given=manifests)
