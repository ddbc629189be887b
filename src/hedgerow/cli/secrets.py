"""`hedgerow secrets`: the keys that stored credentials are encrypted with."""

import typer

from hedgerow.kit.settings import load

group = typer.Typer(no_args_is_help=True, help="The keys that stored credentials are encrypted with.")


@group.callback()
def secrets() -> None:
    """The keys that stored credentials are encrypted with."""


@group.command("rotate")
def rotate() -> None:
    """Encrypt credentials anew: with the first key of HEDGEROW_SECRET_KEY, else with a new one in the home folder."""
    from hedgerow.app import rotate_secrets

    count = rotate_secrets(load({}))
    print(f"{count} stored values are encrypted with the new key.")
