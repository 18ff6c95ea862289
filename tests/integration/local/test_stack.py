"""The embedded stack, with its stores alone: it starts anywhere, ends everything, and survives being killed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from imagesearch_local.control import Control
from imagesearch_local.errors import StackFailed
from imagesearch_local.layout import MARKER, Layout
from imagesearch_local.readiness import reason_unready
from imagesearch_local.record import Record
from support.drawing import photo_like
from support.kept_ports import kept_port
from support.waiting import TIMEOUT, ended, until

pytestmark = pytest.mark.integration

STORES = {"valkey", "postgres", "milvus"}
ENVIRONMENT = os.environ | {"BULK_NICENESS": "0", "COMPUTE_BATCH": "1"}
"""Nothing steps back for what else the machine does, and networks of small batches are ready sooner."""


class Stack:
    """One `up --stores-only` in a directory of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.layout = Layout.at(data_dir)
        data_dir.parent.mkdir(parents=True, exist_ok=True)
        self.output = data_dir.with_name(f"{data_dir.name}.output")
        self.process: subprocess.Popen[bytes] | None = None
        self.settings: dict[str, str] = {}

    def start(self) -> None:
        self.settings = {}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                command("up", self.layout.data_dir, "--stores-only"), stdout=output, stderr=subprocess.STDOUT
            )
        until(self.works)

    def works(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.text()
        try:
            running = {each.name for each in Control(self.layout).processes() if each.state == "RUNNING"}
            return running == STORES and self.valkey().ping() and self.sql("SELECT 1") == 1
        except (StackFailed, psycopg2.OperationalError, redis.exceptions.ConnectionError):
            return False

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return ended(self.process)

    def valkey(self) -> redis.Redis:
        return redis.Redis.from_url(self.setting("REDIS_URL"))

    def sql(self, statement: str) -> object:
        connection = psycopg2.connect(self.setting("DATABASE_URL").replace("+psycopg2", ""))
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchone()[0] if cursor.description else None
        finally:
            connection.close()

    def setting(self, name: str) -> str:
        """Return what a shell makes of the written environment; it is the same as long as the stack runs."""
        if name not in self.settings:
            source = ["sh", "-c", '. "$0"; printf %s "$(eval echo \\$$1)"', str(self.layout.environment), name]
            done = subprocess.run(source, capture_output=True, text=True, check=True)
            self.settings[name] = done.stdout
        return self.settings[name]

    def processes(self) -> set[int]:
        """Return every process of the stack, also of one whose supervisor is gone."""
        found = set()
        for process in psutil.process_iter():
            try:
                marked = process.environ().get(MARKER) == str(self.layout.data_dir)
                if marked or Path(process.cwd()).is_relative_to(self.layout.data_dir):
                    found.add(process.pid)
            except (psutil.Error, OSError):
                continue
        return found

    def text(self) -> str:
        """Return what it has said since its last start."""
        return self.output.read_text()


def command(verb: str, data_dir: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "imagesearch_local", verb, "--data-dir", str(data_dir), *more]


def run(verb: str, data_dir: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(verb, data_dir, *more),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        env=ENVIRONMENT,
    )


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make a directory that only its owner can enter: the worst that is usual."""
    parent = Path(tempfile.mkdtemp(prefix="imagesearch-test-"))
    yield parent
    shutil.rmtree(parent)


@pytest.fixture
def folder() -> Iterator[Path]:
    with private_folder() as made:
        yield made


@pytest.fixture(scope="module")
def restarted() -> Iterator[Stack]:
    """The stack that tests start and end as they like: making its cluster takes longer than most of them do."""
    with private_folder() as parent:
        yield from running(parent / "data")


@pytest.fixture
def stack(restarted: Stack) -> Stack:
    """The stack, running whatever has been done to it before."""
    assert restarted.process is not None
    if restarted.process.poll() is not None:
        assert restarted.processes() == set()
        restarted.start()
    assert restarted.works()
    return restarted


def running(data_dir: Path) -> Iterator[Stack]:
    made = Stack(data_dir)
    made.start()
    yield made
    run("down", data_dir)
    assert made.process is not None
    ended(made.process)
    assert made.processes() == set()


def test_stores_start_in_a_directory_that_nobody_else_may_enter_and_all_end_on_sigterm(stack: Stack) -> None:
    assert oct(stack.layout.data_dir.parent.stat().st_mode)[-3:] == "700"
    assert stack.sql("SHOW server_version_num").startswith("18")  # type: ignore[attr-defined]
    assert stack.stop() == 0
    assert stack.processes() == set()
    assert "postgres        | " in stack.text()
    for line in stack.text().splitlines()[1:]:
        assert line[:18].rstrip(" |") in {*STORES, "stack"}, line


def test_secrets_and_data_are_nobody_elses_to_read(stack: Stack) -> None:
    assert stack.layout.data_dir.stat().st_mode & 0o077 == 0
    for path in (stack.layout.environment, stack.layout.redis_password, stack.layout.valkey / "valkey.conf"):
        assert path.stat().st_mode & 0o077 == 0, path
    with pytest.raises(redis.exceptions.AuthenticationError):
        redis.Redis(port=Record.read(stack.layout).ports["valkey"]).ping()


def test_everything_written_is_there_after_a_restart_on_the_same_ports(stack: Stack) -> None:
    stack.sql("CREATE TABLE kept AS SELECT 42 AS answer")
    stack.valkey().set("kept", "42")
    ports = Record.read(stack.layout).ports
    assert stack.stop(signal.SIGINT) == 0
    stack.start()
    assert stack.sql("SELECT answer FROM kept") == 42
    assert stack.valkey().get("kept") == b"42"
    assert Record.read(stack.layout).ports == ports


def test_a_start_after_everything_was_killed_finds_nothing_in_its_way(stack: Stack) -> None:
    stack.sql("CREATE TABLE left_over AS SELECT 42 AS answer")
    pid_file = stack.layout.postgres / "18" / "postmaster.pid"
    assert stack.process is not None
    stack.process.kill()  # first, or it would start the others again
    ended(stack.process)
    for pid in stack.processes():
        with suppress(ProcessLookupError):  # some follow the one that they belong to
            os.kill(pid, signal.SIGKILL)
    until(lambda: stack.processes() == set())
    # Its number belongs to a living process by now, as after a restart of the machine.
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    stack.start()
    assert stack.sql("SELECT answer FROM left_over") == 42


def test_a_start_after_the_supervisor_was_killed_ends_what_it_left_running(stack: Stack) -> None:
    assert stack.process is not None
    left = stack.processes() - {stack.process.pid}
    stack.process.kill()
    ended(stack.process)
    assert left & stack.processes()
    stack.start()
    assert not left & stack.processes()
    assert "left behind" in stack.text()


def test_down_ends_what_a_killed_supervisor_left_running(stack: Stack) -> None:
    assert stack.process is not None
    stack.process.kill()
    ended(stack.process)
    done = run("down", stack.layout.data_dir)
    assert done.returncode == 0, done.stderr
    assert stack.processes() == set()


def test_a_store_that_is_killed_is_started_again(stack: Stack) -> None:
    control = Control(stack.layout)
    for name in sorted(STORES):
        before = control.pid(name)
        assert before is not None
        os.kill(before, signal.SIGKILL)
        until(lambda name=name, before=before: control.pid(name) not in (None, before))  # type: ignore[misc]
    until(stack.works)


def test_a_second_start_over_the_same_data_is_refused_in_one_line(stack: Stack) -> None:
    refused = run("up", stack.layout.data_dir, "--stores-only")
    assert refused.returncode == 1
    assert "runs already" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert stack.works()


def test_two_stacks_run_side_by_side_and_down_stops_only_its_own(folder: Path) -> None:
    first, second = Stack(folder / "first"), Stack(folder / "second with spaces; and #signs 100%")
    first.start()
    second.start()
    try:
        assert not set(Record.read(first.layout).ports.values()) & set(Record.read(second.layout).ports.values())
        assert run("down", first.layout.data_dir).returncode == 0
        assert first.processes() == set()
        assert second.works()
    finally:
        for stack in (first, second):
            assert run("down", stack.layout.data_dir).returncode == 0
            assert stack.process is not None
            assert ended(stack.process) == 0


def test_a_data_directory_with_a_very_long_name_gets_its_sockets_elsewhere(folder: Path) -> None:
    for stack in running(folder / ("deep" * 20) / ("deeper" * 20)):
        assert not stack.layout.sockets.is_relative_to(folder)
        assert stack.layout.sockets.stat().st_mode & 0o077 == 0
    assert not stack.layout.sockets.exists()


def test_a_cluster_that_was_cut_off_while_it_was_made_is_made_again(folder: Path) -> None:
    unfinished = folder / "data" / "postgres" / "18.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    for stack in running(folder / "data"):
        assert stack.sql("SELECT current_database()") == "imagesearch"
        assert not unfinished.exists()


def test_down_without_a_stack_says_so_and_succeeds(folder: Path) -> None:
    done = run("down", folder / "nothing")
    assert done.returncode == 0
    assert "nothing runs" in done.stdout
    assert not (folder / "nothing").exists()


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Eight pictures and a file that is none."""
    directory = tmp_path / "pictures"
    directory.mkdir()
    for seed in range(8):
        photo_like(seed).save(directory / f"{seed}.jpg")
    (directory / "broken.jpg").write_bytes(b"not a picture")
    return directory


def test_the_demo_serves_until_it_is_stopped_and_indexes_nothing_twice(folder: Path, few: Path) -> None:
    port = kept_port()
    settings = ["--images", str(few), "--weights", "random:3", "--port", str(port)]
    output = folder / "output"
    with output.open("wb") as sink:
        demo = subprocess.Popen(
            command("demo", folder / "data", *settings), stdout=sink, stderr=subprocess.STDOUT, env=ENVIRONMENT
        )
    until(lambda: "until Ctrl-C" in output.read_text() or demo.poll() is not None)
    assert demo.poll() is None, output.read_text()
    assert reason_unready(port) is None
    assert run("up", folder / "data", *settings).returncode == 1
    demo.send_signal(signal.SIGINT)
    assert ended(demo) == 0
    assert Stack(folder / "data").processes() == set()
    first = output.read_text()
    assert "UNTRAINED (WEIGHTS=random:3)" in first
    assert "8 of 9 indexed, 0 unchanged, 1 failed" in first
    assert "broken.jpg" in first
    assert "holds 8 rows and 8 vectors" in first
    assert first.count("0.0000") == 3
    again = run("demo", folder / "data", "--images", str(few), "--port", str(port), "--once")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "going on with random:3" in again.stdout
    assert "0 of 9 indexed, 8 unchanged, 1 failed" in again.stdout


def test_a_port_that_is_taken_is_named_in_one_line(folder: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        for verb in ("up", "demo"):
            refused = run(verb, folder / "data", "--port", str(port), "--weights", "random:3")
            assert refused.returncode == 1
            assert refused.stderr == f"port {port} is taken by another program; set PORT, as in PORT={port + 1}\n"


def test_weights_that_cannot_be_loaded_end_the_start_with_what_to_set(folder: Path) -> None:
    weights = folder / "weights.h5"
    weights.write_bytes(b"not weights")
    refused = run("up", folder / "data", "--port", str(kept_port()), "--weights", str(weights))
    assert refused.returncode == 1
    assert "set WEIGHTS to" in refused.stderr.splitlines()[-1]
    assert Stack(folder / "data").processes() == set()
