"""What runs on a node: the command of each part, and the files of settings that it reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tools.cluster.images import PAUSE
from tools.cluster.places import (
    API_PORT,
    CERTIFICATES,
    KUBECONFIG,
    POD_NETWORK,
    SERVICE_NETWORK,
    Node,
)
from tools.cluster.programs import ETCD, PLUGINS, program

Command = list[str]

CONTAINERD = """version = 2
root = "{folder}/containerd"
state = "/run/containerd"
[grpc]
address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "docker.io/{pause}"
# Where root may not protect a process from the kernel, pods run all the same.
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "{folder}/network"
"""
NAMES = """.:53 {{
  errors
  cache 5
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {kubeconfig}
  }}
}}
"""


def write_settings(node: Node, first: Node) -> None:
    """Write what the parts of a node read."""
    (node.folder / "network").mkdir()
    (node.folder / "network/pods.conflist").write_text(json.dumps(_network(node)))
    (node.folder / "containerd.toml").write_text(
        CONTAINERD.format(folder=node.folder, socket=node.containerd, plugins=PLUGINS, pause=PAUSE)
    )
    (node.folder / "kubelet.json").write_text(json.dumps(_kubelet(node, first)))
    # Nothing outside is known by name.
    (node.folder / "resolv.conf").write_text("")
    if node.is_first:
        (node.folder / "names").write_text(NAMES.format(kubeconfig=KUBECONFIG))


def commands(node: Node) -> dict[str, Command]:
    """Return the commands of everything that runs on a node, by their names."""
    kubelet = ["--config", f"{node.folder}/kubelet.json", "--root-dir", f"{node.folder}/kubelet", *_client()]
    proxy = [
        *("--proxy-mode=iptables", f"--cluster-cidr={POD_NETWORK}", *_client()),
        # The machine's to say.
        *("--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0s"),
        *("--conntrack-tcp-timeout-close-wait=0s", "--iptables-localhost-nodeports=false"),
    ]
    own = [f"--hostname-override={node.name}"]
    found = {
        "containerd": ["containerd", "--config", f"{node.folder}/containerd.toml"],
        "kubelet": [program("kubelet"), *kubelet, *own, f"--node-ip={node.address}"],
        "kube-proxy": [program("kube-proxy"), *proxy, *own],
        # What pods may reach; where they are, and what Services are, is the others'.
        "policies": [
            *(program("kube-router"), *_client(), *own, f"--service-cluster-ip-range={SERVICE_NETWORK}"),
            *("--run-firewall=true", "--run-router=false", "--run-service-proxy=false", "--enable-cni=false"),
            *("--health-port=0", "--metrics-port=0"),
        ],
    }
    return found | _control_plane(node) if node.is_first else found


def _client() -> list[str]:
    return [f"--kubeconfig={KUBECONFIG}"]


def _control_plane(node: Node) -> dict[str, Command]:
    at, peers = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
    etcd = [
        *(program(ETCD), "--data-dir", f"{node.folder}/etcd", "--listen-peer-urls", peers),
        *("--listen-client-urls", at, "--advertise-client-urls", at, "--unsafe-no-fsync", "--log-level", "warn"),
    ]
    apiserver = [
        *(program("kube-apiserver"), f"--etcd-servers={at}", f"--secure-port={API_PORT}"),
        *(
            "--bind-address=0.0.0.0",
            f"--advertise-address={node.address}",
            f"--client-ca-file={_file('authority.crt')}",
        ),
        *(f"--tls-cert-file={_file('server.crt')}", f"--tls-private-key-file={_file('server.key')}"),
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={_file('accounts.pub')}",
        f"--service-account-signing-key-file={_file('accounts.key')}",
        *(f"--service-cluster-ip-range={SERVICE_NETWORK}", "--authorization-mode=RBAC", "--allow-privileged"),
        # How it speaks for a caller to KEDA's server of metrics.
        f"--requestheader-client-ca-file={_file('authority.crt')}",
        *("--requestheader-allowed-names=front-proxy", "--requestheader-username-headers=X-Remote-User"),
        *("--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-"),
        f"--proxy-client-cert-file={_file('front-proxy.crt')}",
        f"--proxy-client-key-file={_file('front-proxy.key')}",
        *("--enable-aggregator-routing=true", "--kubelet-preferred-address-types=InternalIP"),
    ]
    controllers = [
        *(program("kube-controller-manager"), *_client(), "--leader-elect=false"),
        f"--service-account-private-key-file={_file('accounts.key')}",
        f"--root-ca-file={_file('authority.crt')}",
    ]
    return {
        "etcd": etcd,
        "apiserver": apiserver,
        "controllers": controllers,
        "scheduler": [program("kube-scheduler"), *_client(), "--leader-elect=false"],
        "names": [program("dns"), "-conf", f"{node.folder}/names"],
    }


def _file(name: str) -> Path:
    return CERTIFICATES / name


def _network(node: Node) -> dict[str, Any]:
    pods = {"type": "host-local", "ranges": [[{"subnet": node.pods}]], "routes": [{"dst": "0.0.0.0/0"}]}
    return {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [{"type": "ptp", "ipam": pods}, {"type": "portmap", "capabilities": {"portMappings": True}}],
    }


def _kubelet(node: Node, first: Node) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "containerRuntimeEndpoint": f"unix://{node.containerd}",
        "clusterDNS": [first.address],
        "clusterDomain": "cluster.local",
        "resolvConf": f"{node.folder}/resolv.conf",
        # Whoever reaches a node is the test.
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        # The machine's disk and memory are others' as well: what they take evicts nothing here.
        "evictionHard": {"memory.available": "64Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "enforceNodeAllocatable": [],
    }
