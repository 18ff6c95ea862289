"""One cluster, as `kubectl` sees it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.kept_ports import kept_port
from support.waiting import ended, until
from tools.cluster.programs import KUBECTL

NAMESPACE = "imagesearch"
SLOW = 900.0
"""Seconds within which something has begun on two busy cores: a dozen processes start at once."""

Manifest = dict[str, Any]


class Kubernetes:
    """The cluster of a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        self._command = (KUBECTL, "--kubeconfig", str(kubeconfig))

    def run(self, *arguments: str, given: bytes | None = None, namespace: str = NAMESPACE) -> str:
        """Run a command of kubectl in a namespace, and return what it printed; fail the test when it fails."""
        done = self._run(*arguments, given=given, namespace=namespace)
        said = done.stderr.decode()[-4000:]
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}\n{done.stdout.decode()[-4000:]}\n{said}"
        return done.stdout.decode()

    def attempt(self, *arguments: str, namespace: str = NAMESPACE) -> str:
        """Return what a command printed, errors included."""
        done = self._run(*arguments, given=None, namespace=namespace)
        return (done.stdout + done.stderr).decode(errors="replace")

    def succeeds(self, *arguments: str, namespace: str = NAMESPACE) -> bool:
        return self._run(*arguments, given=None, namespace=namespace).returncode == 0

    def found(self, kind: str, *arguments: str, namespace: str = NAMESPACE) -> list[Manifest]:
        """Return the resources of a kind."""
        said = self.run("get", kind, "--output", "json", *arguments, namespace=namespace)
        items: list[Manifest] = json.loads(said)["items"]
        return items

    def pods(self, app: str) -> list[Manifest]:
        """Return the pods of an app that have begun and are not told to end."""
        return [
            pod
            for pod in self.found("pods", "--selector", f"app={app}")
            if "deletionTimestamp" not in pod["metadata"] and pod["status"]["phase"] == "Running"
        ]

    def replicas(self, deployment: str) -> tuple[int, int]:
        """Return how many pods a Deployment wants, and how many are ready."""
        said = json.loads(self.run("get", "deployment", deployment, "--output", "json"))
        return said["spec"]["replicas"], said["status"].get("readyReplicas", 0)

    def until_rolled_out(self, *resources: str, namespace: str = NAMESPACE) -> None:
        """Wait until the pods of Deployments and StatefulSets are those that are wanted, and ready."""
        for resource in resources:
            self.run("rollout", "status", resource, f"--timeout={SLOW:.0f}s", namespace=namespace)

    @contextmanager
    def forwarded(self, resource: str, port: int, namespace: str) -> Iterator[str]:
        """Let a port of this machine be one of a pod, and yield its address."""
        local = kept_port()
        command = (*self._command, "--namespace", namespace, "port-forward", resource, f"{local}:{port}")
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline().startswith("Forwarding from"), "the port is not forwarded"
                yield f"http://127.0.0.1:{local}"
            finally:
                process.terminate()
                ended(process)

    def _run(self, *arguments: str, given: bytes | None, namespace: str) -> subprocess.CompletedProcess[bytes]:
        command = (*self._command, "--namespace", namespace, *arguments)
        return subprocess.run(command, input=given, capture_output=True, check=False)


def until_gone(kubernetes: Kubernetes, kind: str, name: str) -> None:
    """Wait until a resource is no more."""
    until(lambda: not kubernetes.succeeds("get", kind, name), seconds=SLOW)
