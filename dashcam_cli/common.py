"""Options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from config.settings import Settings
    from dashcam_cli.client import Client

Home = Annotated[Path | None, typer.Option("--home", help="Folder for database and state (DASHCAM_HOME).")]
Server = Annotated[str | None, typer.Option("--server", help="Server address (DASHCAM_SERVER).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
PlaceFlags = Annotated[
    list[str] | None,
    typer.Option(
        "--place", help="NAME=DIR: a place this host can reach; may be repeated.", metavar="NAME=DIR"
    ),
]


def settings(
    home: Path | None = None, url: str | None = None, *, new_file: bool = False, **sections: dict[str, Any]
) -> Settings:
    """Settings with these flags on top. Flags that are None were not given."""
    from config.loader import ConfigurationLoader

    flags: dict[str, Any] = {}
    if home is not None:
        flags["home"] = str(home.expanduser().absolute())
    if url is not None:
        flags["server"] = {"url": url}
    for section, values in sections.items():
        given = {key: value for key, value in values.items() if value is not None}
        if given:
            flags[section] = flags.get(section, {}) | given
    return ConfigurationLoader().load(flags, new_file=new_file)


def client(using: Settings, *, patience: float = 3.0) -> Client:
    """A client for the server in the settings."""
    from dashcam_cli.client import Client
    from dashcam_cli.homekey import KEY_FILE

    return Client(using.server.url, using.server.token, key=Path(using.home) / KEY_FILE, patience=patience)
