"""Render deploy/k8s by the real kustomize."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[3]
K8S = REPOSITORY / "deploy/k8s"
COMPONENTS = sorted(path.name for path in (K8S / "components").iterdir())
COMBINATIONS = [
    tuple(filter(None, chosen))
    for chosen in product(("stores", "external-stores"), ("", "keda", "hpa"), ("", "gpu"), ("", "monitoring"))
]
"""Every choice of components that deploy/k8s/README.md leaves open."""
SERVICES = ("api", "extractor", "extractor-query", "indexer", "scheduler")

Manifest = dict[str, Any]


@cache
def rendered(folder: Path, *components: str) -> str:
    """Return the manifests of the base with some components, by a kustomization in a folder of the tests."""
    base, *added = (
        os.path.relpath(path, folder)
        for path in (K8S / "base", *(K8S / "components" / name for name in components))
    )
    (folder / "kustomization.yaml").write_text(
        yaml.safe_dump({"kind": "Kustomization", "resources": [base], "components": added})
    )
    return kustomized(folder)


def kustomized(folder: Path) -> str:
    """Return what a kustomization comes to."""
    command = [REPOSITORY / ".venv/bin/kubectl", "kustomize", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return done.stdout


def manifests(text: str) -> list[Manifest]:
    """Return the resources of a rendered text."""
    # Libyaml's loader, which is ten times as fast, and just as safe.
    return [manifest for manifest in yaml.load_all(text, Loader=yaml.CSafeLoader) if manifest]


def of_kind(found: list[Manifest], *kinds: str) -> dict[str, Manifest]:
    """Return the resources of some kinds by their names."""
    return {manifest["metadata"]["name"]: manifest for manifest in found if manifest["kind"] in kinds}


def pods(found: list[Manifest]) -> dict[str, Manifest]:
    """Return what each workload says of its pods, by its name."""
    workloads = of_kind(found, "Deployment", "StatefulSet", "Job")
    return {name: workload["spec"]["template"]["spec"] for name, workload in workloads.items()}


def container(found: list[Manifest], name: str) -> Manifest:
    """Return the one container of a workload."""
    (only,) = pods(found)[name]["containers"]
    made: Manifest = only
    return made
