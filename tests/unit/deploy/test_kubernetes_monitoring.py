"""On Kubernetes the same alerts watch what Prometheus' operator is told to scrape."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from unit.deploy.manifests import REPOSITORY, SERVICES, manifests, of_kind, rendered


def test_the_alerts_are_those_of_the_rules_file_and_ask_for_jobs_that_are_scraped(tmp_path: Path) -> None:
    found = manifests(rendered(tmp_path, "stores", "monitoring"))
    rules = yaml.safe_load((REPOSITORY / "deploy/monitoring/rules.yml").read_text())
    assert of_kind(found, "PrometheusRule")["imagesearch"]["spec"] == rules, "make docs writes it again"
    scraped = set()
    for monitor in of_kind(found, "ServiceMonitor").values():
        selected = monitor["spec"]["selector"]
        names = selected.get("matchExpressions", [{"values": [selected.get("matchLabels", {}).get("app")]}])[0][
            "values"
        ]
        for endpoint in monitor["spec"]["endpoints"]:
            [job] = [each for each in endpoint["relabelings"] if each["targetLabel"] == "job"]
            assert job["sourceLabels"] == ["__meta_kubernetes_service_name"]
            scraped |= {job["replacement"].replace("$1", name) for name in names}
    assert scraped == {f"imagesearch-{name}" for name in SERVICES}
    for name in names_of_jobs(str(rules)):
        assert any(re.fullmatch(name, job) for job in scraped), name


def names_of_jobs(text: str) -> list[str]:
    """Return the jobs that rules ask for, as patterns."""
    found = re.findall(r'job=~?"([^"]+)"', text)
    assert found
    return found
