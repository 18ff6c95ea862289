"""The command's root: where the API is, how patient to be, and what an error looks like."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import click
from rich.console import Console

from imagesearch_client.blocking.client import Client
from imagesearch_client.command.exits import USAGE
from imagesearch_client.errors import ClientError, Unavailable
from imagesearch_client.patience import Patience

API_KEY = "IMAGESEARCH_API_KEY"
DEFAULT_URL = "http://127.0.0.1:5000"
PATIENCE_SECONDS = 10.0
"""A person in front of a terminal; a job that is waited for gets ten minutes, see `Client.wait`."""

Sleep = Callable[[float], None]
Connect = Callable[[str, Patience, str | None, Sleep], Client]


@dataclass(frozen=True)
class Session:
    """Hold what every command needs: the API, the terminal, and how this command was called.

    Attributes:
        open_client: returns a further client of the same API.
        patience: seconds, where somebody said how long to go on asking.
    """

    client: Client
    invocation: str
    open_client: Callable[[Patience, Sleep], Client]
    patience: float | None
    console: Console = field(default_factory=lambda: Console(highlight=False))
    errors: Console = field(default_factory=lambda: Console(highlight=False, stderr=True))

    def patient_client(
        self,
        seconds: float,
        sleep: Sleep,
        on_pause: Callable[[Unavailable, float], None],
    ) -> Client:
        """Return a client that asks an API that is away for so many seconds, unless somebody said how long."""
        chosen = seconds if self.patience is None else self.patience
        return self.open_client(Patience(chosen, on_pause=on_pause), sleep)


def connect(url: str, patience: Patience, api_key: str | None, sleep: Sleep) -> Client:
    """Return a client of the API at a URL."""
    return Client(url, patience=patience, api_key=api_key, sleep=sleep)


class CommandLine(click.Group):
    """Turn the client's errors into one line each, and keep exit code 2 for the outcome of jobs."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Read the options in front of the command."""
        with _usage_exit_code():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        with _usage_exit_code():
            try:
                return super().invoke(ctx)
            except ClientError as error:
                raise click.ClickException(" ".join(str(error).split())) from error


@contextmanager
def _usage_exit_code() -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        error.exit_code = USAGE  # type: ignore[misc]  # click reads it from the instance
        raise


@click.group(cls=CommandLine, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--url", envvar="IMAGESEARCH_URL", default=DEFAULT_URL, show_default=True, help="The API.")
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    envvar="IMAGESEARCH_PATIENCE",
    default=PATIENCE_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long to go on asking an API that does not answer.",
)
@click.version_option(package_name="imagesearch-client", prog_name="imagesearch")
@click.pass_context
def main(ctx: click.Context, url: str, patience: float) -> None:
    """Index directories of pictures and search them by picture.

    An API that asks for a key gets that of the environment variable IMAGESEARCH_API_KEY.
    """
    connect_to: Connect = ctx.obj or connect
    # No option: everybody on the machine sees the arguments of a command.
    api_key = os.environ.get(API_KEY) or None

    def open_client(chosen: Patience, sleep: Sleep) -> Client:
        return connect_to(url, chosen, api_key, sleep)

    client = ctx.with_resource(open_client(Patience(patience, on_pause=_announce_once(patience)), time.sleep))
    named = ctx.get_parameter_source("url") is click.core.ParameterSource.COMMANDLINE
    is_chosen = ctx.get_parameter_source("patience") is not click.core.ParameterSource.DEFAULT
    ctx.obj = Session(
        client,
        f"imagesearch --url {shlex.quote(url)}" if named else "imagesearch",
        open_client,
        patience if is_chosen else None,
    )


def _announce_once(patience: float) -> Callable[[Unavailable, float], None]:
    announced = False

    def announce(reason: Unavailable, _: float) -> None:
        nonlocal announced
        if not announced:
            announced = True
            click.echo(f"{reason}; asking again for up to {patience:g} s", err=True)

    return announce
