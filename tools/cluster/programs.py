"""Build what a cluster runs from Go modules, and know what of Debian it needs."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from tools.cluster.commands import CommandFailed, run
from tools.cluster.places import CACHE, HERE

MODULE = HERE / "binaries"
PLUGINS = Path("/usr/lib/cni")
KUBECTL = str(Path(sys.executable).with_name("kubectl"))
"""Comes with the packages of the tests, whatever the machine has."""
NEEDED = ("go", "containerd", "runc", "ctr", "iptables", "ipset", "conntrack", "ip", "unshare", "openssl")
PACKAGES = "containerd, runc, containernetworking-plugins, iptables, ipset, conntrack, iproute2 and openssl"
KEDA = "github.com/kedacore/keda/v2"
ETCD = "server"
"""Programs are called as the last part of their packages' paths: this one's is `go.etcd.io/etcd/server/v3`."""


def program(name: str) -> str:
    """Return where a program that was built lies."""
    return str(CACHE / "bin" / name)


def build() -> None:
    """Build every program that is not built yet; half an hour of two cores the first time, seconds later."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing or not PLUGINS.is_dir():
        raise CommandFailed(f"{', '.join(missing) or PLUGINS} not found: Go and Debian's {PACKAGES} are needed")
    release = _version("k8s.io/kubernetes")
    major, minor = re.findall(r"\d+", release)[:2]
    told = {"gitVersion": release, "gitMajor": major, "gitMinor": minor}
    flags = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in told.items())
    _go("build", "-trimpath", "-ldflags", f"-s -w {flags}", "-o", f"{CACHE / 'bin'}/", "tool", "./dns", "./pause")


def keda() -> Path:
    """Return the folder with KEDA's own manifests, of the release that is built."""
    return Path(_go("list", "-m", "-f", "{{.Dir}}", KEDA).strip()) / "config"


def _version(module: str) -> str:
    return _go("list", "-m", "-f", "{{.Version}}", module).strip()


def _go(*arguments: str) -> str:
    return run("go", *arguments, folder=MODULE, environment={"CGO_ENABLED": "0"})
