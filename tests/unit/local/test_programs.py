from __future__ import annotations

import configparser
from pathlib import Path

import pytest
from supervisor.options import ServerOptions, UnhosedConfigParser

from imagesearch_local.layout import Layout
from imagesearch_local.programs import GROUPS, Program, service_programs, store_programs, supervisor_conf


def parsed(text: str) -> UnhosedConfigParser:
    parser = UnhosedConfigParser()
    parser.read_string(text)
    return parser


def everything(tmp_path: Path) -> str:
    return supervisor_conf(Layout.at(tmp_path), [*store_programs(), *service_programs(5000)])


def test_work_stops_before_what_it_needs(tmp_path: Path) -> None:
    conf = parsed(everything(tmp_path))
    priorities = [int(conf[f"group:{name}"]["priority"]) for name in GROUPS]
    assert priorities == sorted(priorities)
    assert "postgres" in conf["group:stores"]["programs"].split(",")
    assert "indexer" in conf["group:workers"]["programs"].split(",")
    assert "api" in conf["group:edge"]["programs"].split(",")


def test_each_server_gets_the_signal_that_closes_it(tmp_path: Path) -> None:
    conf = parsed(everything(tmp_path))
    signals = {
        name: conf[f"program:{name}"]["stopsignal"] for name in ("milvus", "postgres", "valkey", "extractor")
    }
    assert signals == {"milvus": "TERM", "postgres": "INT", "valkey": "TERM", "extractor": "TERM"}


def test_the_api_listens_on_loopback_only(tmp_path: Path) -> None:
    conf = parsed(everything(tmp_path))
    assert "--bind 127.0.0.1:5000" in conf["program:api"]["command"]


def test_what_dies_is_started_again_and_what_is_done_is_not(tmp_path: Path) -> None:
    conf = parsed(everything(tmp_path))
    assert conf["program:indexer"]["autorestart"] == "true"
    assert conf["program:migrate"]["autorestart"] == "unexpected"


def test_each_further_network_has_workers_of_its_own(tmp_path: Path) -> None:
    programs = service_programs(5000, {"resnet50": "random:7"})
    conf = parsed(supervisor_conf(Layout.at(tmp_path), programs))
    for name, queue in (("extractor-resnet50", "extract"), ("extractor-query-resnet50", "query")):
        assert conf[f"program:{name}"]["command"].endswith(f"imagesearch_extractor --queue {queue}")
        # The digest of the first network's file is not theirs.
        given = 'NETWORK="resnet50",WEIGHTS="random:7",WEIGHTS_SHA256=""'
        assert conf[f"program:{name}"]["environment"] == given
    assert "environment" not in conf["program:extractor"]


def test_percent_signs_are_not_taken_for_placeholders(tmp_path: Path) -> None:
    text = supervisor_conf(Layout.at(tmp_path), [Program("odd", "edge", "echo 100%")])
    raw = configparser.RawConfigParser()
    raw.read_string(text)
    assert raw["program:odd"]["command"] == "echo 100%%"


def test_supervisord_accepts_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = Layout.at(tmp_path / "a place; with #odd 100% name")
    layout.create()
    layout.supervisor_conf.write_text(supervisor_conf(layout, [*store_programs(), *service_programs(5000)]))
    monkeypatch.chdir(layout.data_dir)
    options = ServerOptions()
    options.configfile = str(layout.supervisor_conf)
    with layout.supervisor_conf.open() as file:
        section = options.read_config(file)
    names = {process.name for group in section.process_group_configs for process in group.process_configs}
    assert {"valkey", "postgres", "milvus", "migrate", "extractor", "extractor-query", "scheduler", "api"} <= names
    layout.remove_distant_sockets()
