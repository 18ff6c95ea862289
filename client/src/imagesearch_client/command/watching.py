"""`imagesearch index --watch`: go on following a folder until somebody stops it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

import click

from imagesearch_client.answers import Deletion
from imagesearch_client.command import exits
from imagesearch_client.command.output import printable
from imagesearch_client.command.root import Session
from imagesearch_client.errors import ApiError
from imagesearch_client.folder_watch import Followed, Follower
from imagesearch_client.jobs import Job
from imagesearch_client.wording import summary

Events = Iterable[list[tuple[str, str]]]
NO_WATCHES = 28
"""ENOSPC, with which Linux says that no more folders can be watched."""


def run(session: Session, followed: Followed, *, poll: bool, whole_hours: float, as_json: bool) -> None:
    """Follow a folder, and end the command when somebody stops it, or it cannot go on."""
    watch = _watch()
    try:
        follow(session, followed, watch(followed.root, poll=poll), whole_hours=whole_hours, as_json=as_json)
    except ApiError as error:
        if "source" not in {each.field for each in error.errors}:
            raise
        where = f"the server has to see {followed.root} as well; --seen-as says under which path it does"
        raise click.ClickException(f"{error}\n{where}") from error
    except KeyboardInterrupt:
        raise click.exceptions.Exit(exits.INTERRUPTED) from None
    except OSError as error:
        todo = "; raise fs.inotify.max_user_watches, or use --poll" if error.errno == NO_WATCHES else ""
        said = f"{followed.root} cannot be watched: {error.strerror or error}{todo}"
        raise click.ClickException(said) from error


def follow(
    session: Session,
    followed: Followed,
    events: Events,
    *,
    whole_hours: float,
    as_json: bool,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Follow a folder as long as there are events."""

    def tell(what: Job | Deletion | str) -> None:
        if isinstance(what, str):
            click.echo(printable(what), err=True)
        elif as_json:
            session.answers.print()
        elif isinstance(what, Deletion):
            click.echo(f"{what.deleted} removed: their files are gone")
        else:
            click.echo(printable(summary(what)), err=what.state == "failed")

    follower = Follower(session.client, followed, clock, tell, whole_seconds=whole_hours * 3600 or None)
    # Whatever comes first says that everything is watched from now on: only then the folder is looked at.
    for happened in events:
        follower.note(happened)
        follower.step()


def _watch() -> Callable[..., Events]:
    try:
        module: Any = import_module("imagesearch_client.folder_watch.events")
    except ModuleNotFoundError as error:
        if error.name != "watchfiles":
            raise
        raise click.ClickException("--watch needs watchfiles: pip install 'imagesearch-client[watch]'") from None
    found: Callable[..., Events] = module.events
    return found


def followed_folder(directory: str, seen_as: str | None, **where: Any) -> Followed:
    """Return a folder of this machine with the path under which the server sees it.

    Raises:
        BadParameter: there is none, or its name is no text.
    """
    root = os.path.abspath(directory)  # noqa: PTH100 - links stay as they are
    if not os.path.isdir(root):  # noqa: PTH112 - as above
        raise click.BadParameter(f"{directory!r} is no folder on this machine", param_hint="DIRECTORY")
    if seen_as is not None and not os.path.isabs(seen_as):  # noqa: PTH117 - the server's path, not one of here
        raise click.BadParameter("an absolute path is expected", param_hint="--seen-as")
    followed = Followed(root, seen_as or root, **where)
    if followed.on_server(root) is None:
        raise click.BadParameter(f"{directory!r} is not valid UTF-8", param_hint="DIRECTORY")
    return followed
