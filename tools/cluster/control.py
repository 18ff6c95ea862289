"""Start a cluster and end it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tools.cluster import authority, cgroups, images, keda, programs
from tools.cluster.commands import CommandFailed, run
from tools.cluster.node import MADE, UPLINK, group
from tools.cluster.parts import write_settings
from tools.cluster.places import CACHE, HOST_ADDRESS, HOST_INTERFACE, KUBECONFIG, STATE, VOLUMES, Node
from tools.cluster.programs import KUBECTL

MAX_SECONDS = 300
VOLUME_COUNT = 10
OWNER = 10001
"""Who writes to volumes: every pod of the product runs as this user."""
_launched: list[subprocess.Popen[bytes]] = []
"""What this process started, which outlives it unless it takes the cluster down itself."""


def up(count: int) -> list[Node]:
    """Start a cluster of some nodes, with KEDA, and return the nodes once they are ready; raises CommandFailed."""
    if os.geteuid() != 0:
        raise CommandFailed("only root can make the namespaces of a node")
    if STATE.exists():
        raise CommandFailed(f"there is a cluster already ({STATE}): end it first, with `down`")
    programs.build()
    nodes = [Node(index) for index in range(count)]
    STATE.mkdir()
    try:
        _start(nodes)
    except BaseException:
        down(keep_logs=True)
        raise
    return nodes


def down(*, keep_logs: bool = False) -> None:
    """End the cluster, and remove what it kept but for its logs, if these are to be looked at."""
    for folder in STATE.glob("node-*"):
        node = Node(int(folder.name.removeprefix("node-")))
        pid = folder / "pid"
        if pid.exists():
            _end(int(pid.read_text()))
            pid.unlink()
        _until(f"the processes of {node.name} end", lambda node=node: not cgroups.processes(group(node)))  # type: ignore[misc]
        cgroups.remove(group(node))
        if keep_logs and (folder / "logs").exists():
            shutil.copytree(folder / "logs", CACHE / "logs" / node.name, dirs_exist_ok=True)
    while _launched:
        _launched.pop().wait()
    shutil.rmtree(STATE)
    for made in MADE:
        if not any(Path(made).iterdir()):
            Path(made).rmdir()


def kubectl(*arguments: str, given: str | None = None) -> str:
    """Run kubectl on the cluster; raises CommandFailed."""
    return run(KUBECTL, "--kubeconfig", str(KUBECONFIG), *arguments, given=given)


def _start(nodes: list[Node]) -> None:
    first = nodes[0]
    authority.make(first)
    for made in MADE:
        Path(made).mkdir(exist_ok=True)
    for node in nodes:
        node.folder.mkdir()
        write_settings(node, first)
        _launch(node)
        _link(node, first)
    _until("the API server is ready", lambda: kubectl("get", "--raw", "/readyz") == "ok")
    kubectl("apply", "--filename", "-", given=json.dumps(_volumes(nodes)))
    pause = CACHE / "pause.tar"
    images.of_program(pause, programs.program("pause"), "/pause", images.PAUSE)
    archives = [pause, *keda.archives()]
    for node in nodes:
        _until(f"{node.name} is ready", lambda node=node: _is_ready(node))  # type: ignore[misc]
    for archive in archives:
        images.load(nodes, archive)
    keda.apply(kubectl)
    _until(
        "KEDA serves metrics",
        lambda: "external.metrics" in kubectl("get", "--raw", "/apis/external.metrics.k8s.io/v1beta1"),
    )


def _launch(node: Node) -> None:
    command = (sys.executable, "-m", "tools.cluster.node", "enter", str(node.index))
    with (node.folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )
    _launched.append(process)
    (node.folder / "pid").write_text(str(process.pid))
    # Forked by unshare, within the namespaces.
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    _until(f"{node.name} starts", lambda: children.read_text().strip(), output=node.folder / "log")
    (node.folder / "inner").write_text(children.read_text().strip())


def _link(node: Node, first: Node) -> None:
    """Connect a node: the first one to the machine, so that tests reach it, and every other one to the first."""
    inner = (node.folder / "inner").read_text()
    peer = ("peer", "name", UPLINK, "netns", inner)
    if node.is_first:
        run("ip", "link", "add", HOST_INTERFACE, "type", "veth", *peer)
        run("ip", "address", "add", f"{HOST_ADDRESS}/24", "dev", HOST_INTERFACE)
        run("ip", "link", "set", HOST_INTERFACE, "up")
        return
    within = ("nsenter", "--net", "--target", (first.folder / "inner").read_text())
    run(*within, "ip", "link", "add", node.name, "type", "veth", *peer)
    run(*within, "ip", "address", "add", f"{node.gateway}/24", "dev", node.name)
    run(*within, "ip", "link", "set", node.name, "up")
    run(*within, "ip", "route", "add", node.pods, "via", node.address)


def _volumes(nodes: list[Node]) -> dict[str, Any]:
    """Make volumes in folders of the machine, which all nodes see, for claims without a class."""
    names = [node.name for node in nodes]
    terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": names}]}]
    volumes = []
    for index in range(VOLUME_COUNT):
        folder = VOLUMES / str(index)
        folder.mkdir(parents=True)
        os.chown(folder, OWNER, OWNER)
        volumes.append(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": f"folder-{index}"},
                "spec": {
                    "capacity": {"storage": "100Gi"},
                    "accessModes": ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"],
                    "persistentVolumeReclaimPolicy": "Retain",
                    "local": {"path": str(folder)},
                    "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
                },
            }
        )
    return {"apiVersion": "v1", "kind": "List", "items": volumes}


def _is_ready(node: Node) -> bool:
    path = "{.status.conditions[?(@.type=='Ready')].status}"
    return kubectl("get", "node", node.name, "--output", f"jsonpath={path}") == "True"


def _end(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _until(what: str, holds: Callable[[], object], output: Path | None = None) -> None:
    deadline = time.monotonic() + MAX_SECONDS
    last = ""
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except CommandFailed as failure:
            last = str(failure)
        time.sleep(0.5)
    said = output.read_text()[-2000:] if output else last
    raise CommandFailed(f"not within {MAX_SECONDS} s: {what}\n{said}")
