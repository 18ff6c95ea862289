"""One cluster and one running system, which the tests of this folder use in their order."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from compose.conftest import VERSION
from compose.engine import Engine
from compose.images import REPOSITORY, service_images, store_images
from k8s.kubernetes import NAMESPACE, SLOW, Kubernetes
from support.drawing import encoded, photo_like
from support.system import PLAIN
from support.waiting import TIMEOUT
from tools.cluster import control, images
from tools.cluster.places import KUBECONFIG

PICTURES = 120
HERE = Path(__file__).parent
SERVICES = ("api", "extractor-query", "indexer", "scheduler")
STORES = ("redis", "postgres", "etcd", "objects", "milvus")
RELAY = "imagesearch-relay"


@pytest.fixture(scope="session")
def archive() -> Iterator[Path]:
    """The images that `make test-compose` builds, as one file."""
    engine = Engine()
    with tempfile.TemporaryDirectory(prefix="imagesearch-images-") as folder:
        try:
            built = {**service_images(engine, VERSION), **store_images(engine)}
            path = Path(folder, "images.tar")
            engine.run("docker", "save", "--output", str(path), *built.values())
        finally:
            engine.end()
        yield path


@pytest.fixture(scope="session")
def kubernetes(request: pytest.FixtureRequest) -> Iterator[Kubernetes]:
    """The cluster that KUBECONFIG names, which has KEDA and the images; else one of two nodes, made here."""
    if "KUBECONFIG" in os.environ:
        yield Kubernetes(Path(os.environ["KUBECONFIG"]))
        return
    archive: Path = request.getfixturevalue("archive")
    nodes = control.up(2)
    try:
        images.load(nodes, archive)
        yield Kubernetes(KUBECONFIG)
    finally:
        control.down(keep_logs=True)


@pytest.fixture(scope="session")
def pictures() -> dict[str, bytes]:
    """Small drawn pictures by their names."""
    return {f"{index:03}.jpg": encoded(photo_like(index, (160, 120))) for index in range(PICTURES)}


@pytest.fixture(scope="session")
def system(kubernetes: Kubernetes, pictures: dict[str, bytes]) -> Iterator[Kubernetes]:
    """The running system, with its library filled, in namespaces that were not there before."""
    for namespace in (NAMESPACE, RELAY):
        kubernetes.run("create", "namespace", namespace)
    try:
        _apply(kubernetes)
        _fill_library(kubernetes, pictures)
        kubernetes.until_rolled_out(*(f"statefulset/{name}" for name in STORES))
        kubernetes.until_rolled_out(*(f"deployment/{name}" for name in SERVICES))
        yield kubernetes
    finally:
        _tell(kubernetes)
        kubernetes.run("delete", "namespace", NAMESPACE, RELAY, "--wait=false")


@pytest.fixture(scope="session")
def key(system: Kubernetes) -> str:
    """An API key that may write, made as an operator makes the first one; KEDA's as the component's page says."""
    scaler = _key(system, "scaler", "read")
    system.run("create", "secret", "generic", "imagesearch-scaler", f"--from-literal=api-key={scaler}")
    return _key(system, "tests", "write")


@pytest.fixture(scope="session")
def http(system: Kubernetes, key: str) -> Iterator[httpx.Client]:
    """A client of the Service, by way of a pod that stands where an ingress controller would."""
    system.run("apply", "--filename", str(HERE / "relay.yaml"), namespace=RELAY)
    system.until_rolled_out("deployment/relay", namespace=RELAY)
    headers = {"Authorization": f"Bearer {key}"}
    with (
        system.forwarded("deployment/relay", 8000, RELAY) as url,
        httpx.Client(base_url=url, timeout=TIMEOUT, verify=PLAIN, headers=headers) as client,
    ):
        yield client


def _apply(kubernetes: Kubernetes) -> None:
    made = subprocess.run(["sh", REPOSITORY / "deploy/k8s/passwords.sh"], capture_output=True, check=True).stdout
    # The server of the wheel is older than the setting for root's password, and gives it this one.
    (drawn,) = (line.split()[1] for line in made.decode().splitlines() if line.startswith("  milvus-password:"))
    kubernetes.run("create", "--filename", "-", given=made.replace(drawn.encode(), b"Milvus"))
    kubernetes.run("apply", "--kustomize", str(HERE / "overlay"))


def _fill_library(kubernetes: Kubernetes, pictures: dict[str, bytes]) -> None:
    kubernetes.run("apply", "--filename", str(HERE / "library.yaml"))
    kubernetes.run("wait", "--for=condition=Ready", "pod/library", f"--timeout={SLOW:.0f}s")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in pictures.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(content), int(time.time())
            archive.addfile(entry, io.BytesIO(content))
    unpack = "import sys, tarfile; tarfile.open(fileobj=sys.stdin.buffer, mode='r|').extractall('/pictures')"
    kubernetes.run("exec", "--stdin", "library", "--", "python", "-c", unpack, given=packed.getvalue())
    kubernetes.run("delete", "pod", "library")


def _key(kubernetes: Kubernetes, name: str, scope: str) -> str:
    make = ("python", "-m", "imagesearch.admin", "keys", "make", name, "--scope", scope)
    return kubernetes.run("exec", "deployment/api", "--", *make).split()[-1]


def _tell(kubernetes: Kubernetes) -> None:
    """Keep what happened in the cluster, for whoever looks why a test failed."""
    folder = Path(tempfile.gettempdir(), "imagesearch-k8s")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "events").write_text(kubernetes.run("get", "events", "--sort-by=.lastTimestamp"))
    (folder / "pods").write_text(kubernetes.run("describe", "pods"))
    for pod in kubernetes.found("pods"):
        name = pod["metadata"]["name"]
        for previous in ("", "--previous"):
            done = kubernetes.attempt("logs", name, *filter(None, [previous]))
            (folder / f"{name}{previous}").write_text(done)
