"""Run a node: `python -m tools.cluster.node INDEX` as root, in namespaces of its own, until it is told to end.

What it changes - mounts, addresses, rules of the packet filter, cgroups - is gone with its last process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tools.cluster import cgroups
from tools.cluster.commands import CommandFailed, run
from tools.cluster.parts import Command, commands
from tools.cluster.places import Node

NAMESPACES = ("--mount", "--net", "--pid", "--ipc", "--uts", "--cgroup")
MEMORY_BYTES = 12 << 30
MADE = ("/var/lib/cni", "/var/lib/kubelet")
PRIVATE = ("/run", "/var/log", *MADE)
"""Folders at places that programs do not let one choose; a machine without containers lacks the last ones."""
EXPECTED = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
"""What a kubelet sets for the whole machine where it finds other values; it finds these, and sets nothing."""
UPLINK = "eth0"


def group(node: Node) -> str:
    """Return the name of the cgroup of a node."""
    return f"imagesearch-{node.name}"


def enter(node: Node) -> None:
    """Become the first process of a node."""
    cgroups.join(group(node), MEMORY_BYTES)
    again = (sys.executable, "-m", "tools.cluster.node", "inside", str(node.index))
    options = ("--fork", "--kill-child", "--mount-proc", "--propagation", "private")
    os.execvp("unshare", ("unshare", *NAMESPACES, *options, *again))  # noqa: S606 - becomes the node


def inside(node: Node) -> None:
    """Prepare the namespaces that this process is the first of, and keep every part running."""
    run("mount", "--make-rshared", "/")
    cgroups.mount_own()
    for folder in PRIVATE:
        run("mount", "-t", "tmpfs", "tmpfs", folder)
    expected = node.folder / "expected"
    expected.mkdir()
    for name, value in EXPECTED.items():
        file = expected / name.replace("/", "-")
        file.write_text(value)
        run("mount", "--bind", str(file), f"/proc/sys/{name}")
    run("hostname", node.name)
    _connect(node)
    _keep_running(node, commands(node))


def _connect(node: Node) -> None:
    """Give this end of the link, which comes from outside, its address; what leads nowhere ends here."""
    run("ip", "link", "set", "lo", "up")
    while not Path(f"/sys/class/net/{UPLINK}").exists():
        time.sleep(0.05)
    run("ip", "address", "add", f"{node.address}/24", "dev", UPLINK)
    run("ip", "link", "set", UPLINK, "up")
    if node.is_first:
        run("ip", "link", "add", "nowhere", "type", "bridge")
        run("ip", "link", "set", "nowhere", "up")
        run("ip", "route", "add", "default", "dev", "nowhere")
    else:
        run("ip", "route", "add", "default", "via", node.gateway)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def _keep_running(node: Node, parts: dict[str, Command]) -> None:
    """Start what ends again, and take note of every orphan's end, as a first process has to."""
    logs = node.folder / "logs"
    logs.mkdir()
    running: dict[str, subprocess.Popen[bytes]] = {}
    while True:
        for name in parts.keys() - running.keys():
            with (logs / name).open("ab") as log:
                running[name] = subprocess.Popen(parts[name], stdout=log, stderr=log)
        ended, status = os.wait()
        for name in [name for name, process in running.items() if process.pid == ended]:
            del running[name]
            with (logs / name).open("a") as log:
                log.write(f"ended with {os.waitstatus_to_exitcode(status)}; starting again\n")
            # A part that cannot run yet is not asked at once.
            time.sleep(1)


if __name__ == "__main__":
    where, index = sys.argv[1:]
    try:
        {"enter": enter, "inside": inside}[where](Node(int(index)))
    except CommandFailed as failure:
        sys.exit(str(failure))
