"""Make the images: a stand-in base from Debian's packages, stand-ins for stores on it, and the project's own."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from compose.engine import Engine

REPOSITORY = Path(__file__).parents[2]
STANDINS = Path(__file__).parent / "standins"
STORES = ("redis", "postgres", "etcd", "objects", "milvus")
SERVICES = {"api": "api", "extractor": "extractor-worker", "indexer": "indexer-worker"}
BASE = "imagesearch-standin-base:bookworm"
WAY_TO_PACKAGES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf")
"""How this machine reaches packages, where it has settings of its own for that: builds in the base do likewise."""


def base(engine: Engine) -> str:
    """Return an image with Debian and its Python, which is made once on an engine."""
    if not engine.succeeds("docker", "image", "inspect", BASE):
        with tempfile.TemporaryDirectory(prefix="imagesearch-base-") as folder:
            root = Path(folder, "root")
            packages = "python3,python3-venv,ca-certificates"
            engine.run("debootstrap", "--variant=minbase", f"--include={packages}", "bookworm", str(root))
            for cached in (root / "var/cache/apt/archives").glob("*.deb"):
                cached.unlink()
            for name in map(Path, WAY_TO_PACKAGES):
                if name.exists():
                    (root / name.relative_to("/")).write_bytes(name.read_bytes())
            archive = Path(folder, "root.tar")
            engine.run("tar", "--directory", str(root), "--create", "--file", str(archive), ".")
            engine.run("docker", "import", str(archive), BASE)
    return BASE


def store_images(engine: Engine) -> dict[str, str]:
    """Build the stand-ins, and return the variables by which docker-compose.yml takes them."""
    with tempfile.TemporaryDirectory(prefix="imagesearch-standins-") as folder:
        for path in STANDINS.iterdir():
            (Path(folder) / path.name).write_bytes(path.read_bytes())
            (Path(folder) / path.name).chmod(path.stat().st_mode & 0o777)
        (Path(folder) / "milvus.txt").write_text(_pin("milvus"))
        for store in STORES:
            tag = f"imagesearch-standin-{store}"
            engine.run(
                *("docker", "build", "--quiet", "--network", "host", "--build-arg", f"BASE={base(engine)}"),
                *("--target", store, "--tag", tag, folder),
            )
    return {f"{store.upper()}_IMAGE": f"imagesearch-standin-{store}" for store in STORES}


def service_images(engine: Engine, version: str) -> dict[str, str]:
    """Build the project's own images of a version, and return the variables by which compose takes them."""
    return {f"{name.upper()}_IMAGE": service_image(engine, name, version) for name in SERVICES}


def service_image(engine: Engine, name: str, version: str) -> str:
    """Build one of the project's images from its own Dockerfile, and return its tag."""
    tag = f"imagesearch-{name}:{version}"
    dockerfile = REPOSITORY / "services" / SERVICES[name] / "Dockerfile"
    engine.run(
        *("docker", "build", "--quiet", "--network", "host", "--file", str(dockerfile), "--tag", tag),
        *("--build-arg", f"PYTHON_IMAGE={base(engine)}", "--build-arg", f"VERSION={version}", str(REPOSITORY)),
    )
    return tag


def compressed_size(engine: Engine, image: str) -> int:
    """Return how many bytes an image has when its layers travel, compressed as registries do."""
    with subprocess.Popen(["docker", "save", image], env=engine.environment, stdout=subprocess.PIPE) as saved:
        done = subprocess.run("gzip -6 | wc -c", shell=True, stdin=saved.stdout, capture_output=True, check=True)  # noqa: S602
    assert saved.returncode == 0
    return int(done.stdout)


def _pin(package: str) -> str:
    """Return a package's lines of requirements/dev.txt, its hashes included."""
    text = (REPOSITORY / "requirements" / "dev.txt").read_text()
    found = re.search(rf"^{package}==.*?(?=^[a-z0-9]|\Z)", text, flags=re.MULTILINE | re.DOTALL)
    assert found
    return found[0]
