"""The dashboard, the alert rules and what is scraped name metrics, labels, jobs and places that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Histogram

from imagesearch import metrics
from imagesearch.failures import FailureCode
from imagesearch.metrics import Figure

REPOSITORY = Path(__file__).parents[3]
MONITORING = REPOSITORY / "deploy/monitoring"
COMPOSE = REPOSITORY / "deploy/compose"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((MONITORING / "rules.yml").read_text())["groups"] for rule in group["rules"]
]
DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text())
SCRAPED = yaml.safe_load((COMPOSE / "prometheus.yml").read_text())["scrape_configs"]
SERVICES = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]
OF_PROMETHEUS = {"up": {"job", "instance"}}
OF_HISTOGRAMS = ("_bucket", "_sum", "_count")
WORD = r"[a-zA-Z_]\w*"


def declared() -> dict[str, set[str]]:
    """Return the series that the product shows, and the labels of each."""
    found = dict(OF_PROMETHEUS)
    for metric in vars(metrics).values():
        if isinstance(metric, Figure):
            found[metric.name] = set(metric.labels)
        elif isinstance(metric, Counter):
            found[f"{metric._name}_total"] = set(metric._labelnames)
        elif isinstance(metric, Histogram):
            found |= {f"{metric._name}{ending}": {*metric._labelnames, "le"} for ending in OF_HISTOGRAMS}
    return found


def queries() -> Iterator[str]:
    yield from (rule["expr"] for rule in RULES)
    yield from (target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ()))


def series_in(query: str) -> set[str]:
    """Return the names of series in a query: words that are no function, label or part of a string."""
    bare = re.sub(r'"[^"]*"|\[[^]]*\]', "", query)
    bare = re.sub(r"\b(by|on|without|ignoring)\s*\([^)]*\)|\{[^}]*\}", "", bare)
    bare = re.sub(rf"\b{WORD}\s*\(", "(", bare)
    return set(re.findall(rf"\b{WORD}\b", bare)) - {"and", "or", "unless"}


def labels_in(query: str) -> set[str]:
    """Return the labels that a query asks for or groups by."""
    bare = re.sub(r'"[^"]*"', "", query)
    matched = {
        name for inside in re.findall(r"\{([^}]*)\}", bare) for name in re.findall(rf"({WORD})\s*[=!]", inside)
    }
    grouped = re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", bare)
    return matched | {name for inside in grouped for name in re.findall(WORD, inside)}


def test_series_and_labels_of_a_query_are_found() -> None:
    query = 'sum by (le, a) (rate(x_bucket{b=~"c|d",e!="f"}[5m])) / on (g) (y > 0) or vector(0)'
    assert series_in(query) == {"x_bucket", "y"}
    assert labels_in(query) == {"le", "a", "b", "e", "g"}


@pytest.mark.parametrize("query", sorted(set(queries())))
def test_a_query_asks_for_what_is_declared(query: str) -> None:
    shown = declared()
    assert series_in(query) <= shown.keys()
    assert labels_in(query) <= set().union(*(shown[name] for name in series_in(query)))


def test_every_metric_is_on_the_dashboard() -> None:
    asked = {name for query in queries() for name in series_in(query)}
    families = {re.sub("_(bucket|sum|count)$", "", name) for name in declared()}
    assert families - {re.sub("_(bucket|sum|count)$", "", name) for name in asked} == set()


def test_codes_in_queries_are_codes_of_failures() -> None:
    named = {code for query in queries() for code in re.findall(r'\bcode=~?"([^"]*)"', query)}
    assert named
    assert named <= {code.value for code in FailureCode}


def test_an_alert_has_a_weight_a_summary_and_a_place_in_the_documentation() -> None:
    headings = re.findall(r"^### (\w+)$", (REPOSITORY / "docs/operations.md").read_text(), flags=re.MULTILINE)
    assert [rule["alert"] for rule in RULES] == headings
    for rule in RULES:
        assert rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]
        assert rule["annotations"]["summary"], rule["alert"]
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"


def test_every_process_of_the_compose_file_is_scraped_where_it_shows_its_metrics() -> None:
    scraped = {config["job_name"]: config["dns_sd_configs"][0] for config in SCRAPED}
    shown = {
        f"imagesearch-{service}": made["environment"]["METRICS_PORT"]
        for service, made in SERVICES.items()
        if "METRICS_PORT" in made.get("environment", {}) and service != "migrate"
    }
    assert {name: str(config["port"]) for name, config in scraped.items()} == shown
    assert {name: config["names"] for name, config in scraped.items()} == {
        name: [name.removeprefix("imagesearch-")] for name in shown
    }


def test_what_is_mounted_is_there() -> None:
    for service in ("prometheus", "grafana"):
        for volume in SERVICES[service]["volumes"]:
            place, inside = volume.split(":")[:2]
            assert not place.startswith("./") or (REPOSITORY / place).exists(), place
            if inside.endswith(".json"):
                provider = yaml.safe_load((COMPOSE / "grafana/dashboards/imagesearch.yml").read_text())
                assert provider["providers"][0]["options"]["path"] == str(Path(inside).parent)


def test_no_two_panels_lie_on_one_another() -> None:
    taken = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24
