"""Every combination of deploy/k8s renders, fits the schemas, is locked down, and says what the code says."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from imagesearch.settings import SourceSettings
from imagesearch_api import gunicorn_conf
from imagesearch_api.models.responses.system import Work
from imagesearch_api.settings import ApiSettings
from imagesearch_indexer.settings import IndexerSettings
from tools.settings_page import GROUPS
from unit.deploy.manifests import (
    COMBINATIONS,
    COMPONENTS,
    K8S,
    REPOSITORY,
    SERVICES,
    Manifest,
    container,
    kustomized,
    manifests,
    of_kind,
    pods,
    rendered,
)

SCHEMAS = {path.stem: json.loads(path.read_text()) for path in (Path(__file__).parent / "schemas").iterdir()}
OLDEST_KUBERNETES = "1.30"
"""The oldest release that will do."""
SEEN: set[str] = set()
FULL = ("stores", "keda", "gpu", "monitoring")
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]


def validate(manifest: Manifest, kubernetes: str | None = None) -> None:
    """Assert that a manifest fits its schema, of a release of Kubernetes or of the newest that is known."""
    # Each process that collects tests would take five seconds for these.
    import jsonschema
    import kubernetes_validate

    if manifest["kind"] in SCHEMAS:
        jsonschema.validate(manifest, SCHEMAS[manifest["kind"]])
    else:
        kubernetes_validate.validate(manifest, kubernetes or kubernetes_validate.latest_version(), strict=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kustomization")


@pytest.fixture(scope="module")
def full(folder: Path) -> list[Manifest]:
    return manifests(rendered(folder, *FULL))


@pytest.mark.parametrize("components", COMBINATIONS, ids="-".join)
def test_a_combination_fits_the_schemas_and_lies_in_one_namespace(
    components: tuple[str, ...], folder: Path
) -> None:
    texts = rendered(folder, *components).split("\n---\n")
    assert len(texts) > 30
    # What another combination has likewise was looked at there.
    for manifest in manifests("\n---\n".join(text for text in texts if text not in SEEN)):
        validate(manifest)
        assert manifest["kind"] == "Namespace" or manifest["metadata"]["namespace"] == "imagesearch"
    SEEN.update(texts)


def test_the_oldest_supported_release_knows_every_field(folder: Path) -> None:
    for components in (("stores", "gpu"), ("external-stores", "hpa")):
        for manifest in manifests(rendered(folder, *components)):
            validate(manifest, OLDEST_KUBERNETES)


def test_the_trial_is_the_base_with_its_stores(folder: Path) -> None:
    trial, same = manifests(kustomized(K8S / "trial")), manifests(rendered(folder, "stores"))
    assert of_kind(trial, "StatefulSet") == of_kind(same, "StatefulSet")
    assert pods(trial) == pods(same)


def test_checkov_finds_nothing_and_each_check_that_is_left_out_has_its_reason(folder: Path) -> None:
    output = folder / "rendered"
    output.mkdir()
    for components in (FULL, ("external-stores", "hpa")):
        (output / f"{'-'.join(components)}.yaml").write_text(rendered(folder, *components))
    configuration = REPOSITORY / "deploy/checkov.yaml"
    done = subprocess.run(
        [
            *(REPOSITORY / ".venv/checks/bin/checkov", "--skip-download", "--quiet", "--compact"),
            *("--config-file", configuration, "--framework", "kubernetes", "dockerfile"),
            *("--directory", output, "--directory", REPOSITORY / "services"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    passed, failed = (
        [int(count) for count in re.findall(rf"{what} checks: (\d+)", done.stdout)]
        for what in ("Passed", "Failed")
    )
    assert max(passed) > 1_000, done.stderr
    assert sum(failed) == 0, done.stdout
    said = configuration.read_text() + "".join(
        path.read_text() for path in REPOSITORY.glob("services/*/Dockerfile")
    )
    for line in re.findall(r".*CKV_.*", said):
        assert re.search(r"CKV_\w+(  # |: ).{8,}", line), line
    assert "checkov.io/skip" not in "".join(path.read_text() for path in K8S.rglob("*.yaml"))


def test_each_pod_is_restricted_and_bounded(full: list[Manifest]) -> None:
    assert (
        of_kind(full, "Namespace")["imagesearch"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        == "restricted"
    )
    for name, pod in pods(full).items():
        assert pod["automountServiceAccountToken"] is False
        assert pod["serviceAccountName"] == name
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        (only,) = pod["containers"]
        assert only["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= only["resources"]["limits"].keys() & only["resources"]["requests"].keys()
        for mount in only["volumeMounts"]:
            assert mount["name"] != "pictures" or mount["readOnly"] is True


def test_each_service_has_its_account_service_budget_and_spread(full: list[Manifest]) -> None:
    for name in SERVICES:
        for kind in ("Deployment", "Service", "ServiceAccount", "PodDisruptionBudget"):
            assert name in of_kind(full, kind), f"{name} has no {kind}"
        deployment = of_kind(full, "Deployment")[name]
        assert of_kind(full, "PodDisruptionBudget")[name]["spec"]["selector"] == deployment["spec"]["selector"]
        spread = pods(full)[name]["topologySpreadConstraints"]
        assert {each["topologyKey"] for each in spread} == {
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        }
    assert of_kind(full, "Deployment")["scheduler"]["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize("name", [*SERVICES, "migrate", "weights"])
def test_a_pod_runs_what_compose_runs_with_the_secrets_that_it_needs(name: str, folder: Path) -> None:
    found = manifests(rendered(folder, "stores"))
    only, composed = container(found, name), COMPOSE[name]
    # The API's command is the image's own, in both.
    assert only.get("command") == composed.get("command")
    assert only["image"].split(":")[0] == re.sub(r"\$\{\w+:-([\w-]+):.*", r"\1", composed["image"])
    secret = {variable["name"] for variable in only.get("env", ()) if "valueFrom" in variable}
    needed = {"REDIS_URL", "DATABASE_URL", "MILVUS_TOKEN"} & composed["environment"].keys()
    assert secret == needed


def test_every_name_in_the_environment_is_a_setting_and_the_values_hold(
    full: list[Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {name.upper() for group, _ in GROUPS for name in group.model_fields}
    given = of_kind(full, "ConfigMap")["imagesearch"]["data"]
    assert given.keys() <= settings
    for name in (*SERVICES, "migrate", "weights"):
        assert {variable["name"] for variable in container(full, name).get("env", ())} <= settings
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    for group, _ in GROUPS:
        group()
    roots = SourceSettings()
    mounts = {mount["mountPath"] for mount in container(full, "api")["volumeMounts"]}
    assert {str(root) for root in (*roots.image_roots, roots.upload_root)} < mounts
    milvus = of_kind(full, "Service")["milvus"]["spec"]["ports"][0]["port"]
    assert given["MILVUS_URI"] == f"http://milvus:{milvus}"


def test_ports_and_probes_are_those_of_the_code(full: list[Manifest]) -> None:
    api = container(full, "api")
    dockerfile = (REPOSITORY / "services/api/Dockerfile").read_text()
    assert f"EXPOSE {api['ports'][0]['containerPort']}" in dockerfile
    routes = (REPOSITORY / "services/api/src/imagesearch_api/health.py").read_text()
    for probe, path in (
        ("startupProbe", "/healthz"),
        ("livenessProbe", "/healthz"),
        ("readinessProbe", "/readyz/stores"),
    ):
        assert api[probe]["httpGet"] == {"path": path, "port": "http"}
        assert f'@health.get("{path}")' in routes
    for name in set(SERVICES) - {"api"}:
        worker = container(full, name)
        port = {variable["name"]: variable.get("value") for variable in worker["env"]}["METRICS_PORT"]
        assert port == str(worker["ports"][0]["containerPort"])
        for probe in ("startupProbe", "livenessProbe"):
            assert worker[probe]["exec"]["command"] == ["python", "-m", "imagesearch.worker.alive"]
        assert "readinessProbe" not in worker
        assert "/tmp" in {mount["mountPath"] for mount in worker["volumeMounts"]}  # noqa: S108 - the heartbeat's


def test_a_pod_has_longer_to_end_than_what_it_has_in_hand(full: list[Manifest]) -> None:
    api = pods(full)["api"]
    pause = api["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert (
        api["terminationGracePeriodSeconds"] > pause + gunicorn_conf.graceful_timeout + ApiSettings().query_timeout
    )
    # A batch that takes longer than its lease would be sent again, so a batch is shorter than that.
    for name in ("extractor", "extractor-query", "indexer", "scheduler"):
        assert pods(full)[name]["terminationGracePeriodSeconds"] > IndexerSettings().lease_seconds
        composed = int(COMPOSE[name]["stop_grace_period"].removesuffix("s"))
        assert pods(full)[name]["terminationGracePeriodSeconds"] >= composed


def test_autoscalers_take_over_the_number_of_what_they_scale(folder: Path, full: list[Manifest]) -> None:
    for found, kind in (
        (full, "ScaledObject"),
        (manifests(rendered(folder, "stores", "hpa")), "HorizontalPodAutoscaler"),
    ):
        scaled = of_kind(found, kind)
        for name, scaler in scaled.items():
            assert scaler["spec"]["scaleTargetRef"]["name"] == name
            assert "replicas" not in of_kind(found, "Deployment")[name]["spec"]
        assert scaled.keys() == set(SERVICES) - {"scheduler"}
    scaled = of_kind(full, "ScaledObject")
    assert scaled["extractor"]["spec"]["minReplicaCount"] == 0
    asked = [
        trigger["metadata"]
        for one in scaled.values()
        for trigger in one["spec"]["triggers"]
        if trigger["type"] != "cpu"
    ]
    assert {metadata["valueLocation"] for metadata in asked} == Work.model_fields.keys()
    assert {metadata["url"] for metadata in asked} == {"http://api.imagesearch.svc/api/v2/work"}


def test_policies_let_only_those_talk_who_must(full: list[Manifest]) -> None:
    policies = of_kind(full, "NetworkPolicy")
    assert policies["nobody"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}

    def clients(store: str) -> set[str]:
        (rule,) = policies[store]["spec"]["ingress"]
        (selected,) = rule["from"][0]["podSelector"]["matchExpressions"]
        assert policies[f"to-{store}"]["spec"]["podSelector"]["matchExpressions"] == [selected]
        return set(selected["values"])

    for store, variable in (("redis", "REDIS_URL"), ("postgres", "DATABASE_URL"), ("milvus", "MILVUS_TOKEN")):
        needing = {
            name
            for name in (*SERVICES, "migrate", "weights")
            if variable in {each["name"] for each in container(full, name).get("env", ())}
        }
        assert clients(store) == needing
    assert clients("etcd") == clients("objects") == {"milvus"}
    assert "egress" not in policies["api"]["spec"]
    # Nobody but the job that fetches the weights reaches the internet.
    outward = [name for name, policy in policies.items() if "ipBlock" in str(policy["spec"].get("egress"))]
    assert outward == ["weights"]


def test_with_callbacks_the_indexers_alone_reach_the_internet_besides(folder: Path) -> None:
    made = manifests(rendered(folder, "stores", "callbacks"))
    for manifest in made:
        validate(manifest)
    policies = of_kind(made, "NetworkPolicy")
    outward = {name for name, policy in policies.items() if "ipBlock" in str(policy["spec"].get("egress"))}
    assert outward == {"weights", "callbacks"}
    assert policies["callbacks"]["spec"]["podSelector"] == {"matchLabels": {"app": "indexer"}}
    mounted = {mount["name"]: mount for mount in container(made, "indexer")["volumeMounts"]}["callback-secrets"]
    [folder_of_secrets] = [
        one["value"] for one in container(made, "indexer")["env"] if one["name"] == "CALLBACK_SECRETS_DIR"
    ]
    assert (mounted["mountPath"], mounted["readOnly"]) == (folder_of_secrets, True)


def test_with_an_object_store_nobody_has_a_volume_of_uploads_or_exports(folder: Path) -> None:
    made = manifests(rendered(folder, "external-stores", "gpu", "object-store"))
    for manifest in made:
        validate(manifest)
    inside = {"uploads", "exports"}
    assert not inside & set(of_kind(made, "PersistentVolumeClaim"))
    users = {"api", "extractor", "indexer"}
    for name, pod in pods(made).items():
        (only,) = pod["containers"]
        assert not inside & {volume["name"] for volume in pod.get("volumes", ())}
        assert not inside & {mount["name"] for mount in only.get("volumeMounts", ())}
        secrets = [source["secretRef"] for source in only.get("envFrom", ()) if "secretRef" in source]
        assert secrets == ([{"name": "upload-store", "optional": True}] if name in users else [])
    for setting in ("UPLOADS_URL", "EXPORTS_URL"):
        assert of_kind(made, "ConfigMap")["imagesearch"]["data"][setting].startswith("s3://")
    policy = of_kind(made, "NetworkPolicy")["to-object-store"]["spec"]
    assert set(policy["podSelector"]["matchExpressions"][0]["values"]) == users


def test_every_secret_that_the_trial_refers_to_is_made_by_the_script(full: list[Manifest]) -> None:
    script = subprocess.run(["sh", K8S / "passwords.sh"], capture_output=True, text=True, check=True).stdout
    made = {one["metadata"]["name"]: one["stringData"] for one in manifests(script)}
    referred = {
        (variable["valueFrom"]["secretKeyRef"]["name"], variable["valueFrom"]["secretKeyRef"]["key"])
        for pod in pods(full).values()
        for variable in pod["containers"][0].get("env", ())
        if "valueFrom" in variable
    }
    assert referred == {(name, key) for name, values in made.items() for key in values}
    passwords = made["imagesearch-stores"].values()
    assert len(set(passwords)) == 4
    assert all(re.fullmatch("[0-9a-f]{48}", password) for password in passwords)


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_says_in_five_lines_what_it_is_for(name: str) -> None:
    lines = (K8S / "components" / name / "README.md").read_text().splitlines()
    assert lines[:2] == [f"# {name}", ""]
    assert 4 <= len(lines) - 2 <= 5
