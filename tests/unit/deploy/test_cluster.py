"""The cluster that tests make is put together as it says: one release of Kubernetes, images that can be run."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from pathlib import Path

from tools.cluster import images
from tools.cluster.programs import MODULE
from unit.deploy.manifests import REPOSITORY, kustomized, manifests, pods

OVERLAY = REPOSITORY / "tests/k8s/overlay"


def test_kubernetes_and_what_is_released_with_it_are_of_one_release() -> None:
    text = (MODULE / "go.mod").read_text()
    (release,) = re.findall(r"k8s\.io/kubernetes v1\.(\S+)", text)
    pinned = dict(re.findall(r"^\t(k8s\.io/[\w-]+) => \S+ v0\.(\d+\.\d+)$", text, flags=re.MULTILINE))
    assert len(pinned) > 25
    assert set(pinned.values()) == {release}


def test_an_image_of_one_program_is_what_its_digest_says(tmp_path: Path) -> None:
    (tmp_path / "program").write_bytes(b"a static program")
    (tmp_path / "program").chmod(0o755)
    images.of_program(tmp_path / "image.tar", str(tmp_path / "program"), "/bin/program", "example/program:1")
    with tarfile.open(tmp_path / "image.tar") as archive:
        archive.extractall(tmp_path / "image", filter="data")
    image = tmp_path / "image"
    (manifest,) = json.loads((image / "manifest.json").read_text())
    assert manifest["RepoTags"] == ["example/program:1"]
    configuration = json.loads((image / manifest["Config"]).read_text())
    (layer,) = manifest["Layers"]
    assert configuration["rootfs"]["diff_ids"] == [
        f"sha256:{hashlib.sha256((image / layer).read_bytes()).hexdigest()}"
    ]
    with tarfile.open(image / layer) as files:
        (file,) = files.getmembers()
    assert configuration["config"]["Entrypoint"] == [f"/{file.name}"]
    assert file.mode & 0o111


def test_the_tests_run_the_manifests_with_images_that_need_no_registry() -> None:
    text = kustomized(OVERLAY)
    images_used = {pod["containers"][0]["image"] for pod in pods(manifests(text)).values()}
    assert images_used == {
        *(f"imagesearch-{name}:tested" for name in ("api", "extractor", "indexer")),
        *(f"imagesearch-standin-{name}:latest" for name in ("redis", "postgres", "etcd", "objects", "milvus")),
    }
    assert "Always" not in text
