"""Bring ``.venv`` to a level: ``local`` runs the system, ``dev`` tests it too.

Needs nothing but a Python with venv: it makes the environment, brings uv by hash and lets uv install the
pinned packages. What is current already is left alone, and two runs at once wait for each other.
"""

from __future__ import annotations

import ast
import fcntl
import hashlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
ENVIRONMENT = REPOSITORY / ".venv"
BESIDE: dict[str, tuple[str, tuple[str, ...]]] = {
    "checks": ("what judges the deployment", ()),
    "quantise": ("what makes 8-bit weights", ("shared", "services/extractor-worker")),
}
"""Tools that want other versions of packages than the system, each with an environment of its own in this one.

By name: what it does, and the members that it needs.
"""
PYTHON = ENVIRONMENT / "bin" / "python"
MEMBERS = (
    "shared",
    "services/api",
    "services/extractor-worker",
    "services/indexer-worker",
    "client",
    "deploy/local",
)
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
LEVELS = {"local": ("local", "dev"), "dev": ("dev",), "quantise": ("quantise",)}
"""Each level, and the levels that hold everything it needs."""
SIZES = {
    "local": "the system's packages, 600 MB to download the first time",
    "dev": "the system's packages and the development tools, 900 MB to download the first time",
}


class InstallationFailed(Exception):
    """A step of the installation ended with an error; the message is for the terminal."""


def main(level: str) -> int:
    """Install `level` unless it is there already, and return the exit status."""
    with Path(__file__).open() as lock:  # any file that is always there will do
        fcntl.flock(lock, fcntl.LOCK_EX)
        if any(_stamp(wider).exists() and _stamp(wider).read_text() == _wanted(wider) for wider in LEVELS[level]):
            return 0
        try:
            _install(level)
        except InstallationFailed as failure:
            sys.stderr.write(f"setup: {failure}\n")
            return 1
    return 0


def _install(level: str) -> None:
    if level in BESIDE:
        _install_beside(level)
        _stamp(level).write_text(_wanted(level))
        return
    if not _usable():
        if importlib.util.find_spec("ensurepip") is None:
            raise InstallationFailed(
                f"{sys.executable} cannot make virtual environments; install its venv module "
                "(Debian and Ubuntu: apt-get install python3-venv)"
            )
        _run("making .venv", [sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)])
    pinned = REPOSITORY / "requirements"
    pip = [str(PYTHON), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-user"]
    _run("bringing uv", [*pip, "--require-hashes", "-r", str(pinned / "uv.txt")])
    uv = [str(ENVIRONMENT / "bin" / "uv"), "pip", "install", "--quiet", "--python", str(PYTHON)]
    packages = ["--require-hashes", "-r", str(pinned / f"{level}.txt")]
    _run(f"installing {SIZES[level]}", [*uv, *packages], _as_pip_does())
    if level == "dev":
        _install_beside("checks")
    _run("installing the workspace", [*uv, *_editable(MEMBERS)])
    for narrower in LEVELS:
        _stamp(narrower).unlink(missing_ok=True)
    _stamp(level).write_text(_wanted(level))


def _install_beside(name: str) -> None:
    """Bring a tool into an environment of its own; the system's is there already."""
    (what, members), uv, made = BESIDE[name], str(ENVIRONMENT / "bin" / "uv"), ENVIRONMENT / name
    _run(f"making .venv/{name}", [uv, "venv", "--quiet", "--clear", "--python", str(PYTHON), str(made)])
    install = [uv, "pip", "install", "--quiet", "--python", str(made / "bin" / "python")]
    packages = ["--require-hashes", "-r", str(REPOSITORY / "requirements" / f"{name}.txt")]
    _run(f"installing {what}", [*install, *packages], _as_pip_does())
    if members:
        _run("installing what it uses of the workspace", [*install, *_editable(members)])


def _editable(members: Sequence[str]) -> list[str]:
    """Return what has uv install members from the tree, when all that they need is there."""
    # Offline: whatever a member needs to be built is pinned and installed before.
    arguments = [argument for member in members for argument in ("-e", str(REPOSITORY / member))]
    return ["--offline", "--no-deps", "--no-build-isolation", *arguments]


def _run(step: str, command: list[str], extra: dict[str, str] | None = None) -> None:
    sys.stderr.write(f"setup: {step}\n")
    environment = {**os.environ, **(extra or {})}
    # A virtual environment or project that happens to be active must not be the one that is changed.
    environment.pop("VIRTUAL_ENV", None)
    if subprocess.run(command, env=environment, cwd=REPOSITORY, check=False).returncode != 0:
        raise InstallationFailed(f"{step} failed; see above")


def _usable() -> bool:
    """Say whether the environment works, was made at this place and has a Python that the project supports."""
    pip = ENVIRONMENT / "bin" / "pip"
    if not pip.exists() or str(ENVIRONMENT) not in pip.read_text():
        return False
    check = "import sys, pip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"
    return subprocess.run([PYTHON, "-c", check], capture_output=True, check=False).returncode == 0


def _as_pip_does() -> dict[str, str]:
    """Return uv's settings for the index and the certificates that pip is configured to use.

    uv reads neither pip's configuration nor the system's certificates by itself, so a machine whose way to
    packages is a mirror or a proxy of its own would work with pip and not with uv. Whatever the index, the
    hashes decide what is accepted.
    """
    found: dict[str, str] = {}
    configured = _configuration_of_pip()
    index, certificates = configured.get("index-url"), configured.get("cert")
    if index and not os.environ.keys() & {"UV_DEFAULT_INDEX", "UV_INDEX_URL"}:
        found["UV_DEFAULT_INDEX"] = index
    if "SSL_CERT_FILE" not in os.environ:
        if certificates:
            found["SSL_CERT_FILE"] = certificates
        elif SYSTEM_CERTIFICATES.exists():
            found["UV_SYSTEM_CERTS"] = "true"
    return found


def _configuration_of_pip() -> dict[str, str]:
    """Return pip's options by name, those of its environment before those of its files."""
    # `pip config get` looks into one file only; `list` shows all of them, as in global.cert='/etc/ssl/ca.pem'.
    command = [str(PYTHON), "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    settings = dict(line.split("=", 1) for line in listed if "=" in line)
    return {
        key.removeprefix(section): ast.literal_eval(value)
        for section in ("global.", "install.", ":env:.")
        for key, value in settings.items()
        if key.startswith(section)
    }


def _stamp(level: str) -> Path:
    return ENVIRONMENT / f".installed-{level}"


def _wanted(level: str) -> str:
    """Return a digest over everything that decides what `level` holds, and where it lies."""
    digest = hashlib.sha256(str(REPOSITORY).encode())
    names = ("uv", level, "checks") if level == "dev" else ("uv", level)
    sources = [REPOSITORY / "requirements" / f"{name}.txt" for name in names]
    for source in [*sources, *(REPOSITORY / member / "pyproject.toml" for member in MEMBERS)]:
        digest.update(source.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
