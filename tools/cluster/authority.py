"""Make the certificates by which the parts of a cluster know each other."""

from __future__ import annotations

import base64
import json

from tools.cluster.commands import run
from tools.cluster.places import API_PORT, CERTIFICATES, FIRST_SERVICE, KUBECONFIG, Node

DAYS = "30"


def make(first: Node) -> None:
    """Write an authority, what it signed, and the kubeconfig of the administrator, as whom all parts act."""
    CERTIFICATES.mkdir()
    _certificate("authority", "/CN=imagesearch-cluster")
    names = "DNS:kubernetes.default.svc,DNS:localhost,IP:127.0.0.1"
    _signed("server", "/CN=kube-apiserver", f"subjectAltName={names},IP:{first.address},IP:{FIRST_SERVICE}")
    _signed("admin", "/O=system:masters/CN=admin")
    _signed("front-proxy", "/CN=front-proxy")
    _key("accounts")
    public = run("openssl", "pkey", "-in", str(CERTIFICATES / "accounts.key"), "-pubout")
    (CERTIFICATES / "accounts.pub").write_text(public)
    KUBECONFIG.write_text(json.dumps(_kubeconfig(first)))
    KUBECONFIG.chmod(0o600)


def _kubeconfig(first: Node) -> dict[str, object]:
    server = {
        "server": f"https://{first.address}:{API_PORT}",
        "certificate-authority-data": _data("authority.crt"),
    }
    user = {"client-certificate-data": _data("admin.crt"), "client-key-data": _data("admin.key")}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "imagesearch", "cluster": server}],
        "users": [{"name": "admin", "user": user}],
        "contexts": [{"name": "imagesearch", "context": {"cluster": "imagesearch", "user": "admin"}}],
        "current-context": "imagesearch",
    }


def _data(name: str) -> str:
    return base64.b64encode((CERTIFICATES / name).read_bytes()).decode()


def _key(name: str) -> None:
    run("openssl", "genpkey", "-algorithm", "RSA", "-out", str(CERTIFICATES / f"{name}.key"))


def _certificate(name: str, subject: str, *options: str) -> None:
    _key(name)
    run(
        *("openssl", "req", "-x509", "-days", DAYS, "-subj", subject, *options),
        *("-key", str(CERTIFICATES / f"{name}.key"), "-out", str(CERTIFICATES / f"{name}.crt")),
    )


def _signed(name: str, subject: str, *extensions: str) -> None:
    authority = ("-CA", str(CERTIFICATES / "authority.crt"), "-CAkey", str(CERTIFICATES / "authority.key"))
    added = [word for extension in extensions for word in ("-addext", extension)]
    _certificate(name, subject, *authority, *added)
