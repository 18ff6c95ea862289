"""docker-compose.yml and .env.example say what the code reads and runs, and let nobody do more than needed."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from imagesearch.contract import Queue
from support.waiting import TIMEOUT
from tools.env_example import EXAMPLE, example
from tools.settings_page import GROUPS

REPOSITORY = Path(__file__).parents[3]
COMPOSE = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {
    "api": "api",
    "extractor": "extractor",
    "extractor-query": "extractor",
    "indexer": "indexer",
    "scheduler": "scheduler",
    "migrate": "migrate",
}
"""Each service that runs code of this project, and the process as docs/settings.md calls it."""
OF_THE_IMAGE = {"HEARTBEAT_FILE"}
OF_GUNICORN = {"WEB_CONCURRENCY"}
OPS = ("prometheus", "grafana", "flower")


def read_by(process: str) -> set[str]:
    """Return the settings that a process reads."""
    groups = [group for group, readers in GROUPS if readers == "every process" or process in readers.split(", ")]
    return {name.upper() for group in groups for name in group.model_fields}


@pytest.mark.parametrize("service", OURS)
def test_a_service_gets_every_setting_that_it_reads_and_no_other(service: str) -> None:
    given = set(SERVICES[service]["environment"]) - OF_GUNICORN
    wanted = read_by(OURS[service]) - OF_THE_IMAGE
    if service == "migrate":
        wanted -= read_by("scheduler") - read_by("migrate")
        given |= {name for name in wanted if name.startswith(("REDIS", "VISIBILITY", "RESULT"))}
    assert given == wanted


def test_only_who_opens_a_database_has_its_password() -> None:
    for service, secrets in (
        ("extractor", 0),
        ("extractor-query", 0),
        ("scheduler", 0),
        ("weights", 0),
        ("api", 2),
    ):
        environment = SERVICES[service]["environment"]
        assert len({"DATABASE_URL", "MILVUS_TOKEN"} & environment.keys()) == secrets, service


def test_the_example_names_every_setting_with_its_default() -> None:
    assert EXAMPLE.read_text() == example(), "make docs writes it again"
    for group, _ in GROUPS:
        for name in group.model_fields:
            assert re.search(rf"^# ?{name.upper()}\b", EXAMPLE.read_text(), flags=re.MULTILINE), name


def test_the_example_names_every_variable_of_the_compose_files_with_the_same_default() -> None:
    text = "".join(path.read_text() for path in sorted(REPOSITORY.glob("docker-compose*.yml")))
    said = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", EXAMPLE.read_text(), flags=re.MULTILINE))
    used = re.findall(r"\$\{([A-Z_]+)(?::([-?])([^}]*))?\}", text)
    assert len(used) > 40
    for name, kind, default in used:
        assert name in said, name
        overridden = name in ("EXTRACTOR_MEMORY", "EXTRACTOR_QUERY_MEMORY", "COMPUTE_BATCH")
        if kind == "-" and not overridden:
            assert said[name] == default, name


@pytest.mark.parametrize("service", [*OURS, "weights"])
def test_a_service_of_ours_is_locked_down_and_has_a_limit(service: str) -> None:
    made = SERVICES[service]
    assert made["read_only"] is True
    assert made["cap_drop"] == ["ALL"]
    assert made["security_opt"] == ["no-new-privileges:true"]
    assert made["mem_limit"]
    assert made["cpus"]
    writable = [volume.split(":")[1] for volume in made.get("volumes", []) if not volume.endswith(":ro")]
    assert "/pictures" not in writable


def test_only_the_port_of_the_api_is_published_and_stores_have_no_way_out() -> None:
    assert [service for service, made in SERVICES.items() if "ports" in made] == ["api"]
    assert COMPOSE["networks"]["stores"] == {"internal": True}
    for service, made in SERVICES.items():
        reaches_out = service in ("api", "weights", "grafana", "flower")
        assert ("edge" in made["networks"]) == reaches_out, service


def test_every_service_has_a_health_check_of_its_own_or_of_its_image() -> None:
    for service, made in SERVICES.items():
        if service not in OURS and service not in ("weights", *OPS):
            assert made["healthcheck"]["test"], service
    for folder in ("api", "extractor-worker", "indexer-worker"):
        assert "HEALTHCHECK" in (REPOSITORY / "services" / folder / "Dockerfile").read_text()


def test_what_needs_a_store_waits_until_it_is_healthy_and_migrated() -> None:
    for service in ("api", "indexer", "scheduler"):
        conditions = {name: made["condition"] for name, made in SERVICES[service]["depends_on"].items()}
        assert conditions == {
            "migrate": "service_completed_successfully",
            "redis": "service_healthy",
            "milvus": "service_healthy",
        }


def test_the_commands_name_queues_that_there_are() -> None:
    assert SERVICES["extractor"]["command"][-1] == Queue.EXTRACT.value
    assert SERVICES["extractor-query"]["command"][-1] == Queue.QUERY.value


def test_profiles_hold_what_operators_alone_need() -> None:
    assert [service for service, made in SERVICES.items() if made.get("profiles")] == list(OPS)


def test_every_password_is_drawn_and_nobody_else_can_read_them(tmp_path: Path) -> None:
    file = tmp_path / "env"
    command = ["sh", REPOSITORY / "deploy/compose/init.sh", tmp_path]
    environment = os.environ | {"ENV_FILE": str(file)}
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=TIMEOUT)
    said = dict(re.findall(r"^([A-Z_]+)=(.*)$", file.read_text(), flags=re.MULTILINE))
    assert said.pop("PICTURES") == str(tmp_path)
    assert len(said) == len(set(said.values())) == 6
    for name, value in said.items():
        assert name.endswith("_PASSWORD")
        assert re.fullmatch(r"[0-9a-f]{48}", value), name
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = subprocess.run(command, env=environment, check=False, capture_output=True, timeout=TIMEOUT)
    assert again.returncode == 73


def test_callers_need_a_key_wherever_the_system_is_deployed() -> None:
    assert SERVICES["api"]["environment"]["API_KEYS"] == "true"
    files = [*REPOSITORY.glob("docker-compose*.yml"), *(REPOSITORY / "deploy/k8s").rglob("*.yaml")]
    given = [line.strip() for path in files for line in path.read_text().splitlines() if "API_KEYS" in line]
    assert given == ['API_KEYS: "true"']
