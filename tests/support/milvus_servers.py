"""Start and end real servers that speak Milvus: Milvus Lite, and the standalone binary of the `milvus` wheel."""

from __future__ import annotations

import fcntl
import importlib.util
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

import grpc  # type: ignore[import-untyped]
from pymilvus import MilvusClient, MilvusException

from support.kept_ports import kept_port
from support.waiting import hold, until

LOOPBACK = "127.0.0.1"
CONNECT_SECONDS = 3.0
"""Longest that one attempt to connect takes; there are many."""
HAS_MILVUS = importlib.util.find_spec("milvus") is not None


class Server(ABC):
    """One server with data and ports of its own, which it keeps when it is started again."""

    is_lite: bool

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.output = folder / "output"
        self.ports = {name: kept_port() for name in names}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"http://{LOOPBACK}:{self.ports['proxy_port']}"

    def start(self) -> None:
        """Start it, and wait until it answers and its collections can be listed."""
        with self.output.open("ab") as sink:
            self.process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                env=os.environ | self.environment(),
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
        # What it is asked before it answers is no failure of a test.
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        until(self._answers, alive=self.process, output=self.output)

    def kill(self) -> None:
        """End it as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """Let it accept connections and answer nothing."""
        assert self.process is not None
        hold(self.process.pid)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """Kill it if it runs: Milvus ignores SIGTERM, and its data is thrown away."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @abstractmethod
    def command(self) -> list[str]: ...

    def environment(self) -> Mapping[str, str]:
        return {}

    def _answers(self) -> bool:
        try:
            client = MilvusClient(self.uri, timeout=CONNECT_SECONDS, dedicated=True)
        except (MilvusException, grpc.RpcError, grpc.FutureTimeoutError):
            return False
        try:
            return not client.has_collection("nothing")
        except (MilvusException, grpc.RpcError):
            return False
        finally:
            client.close()


class LiteServer(Server):
    """`milvus-lite server`."""

    is_lite = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, ("proxy_port",))

    def command(self) -> list[str]:
        port = str(self.ports["proxy_port"])
        server = [sys.executable, "-m", "milvus_lite", "server"]
        return [*server, "--data-dir", str(self.folder / "data"), "--host", LOOPBACK, "--port", port]


def unpacked() -> Path:
    """Return where the program of the wheel lies; unpacking it takes four seconds of CPU, once an environment."""
    from milvus import _initialize_data_files

    programs = Path(sys.prefix) / "milvus-programs"
    programs.mkdir(exist_ok=True)
    with (programs / "lock").open("w") as lock:
        # Test processes begin at the same moment, and what is unpacked by half must not be run.
        fcntl.flock(lock, fcntl.LOCK_EX)
        _initialize_data_files(str(programs))
    return programs


class MilvusServer(Server):
    """The real standalone server, run without the wheel's `milvus-server` command.

    That command leaves etcd on ports 2379 and 2380 whatever it is told, unpacks the program for every data
    directory, and its child outlives it. Here every port is its own, so that several servers run side by side.
    """

    is_lite = False

    def __init__(self, folder: Path, **settings: str) -> None:
        """Choose ports.

        Args:
            folder: holds its data.
            settings: of Milvus, named as its environment variables; they count when it is started.
        """
        from milvus import MilvusServerConfig

        config = MilvusServerConfig(data_dir=str(folder))
        # Its own check would take the ports that are kept for it for ports in use.
        config.try_bind_port = lambda port: socket.socket()
        listening = tuple(name for name in config.configurable_items if name.endswith("_port"))
        super().__init__(folder, (*listening, "etcd_peer_port", "metrics_port"))
        config.update(**{name: self.ports[name] for name in listening})
        config.resolve()
        url = f"http://{LOOPBACK}:"
        client, peer = f"{url}{self.ports['etcd_port']}", f"{url}{self.ports['etcd_peer_port']}"
        (folder / "etcd.yaml").write_text(
            f"listen-client-urls: {client}\nadvertise-client-urls: {client}\n"
            f"listen-peer-urls: {peer}\ninitial-advertise-peer-urls: {peer}\ninitial-cluster: default={peer}\n"
        )
        self.settings = settings
        self.programs = unpacked()

    def command(self) -> list[str]:
        return [str(self.programs / "bin" / "milvus"), "run", "standalone"]

    def environment(self) -> Mapping[str, str]:
        return {
            "DEPLOY_MODE": "STANDALONE",
            "METRICS_PORT": str(self.ports["metrics_port"]),
            "MILVUS_RUN_DIR": str(self.folder / "run"),
            "LD_LIBRARY_PATH": str(self.programs / "bin"),
            "ETCD_CONFIG_PATH": str(self.folder / "etcd.yaml"),
            # Milvus searches rows that are not sealed yet by 16 of 128 lists: on 20,000 vectors without clusters
            # recall@10 was 0.56, and a search for 16,384 rows found 5,157. Without it they are all compared.
            "QUERYNODE_SEGCORE_INTERIMINDEX_ENABLEINDEX": "false",
            **self.settings,
        }
