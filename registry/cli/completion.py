"""`registry completion`: the script that teaches a shell our commands."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of SHELL.

    \b
    bash   registry completion bash >> ~/.bashrc
    zsh    registry completion zsh  >> ~/.zshrc
    fish   registry completion fish > ~/.config/fish/completions/registry.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "registry", "_REGISTRY_COMPLETE").source())
