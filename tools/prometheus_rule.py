"""Write the alert rules once more as a resource of Kubernetes: `make docs`."""

from __future__ import annotations

from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[1]
RULES = REPOSITORY / "deploy/monitoring/rules.yml"
RESOURCE = REPOSITORY / "deploy/k8s/components/monitoring/rules.yaml"
HEAD = """\
# deploy/monitoring/rules.yml as Prometheus' operator reads it, written by `make docs`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: imagesearch}
spec:
"""


def resource() -> str:
    """Return the whole file."""
    rules = yaml.safe_load(RULES.read_text())
    text = yaml.safe_dump(rules, sort_keys=False, width=110, allow_unicode=True)
    return HEAD + "".join(f"  {line}" for line in text.splitlines(keepends=True))


if __name__ == "__main__":
    RESOURCE.write_text(resource())
