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
from click.core import ParameterSource
from rich.console import Console

from imagesearch_client.blocking.client import Client
from imagesearch_client.command import exits
from imagesearch_client.command.advice import said_of
from imagesearch_client.command.answers import Answers
from imagesearch_client.command.profiles import Profile, read_profile
from imagesearch_client.errors import ClientError, Unavailable
from imagesearch_client.patience import Patience

API_KEY = "IMAGESEARCH_API_KEY"
DEFAULT_SERVER = "http://127.0.0.1:5000"
PATIENCE_SECONDS = 10.0
"""A person in front of a terminal; a job that is waited for gets ten minutes, see `Client.wait`."""


@dataclass(frozen=True, slots=True)
class Target:
    """Say which API to ask, and how."""

    server: str
    api_key: str | None = field(repr=False)
    patience: Patience
    sleep: Callable[[float], None] = time.sleep
    on_json: Callable[[object], None] | None = None


Connect = Callable[[Target], Client]


@dataclass(frozen=True)
class Session:
    """Hold what every command needs: the API, the terminal, and how this command was called.

    Attributes:
        answers: what the API answered the client, as it was sent.
        open_client: returns a further client of the same API.
        patience: seconds, where somebody said how long to go on asking.
    """

    client: Client
    answers: Answers
    invocation: str
    open_client: Callable[[Patience, Callable[[float], None]], Client]
    patience: float | None
    console: Console = field(default_factory=lambda: Console(highlight=False))
    errors: Console = field(default_factory=lambda: Console(highlight=False, stderr=True))

    def tell(self, sentence: object, as_json: bool) -> None:
        """Print a sentence for people, or for programs what the API answered last."""
        if as_json:
            self.answers.print()
        else:
            click.echo(sentence)

    def patient_client(
        self,
        seconds: float,
        sleep: Callable[[float], None],
        on_pause: Callable[[Unavailable, float], None],
    ) -> Client:
        """Return a client that asks an API that is away for so many seconds, unless somebody said how long."""
        chosen = seconds if self.patience is None else self.patience
        return self.open_client(Patience(chosen, on_pause=on_pause), sleep)


def connect(target: Target) -> Client:
    """Return a client of an API."""
    return Client(
        target.server,
        patience=target.patience,
        api_key=target.api_key,
        sleep=target.sleep,
        on_json=target.on_json,
    )


class CommandLine(click.Group):
    """Turn the client's errors into a line each and what to do, and keep exit code 2 for pictures that failed."""

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
                raise click.ClickException("\n".join(said_of(error))) from error


@contextmanager
def _usage_exit_code() -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        error.exit_code = exits.USAGE  # type: ignore[misc]  # click reads it from the instance
        raise


@click.group(
    cls=CommandLine,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=exits.HELP,
)
@click.option("--server", envvar="IMAGESEARCH_URL", show_default=DEFAULT_SERVER, metavar="URL", help="The API.")
@click.option("--url", "old_server", hidden=True)
@click.option("--profile", envvar="IMAGESEARCH_PROFILE", metavar="NAME", help="Which profile of the file to take.")
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    envvar="IMAGESEARCH_PATIENCE",
    show_default=f"{PATIENCE_SECONDS:g}",
    metavar="SECONDS",
    help="How long to go on asking an API that does not answer.",
)
@click.version_option(package_name="imagesearch-client", prog_name="imagesearch")
@click.pass_context
def main(
    ctx: click.Context,
    /,
    *,
    server: str | None,
    old_server: str | None,
    profile: str | None,
    patience: float | None,
) -> None:
    """Index directories of pictures and search them by picture.

    An API that asks for a key gets that of the environment variable IMAGESEARCH_API_KEY, or of the profile.

    Profiles are read from $XDG_CONFIG_HOME/imagesearch/config.toml (~/.config without it). Variables of the
    environment count more than a profile, options more than both.
    """
    connect_to: Connect = ctx.obj or connect
    held = read_profile(profile, os.environ)
    named = old_server or server
    chosen = named or held.server or DEFAULT_SERVER
    asking = patience if patience is not None else held.patience
    answers = Answers()

    def open_client(
        patience: Patience, sleep: Callable[[float], None], on_json: Callable[[object], None] | None = None
    ) -> Client:
        return connect_to(Target(chosen, _key(held, chosen), patience, sleep, on_json))

    seconds = PATIENCE_SECONDS if asking is None else asking
    first = Patience(seconds, on_pause=_announce_once(seconds))
    client = ctx.with_resource(open_client(first, time.sleep, answers.note))
    ctx.obj = Session(client, answers, _invocation(ctx, named, profile), open_client, asking)


def _key(held: Profile, server: str) -> str | None:
    """Return the key to send to a server; a profile's goes to no other than its own."""
    # No option: everybody on the machine sees the arguments of a command.
    given = os.environ.get(API_KEY)
    if given:
        return given
    return held.api_key if server == (held.server or DEFAULT_SERVER) else None


def _invocation(ctx: click.Context, server: str | None, profile: str | None) -> str:
    """Return how this command was called, for advice that can be pasted."""
    words = ["imagesearch"]
    if profile is not None and ctx.get_parameter_source("profile") is ParameterSource.COMMANDLINE:
        words += ["--profile", profile]
    sources = {ctx.get_parameter_source(name) for name in ("server", "old_server")}
    if server is not None and ParameterSource.COMMANDLINE in sources:
        words += ["--server", server]
    return shlex.join(words)


def _announce_once(patience: float) -> Callable[[Unavailable, float], None]:
    announced = False

    def announce(reason: Unavailable, _: float) -> None:
        nonlocal announced
        if not announced:
            announced = True
            click.echo(f"{reason}; asking again for up to {patience:g} s", err=True)

    return announce
