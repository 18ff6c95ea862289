"""What is in the images, and what is not: built from the project's Dockerfiles on a stand-in base."""

from __future__ import annotations

import json

import pytest

from compose.conftest import VERSION
from compose.engine import Engine
from compose.images import SERVICES, compressed_size

pytestmark = pytest.mark.compose

UNWANTED = ("pip", "pip3", "gcc", "cc", "g++", "ld", "make")
MODULES = {
    "api": "imagesearch_api.app",
    "extractor": "imagesearch_extractor.worker",
    "indexer": "imagesearch_indexer",
}


@pytest.fixture(params=SERVICES)
def image(request: pytest.FixtureRequest, images: dict[str, str]) -> str:
    return images[f"{request.param.upper()}_IMAGE"]


def run(engine: Engine, image: str, *command: str) -> str:
    """Run a command in a container as locked down as the services are."""
    locked = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--network", "none")  # noqa: S108
    return engine.run("docker", "run", "--rm", *locked, image, *command)


def run_python(engine: Engine, image: str, *lines: str) -> str:
    """Return what a script of these lines prints."""
    return run(engine, image, "python", "-c", "\n".join(lines)).strip()


def test_an_image_says_who_runs_what_and_how_it_is_asked_for_its_health(engine: Engine, image: str) -> None:
    (found,) = json.loads(engine.run("docker", "image", "inspect", image))
    config = found["Config"]
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] == "SIGTERM"
    assert config["Cmd"][0] in ("python", "gunicorn"), "exec form: signals reach the program"
    assert config["Healthcheck"]["Test"][0] == "CMD"
    labels = config["Labels"]
    assert labels["org.opencontainers.image.version"] == VERSION
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_an_image_has_no_pip_and_no_compiler(engine: Engine, image: str) -> None:
    search = f"import shutil; print([name for name in {UNWANTED!r} if shutil.which(name)])"
    assert run(engine, image, "python", "-c", search).strip() == "[]"
    missing = "import importlib.util as u; print(u.find_spec('pip'), u.find_spec('ensurepip'))"
    assert run(engine, image, "python", "-c", missing).split() == ["None", "None"]


@pytest.mark.parametrize("name", SERVICES)
def test_everything_imports_on_a_read_only_root_as_a_user_without_a_home(
    name: str, engine: Engine, images: dict[str, str]
) -> None:
    said = run(
        engine,
        images[f"{name.upper()}_IMAGE"],
        *("python", "-c", f"import os, {MODULES[name]}, imagesearch; print(os.getuid(), imagesearch.__version__)"),
    )
    assert said.split()[-2:] == ["10001", "0.1.0"]


def test_what_is_left_of_aws_reaches_objects_with_the_credentials_of_a_role(engine: Engine, image: str) -> None:
    made = run_python(
        engine,
        image,
        "from botocore.session import get_session",
        "made = [get_session().create_client(name, region_name='eu-west-1') for name in ('s3', 'sts', 'sso')]",
        "print(*(client.meta.service_model.service_name for client in made))",
    )
    assert made.split() == ["s3", "sts", "sso"]


def test_what_is_left_of_openvino_computes(engine: Engine, images: dict[str, str]) -> None:
    computed = run_python(
        engine,
        images["EXTRACTOR_IMAGE"],
        "import numpy, openvino",
        "from openvino import opset13 as op",
        "given = op.parameter([2], numpy.float32)",
        "model = openvino.Model([op.relu(given)], [given])",
        "print(openvino.Core().compile_model(model, 'CPU')(numpy.array([-1, 2], numpy.float32))[0].tolist())",
    )
    assert computed == "[0.0, 2.0]"


def test_what_is_left_of_pyarrow_writes_and_reads(engine: Engine, images: dict[str, str]) -> None:
    read = run_python(
        engine,
        images["INDEXER_IMAGE"],
        "import pyarrow, pyarrow.parquet as files",
        "sink = pyarrow.BufferOutputStream()",
        "files.write_table(pyarrow.table({'id': [7]}), sink, compression='ZSTD')",
        "print(files.read_table(pyarrow.BufferReader(sink.getvalue())).to_pylist())",
    )
    assert read == "[{'id': 7}]"


def test_sizes_are_told(engine: Engine, images: dict[str, str]) -> None:
    sizes = {name: compressed_size(engine, image) for name, image in images.items()}
    for name, size in sizes.items():
        print(f"{name}: {size / 1e6:.0f} MB compressed")  # noqa: T201 - docs/operations.md states them
    assert sizes["API_IMAGE"] < 250e6
    assert sizes["INDEXER_IMAGE"] < 250e6
    assert sizes["EXTRACTOR_IMAGE"] < 600e6
