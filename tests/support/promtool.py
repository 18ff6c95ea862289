"""Ask Prometheus' own promtool which of the project's alerts fire over given series."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[2]
RULES = REPOSITORY / "deploy/monitoring/rules.yml"
FIRING = 'max by (alertname) (ALERTS{alertstate="firing"%s})'

Series = Mapping[str, Sequence[float | None]]
"""Of each series, named like `up{job="imagesearch-api"}`, one value a minute; None where it was not there."""


def promtool(*arguments: str) -> str:
    """Run promtool, and return what it says when it fails; "" when it does not.

    Raises:
        FileNotFoundError: it is not installed.
    """
    program = shutil.which("promtool")
    if program is None:
        raise FileNotFoundError("promtool: install Debian's package prometheus")
    done = subprocess.run(
        [program, *arguments], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return "" if done.returncode == 0 else done.stdout


def disagreement(folder: Path, series: Series, firing: Mapping[int, Collection[str]], *, only: str = "") -> str:
    """Return what promtool finds instead of the alerts that are expected; "" where it finds those.

    Args:
        folder: where the question is written down.
        series: what Prometheus has seen.
        firing: by the minute, the names of all alerts that fire then.
        only: matchers of labels, such as `severity="critical"`: other alerts may fire or not.
    """
    query = FIRING % (only and f",{only}")
    checks = [
        {"expr": query, "eval_time": f"{minute}m", "exp_samples": [_sample(name) for name in sorted(names)]}
        for minute, names in firing.items()
    ]
    written = [{"series": name, "values": " ".join(map(_value, values))} for name, values in series.items()]
    test = {"interval": "1m", "input_series": written, "promql_expr_test": checks}
    asked = folder / "alerts.yml"
    asked.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]}))
    return promtool("test", "rules", str(asked))


def _sample(name: str) -> dict[str, object]:
    return {"labels": f'{{alertname="{name}"}}', "value": 1}


def _value(value: float | None) -> str:
    return "_" if value is None else f"{value:.17g}"
