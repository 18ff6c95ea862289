"""Where a cluster keeps its files, and the addresses that its parts have."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "imagesearch-cluster"
"""Programs that were built, which outlive a cluster."""
STATE = Path("/var/lib/imagesearch-cluster")
"""Everything that a cluster keeps, which ends with it."""

POD_NETWORK = "10.244.0.0/16"
SERVICE_NETWORK = "10.96.0.0/16"
FIRST_SERVICE = "10.96.0.1"
API_PORT = 6443
HOST_ADDRESS = "10.77.0.1"
"""The machine's own end of its link to the first node: all that a cluster adds to the machine's network."""
HOST_INTERFACE = "imagesearch-k8s"


@dataclass(frozen=True)
class Node:
    """One node: namespaces of its own for processes, mounts and networks. The first has the control plane too."""

    index: int

    @property
    def name(self) -> str:
        """Return its name in the cluster."""
        return f"node-{self.index}"

    @property
    def is_first(self) -> bool:
        """Return whether the control plane is here."""
        return self.index == 0

    @property
    def address(self) -> str:
        """Return where the others reach it."""
        return f"10.77.{self.index}.2"

    @property
    def gateway(self) -> str:
        """Return the other end of its link: the machine's for the first node, the first node's for all others."""
        return f"10.77.{self.index}.1"

    @property
    def pods(self) -> str:
        """Return the network of its pods."""
        return f"10.244.{self.index}.0/24"

    @property
    def folder(self) -> Path:
        """Return where it keeps its files."""
        return STATE / self.name

    @property
    def containerd(self) -> Path:
        """Return the socket of its containerd."""
        return self.folder / "containerd.sock"


KUBECONFIG = STATE / "kubeconfig"
CERTIFICATES = STATE / "certificates"
VOLUMES = STATE / "volumes"
