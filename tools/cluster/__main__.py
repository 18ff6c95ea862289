"""`python -m tools.cluster up | load ARCHIVE ... | down`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.cluster import control, images, programs
from tools.cluster.commands import CommandFailed
from tools.cluster.places import KUBECONFIG, STATE, Node


def main() -> int:
    """Do what the command line says, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.cluster", description="A Kubernetes cluster for tests.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("build", help="build the programs, which `up` does where they are missing")
    verbs.add_parser("up", help="start a cluster").add_argument(
        "--nodes", type=int, default=1, choices=range(1, 5)
    )
    verbs.add_parser("load", help="bring images to every node").add_argument("archives", nargs="+", type=Path)
    verbs.add_parser("down", help="end the cluster, and remove what it kept")
    given = parser.parse_args()
    try:
        if given.verb == "build":
            programs.build()
        elif given.verb == "up":
            control.up(given.nodes)
            sys.stdout.write(f"export KUBECONFIG={KUBECONFIG}\n")
        elif given.verb == "load":
            nodes = [Node(int(folder.name.removeprefix("node-"))) for folder in STATE.glob("node-*")]
            for archive in given.archives:
                images.load(nodes, archive)
        else:
            control.down()
    except CommandFailed as failure:
        sys.stderr.write(f"cluster: {failure}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
