"""`imagesearch completion`: what a shell runs to complete this command."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

PROGRAM = "imagesearch"
VARIABLE = "_IMAGESEARCH_COMPLETE"
"""By which click's part of a completion script asks the command."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what completes this command in a SHELL.

    \b
    bash:  eval "$(imagesearch completion bash)"         in ~/.bashrc
    zsh:   eval "$(imagesearch completion zsh)"          in ~/.zshrc
    fish:  imagesearch completion fish | source          in ~/.config/fish/config.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(f"this version of click knows no completion for {shell}")
    click.echo(kind(ctx.find_root().command, {}, PROGRAM, VARIABLE).source())
