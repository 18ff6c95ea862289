"""Describe every process of the stack, and write that down for supervisord."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from imagesearch_local.layout import Layout
from imagesearch_local.ports import LOOPBACK

PYTHON = "python -P -m"
"""The environment's own Python comes first on PATH; -P keeps the data directory off the import path."""
WORKER_STOP_SECONDS = 35
"""Workers finish or hand back their batch within 30 s."""


@dataclass(frozen=True)
class Program:
    """Describe one process.

    Attributes:
        name: what its lines of output start with.
        group: programs of one group stop together; groups stop in the reverse order of `GROUPS`.
        command: split like a shell does; no shell is involved.
        stop_signal: what makes it end in good order.
        stop_seconds: time for that before it is killed.
        once: it ends by itself, and is started again only if it fails.
        environment: on top of the stack's.
    """

    name: str
    group: str
    command: str
    stop_signal: str = "TERM"
    stop_seconds: int = WORKER_STOP_SECONDS
    once: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


GROUPS = ("stores", "schema", "workers", "edge")
"""In the order in which they start; they stop the other way, so that work ends before what it needs."""


def store_programs(*, with_milvus: bool = True) -> list[Program]:
    """Return the backing stores; Milvus may be a server that runs elsewhere."""
    serve = f"{PYTHON} imagesearch_local serve"
    stores = [
        Program("valkey", "stores", f"{serve}-valkey"),
        # SIGTERM would wait for every client to leave.
        Program("postgres", "stores", f"{serve}-postgres", stop_signal="INT"),
    ]
    return [*stores, Program("milvus", "stores", f"{serve}-milvus")] if with_milvus else stores


def service_programs(port: int, networks: Mapping[str, str] = MappingProxyType({})) -> list[Program]:
    """Return the services; each waits for its stores by itself.

    Args:
        port: where the API listens.
        networks: those that run beside the first, with the weights of each.
    """
    gunicorn = (
        f"{PYTHON} gunicorn --bind {LOOPBACK}:{port} --config python:imagesearch_api.gunicorn_conf "
        "imagesearch_api.app:create_app()"
    )
    extractor = f"{PYTHON} imagesearch_extractor --queue"
    indexer = f"{PYTHON} imagesearch_indexer"
    return [
        Program("migrate", "schema", f"{PYTHON} imagesearch.catalog.migrate", once=True),
        Program("extractor", "workers", f"{extractor} extract"),
        Program("extractor-query", "workers", f"{extractor} query"),
        *(
            Program(
                f"{name}-{network}",
                "workers",
                f"{extractor} {queue}",
                environment={"NETWORK": network, "WEIGHTS": weights, "WEIGHTS_SHA256": ""},
            )
            for network, weights in networks.items()
            for name, queue in (("extractor", "extract"), ("extractor-query", "query"))
        ),
        # Planning a large job yields the CPU to whoever asks for something.
        Program("indexer", "workers", f"nice -n 5 {indexer} worker"),
        Program("scheduler", "workers", f"{indexer} scheduler"),
        Program("api", "edge", gunicorn),
        Program("ready", "edge", f"{PYTHON} imagesearch_local await-ready", once=True),
    ]


def supervisor_conf(layout: Layout, programs: Sequence[Program]) -> str:
    """Return supervisord's configuration; relative paths in it start at the data directory."""
    sections = [
        _section(
            "supervisord",
            nodaemon="true",
            silent="true",
            logfile="log/supervisord.log",
            logfile_maxbytes="5MB",
            logfile_backups="2",
            pidfile="run/supervisord.pid",
            childlogdir="log",
        ),
        _section("unix_http_server", file=str(layout.supervisor_socket), chmod="0700"),
        _section(
            "rpcinterface:supervisor",
            **{"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
        *(_program(program) for program in programs),
        *(_group(name, programs) for name in GROUPS if any(each.group == name for each in programs)),
    ]
    return "\n".join(sections)


def _program(program: Program) -> str:
    environment = ",".join(f'{name}="{value}"' for name, value in program.environment.items())
    return _section(
        f"program:{program.name}",
        command=program.command,
        environment=environment,
        autorestart="unexpected" if program.once else "true",
        exitcodes="0",
        startsecs="0" if program.once else "1",
        # Waits between attempts grow by a second each: this gives up after about two minutes of failing.
        startretries="15",
        stopsignal=program.stop_signal,
        stopwaitsecs=str(program.stop_seconds),
        # What a process leaves behind when it has to be killed is killed with it.
        killasgroup="true",
        redirect_stderr="true",
        stdout_events_enabled="true",
        stdout_logfile=f"log/{program.name}.log",
        stdout_logfile_maxbytes="10MB",
        stdout_logfile_backups="2",
    )


def _group(name: str, programs: Sequence[Program]) -> str:
    members = ",".join(program.name for program in programs if program.group == name)
    return _section(f"group:{name}", programs=members, priority=str(10 * (GROUPS.index(name) + 1)))


def _section(title: str, **settings: str) -> str:
    lines = (f"{name}={value.replace('%', '%%')}" for name, value in settings.items() if value)
    return "\n".join([f"[{title}]", *lines, ""])
