"""Write the schemas of resources that Kubernetes itself does not know, for the tests of deploy/k8s.

They are made of models that two packages generate from the definitions of those resources; importing these takes
longer than all the tests that need the schemas:

    uv run --no-project --with cloudcoil-models-keda==2.16.1.0 \
        --with cloudcoil-models-prometheus-operator==0.80.1.0 python tools/crd_schemas.py
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "tests" / "unit" / "deploy" / "schemas"
MODELS = {
    "cloudcoil.models.keda.v1alpha1": ("ScaledObject", "TriggerAuthentication"),
    "cloudcoil.models.prometheus_operator.v1": ("ServiceMonitor",),
}


def main() -> None:
    """Write one file for each kind."""
    for module, kinds in MODELS.items():
        for kind in kinds:
            schema = importlib.import_module(module).__dict__[kind].model_json_schema()
            (FOLDER / f"{kind}.json").write_text(json.dumps(_strict(schema), sort_keys=True) + "\n")


def _strict(schema: Any) -> Any:
    """Take away what is no rule, and allow no field that the schema does not name."""
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made: dict[str, Any] = {}
    for name, value in schema.items():
        if name in ("properties", "$defs"):
            made[name] = {key: _strict(part) for key, part in value.items()}
        elif name not in ("title", "description", "default"):
            made[name] = _strict(value)
    if "properties" in made:
        made.setdefault("additionalProperties", False)
    return made


if __name__ == "__main__":
    main()
