"""Look at the processes of a running stack, and stop and start single ones."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, cast
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from imagesearch_local.errors import StackFailed
from imagesearch_local.layout import Layout


@dataclass(frozen=True)
class ProcessStatus:
    """Describe one process.

    Attributes:
        name: of the program.
        state: as supervisord calls it: ``RUNNING``, ``STOPPED``, ``BACKOFF``...
        pid: None where it does not run.
    """

    name: str
    state: str
    pid: int | None


class Control:
    """Speak to the supervisord of one data directory."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def processes(self) -> list[ProcessStatus]:
        """Return every process.

        Raises:
            StackFailed: no stack runs in the data directory.
        """
        return [ProcessStatus(each["name"], each["statename"], each["pid"] or None) for each in self._list()]

    def pid(self, name: str) -> int | None:
        """Return the id of one process, None while it does not run.

        Raises:
            StackFailed: no stack runs in the data directory, or none of its processes has that name.
        """
        return self._one(name)["pid"] or None

    def stop(self, name: str) -> None:
        """Stop one process in good order, and return when it has ended.

        Raises:
            StackFailed: as for `pid`, or it does not run.
        """
        self._call("stopProcess", self._full_name(name))

    def start(self, name: str) -> None:
        """Start one process, and return when it stays up.

        Raises:
            StackFailed: as for `pid`, or it does not stay up.
        """
        self._call("startProcess", self._full_name(name))

    def _full_name(self, name: str) -> str:
        return f"{self._one(name)['group']}:{name}"

    def _one(self, name: str) -> dict[str, Any]:
        for each in self._list():
            if each["name"] == name:
                return each
        raise StackFailed(f"no process is called {name}")

    def _list(self) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", self._call("getAllProcessInfo"))

    def _call(self, method: str, *arguments: str) -> object:
        transport = SupervisorTransport(None, None, f"unix://{self._layout.supervisor_socket}")
        # The address is there because the class asks for one; the transport goes to the socket.
        with ServerProxy("http://127.0.0.1", transport=transport) as server:
            try:
                return getattr(server.supervisor, method)(*arguments)
            except Fault as fault:
                raise StackFailed(f"{method}: {fault.faultString}") from fault
            except (OSError, HTTPException) as error:
                raise StackFailed(f"no stack runs in {self._layout.data_dir}") from error


def print_status(layout: Layout) -> int:
    """Print one line per process."""
    for process in Control(layout).processes():
        sys.stdout.write(f"{process.name:<16} {process.state:<10} {process.pid or ''}\n")
    return 0
