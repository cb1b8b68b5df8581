"""The commands about models: `dashcam models`. `main.py` adds them to the program."""

from __future__ import annotations

from typing import Annotated

import typer

from dashcam_cli.common import AsJson, Home
from dashcam_cli.output import errors

models_app = typer.Typer(
    no_args_is_help=True, help="The models of this host: which are known, there, whole; and fetching them."
)


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.add_typer(models_app, name="models")


@models_app.command("list")
def models_list(home: Home = None, json: AsJson = False) -> None:
    """Show the known models: there, missing or damaged, and what each would be used for."""
    with errors():
        from dashcam_cli.models import show

        show(home, json)


@models_app.command("pull")
def models_pull(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Models by name; none: those that the pipeline uses.", metavar="[NAME...]"),
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Every known model.")] = False,
    source: Annotated[
        str,
        typer.Option(
            "--from", help="A folder with the files, or the address of a mirror.", metavar="DIR|URL"
        ),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask on a terminal.")] = False,
    home: Home = None,
    json: AsJson = False,
) -> None:
    """Fetch models and check their bytes. What is there already is left alone."""
    with errors():
        from dashcam_cli.models_pull import pull

        pull(names or [], all, source, yes, home, json)


@models_app.command("verify")
def models_verify(home: Home = None, json: AsJson = False) -> None:
    """Hash every model file anew; ends with 1 when one is damaged."""
    with errors():
        from dashcam_cli.models import verify

        verify(home, json)


@models_app.command("path")
def models_path(home: Home = None) -> None:
    """Print the folder in which models are looked for."""
    with errors():
        from dashcam_cli.models import path

        path(home)
