"""`dashcam token create`, `list` and `revoke`: in this home's database, or by the server that has it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from dashcam_cli import common
from dashcam_cli.homekey import on_this_host
from dashcam_cli.output import print_json, say, table
from stages.errors import BadInput, NotFound, Refused, SettingsError, Unreachable


class Book(Protocol):
    """Where tokens are written down: a server's client, or a home without a server."""

    def tokens(self) -> list[dict[str, Any]]:
        """Every token that was given out."""

    def create_token(self, name: str, role: str, days: float | None = None) -> dict[str, Any]:
        """A new token; its text is in `token`."""

    def revoke_token(self, jti: str) -> dict[str, Any]:
        """End a token."""


def create(
    name: str, role: str, days: float | None, home: Path | None, url: str | None, as_json: bool
) -> None:
    """Make a token; its text goes to stdout, alone, so that a script can catch it."""
    with _book(home, url) as book:
        made = book.create_token(name, role, days)
    if as_json:
        print_json(made)
        return
    until = f"until {made['expires_at']} UTC" if made["expires_at"] else "without end"
    say(f"token {made['jti']} for {name}: {role}, {until}. It is shown this once:")
    print(made["token"])  # noqa: T201


def show(home: Path | None, url: str | None, as_json: bool) -> None:
    """Print the records."""
    with _book(home, url) as book:
        found = book.tokens()
    if as_json:
        print_json(found)
        return
    columns = ("jti", "name", "role", "created_at", "expires_at", "revoked_at")
    heads = ("id", "name", "role", "created", "expires", "revoked")
    table("Tokens", heads, [[each[column] for column in columns] for each in found])


def revoke(name: str, home: Path | None, url: str | None, as_json: bool) -> None:
    """End the token with this id, or the one with this name that is not revoked yet."""
    with _book(home, url) as book:
        ended = book.revoke_token(_id(book.tokens(), name))
    if as_json:
        print_json(ended)
    else:
        say(f"token {ended['jti']} ({ended['name']}) is revoked")


def _id(tokens: list[dict[str, Any]], name: str) -> str:
    if any(each["jti"] == name for each in tokens):
        return name
    named = [each for each in tokens if each["name"] == name]
    standing = [each["jti"] for each in named if each["revoked_at"] is None] or [
        each["jti"] for each in named[-1:]
    ]
    if not standing:
        raise NotFound(f"there is no token {name!r}; dashcam token list shows them")
    if len(standing) > 1:  # one has expired, and another took its name
        raise BadInput(f"there are {len(standing)} tokens {name!r}; give an id: {', '.join(standing)}")
    return str(standing[0])


@contextlib.contextmanager
def _book(home: Path | None, url: str | None) -> Iterator[Book]:
    """The server that was named; else this home; else, when a server has the home open, that server."""
    from dashcam_cli.server import home_tokens

    settings = common.settings(home, url)
    here = Path(settings.home)
    elsewhere = home is None and not on_this_host(settings.server.url)
    if url is not None or (elsewhere and not (here / "dashcam.sqlite").exists()):
        with _server(settings) as asked:
            yield asked
        return
    with home_tokens(here) as book:
        if book is not None:
            yield book
            return
    try:
        with _server(settings) as asked:
            yield asked
    except (Unreachable, Refused) as error:
        raise SettingsError(
            f"a server has {here} open, and the one at {settings.server.url} did not do it: {error}. "
            "Give its address with --server"
        ) from error


@contextlib.contextmanager
def _server(settings: Any) -> Iterator[Book]:
    client = common.client(settings)
    try:
        yield client
    finally:
        client.close()
