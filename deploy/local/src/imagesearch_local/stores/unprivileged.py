"""Run as somebody else than root, for a server that refuses root."""

from __future__ import annotations

import os
import pwd
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from imagesearch_local.errors import StackFailed

CAP_DAC_OVERRIDE = 1
"""Bit of the capability that lets a process pass directories whose permissions do not name it."""


@dataclass(frozen=True)
class Account:
    """Say as whom a server runs.

    Attributes:
        user: name of the user to become, None to stay who we are.
    """

    user: str | None

    def take(self, directory: Path) -> None:
        """Make a directory the account's own."""
        if self.user is not None:
            entry = pwd.getpwnam(self.user)
            os.chown(directory, entry.pw_uid, entry.pw_gid)

    def command(self, command: list[str]) -> list[str]:
        """Return the command that runs `command` as the account.

        A root's working tree often lies in directories that only root may enter. The one capability that
        passes them is kept, so that nobody has to change permissions of directories that are not ours.
        """
        if self.user is None:
            return command
        group = str(pwd.getpwnam(self.user).pw_gid)
        become = ["setpriv", f"--reuid={self.user}", f"--regid={group}", "--clear-groups", "--no-new-privs"]
        if _may_keep_dac_override():
            kept = "-all,+dac_override"
            become += [f"--inh-caps={kept}", f"--ambient-caps={kept}", f"--bounding-set={kept}"]
            # Without this, access(2) ignores the capability, and Postgres calls it on its own binary.
            become += ["--securebits=+no_setuid_fixup"]
        return [*become, *command]


def account() -> Account:
    """Return whom to become: nobody as root, otherwise ourselves.

    Raises:
        StackFailed: this is root, and there is no way to become somebody else.
    """
    if os.geteuid() != 0:
        return Account(None)
    if shutil.which("setpriv") is None:
        raise StackFailed(
            "Postgres refuses to run as root, and setpriv (util-linux) is missing; run as another user"
        )
    try:
        pwd.getpwnam("nobody")
    except KeyError:
        raise StackFailed(
            "Postgres refuses to run as root, and there is no user 'nobody'; run as another user"
        ) from None
    return Account("nobody")


def _may_keep_dac_override() -> bool:
    status = Path("/proc/self/status").read_text()
    bounding = re.search(r"^CapBnd:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return bounding is not None and bool(int(bounding[1], 16) >> CAP_DAC_OVERRIDE & 1)
