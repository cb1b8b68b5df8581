"""What commands print: tables for people, JSON for programs, and exit codes that mean something."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import msgspec
import typer

from stages.errors import BadInput, DashcamError, NotFound, SettingsError, Unreachable

OK, FAILED, USAGE, NO_SERVER, NOT_FOUND, INTERRUPTED = 0, 1, 2, 3, 4, 130

_CODES: list[tuple[type[DashcamError], int]] = [
    (SettingsError, USAGE),
    (BadInput, USAGE),
    (Unreachable, NO_SERVER),
    (NotFound, NOT_FOUND),
]


def say(text: str) -> None:
    """A line for people, on stderr: stdout is for what was asked for."""
    typer.echo(text, err=True)


def print_json(value: Any) -> None:
    """One line of JSON on stdout; what could drive a terminal is written as an escape, and means the same."""
    text = msgspec.json.encode(_encodable(value)).decode()
    if not text.isprintable():
        text = "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _encodable(value: Any) -> Any:
    """A value whose texts are Unicode: names of files need not be."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(each) for key, each in value.items()}
    return [_encodable(each) for each in value] if isinstance(value, (list, tuple)) else value


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], empty: str = "none") -> None:
    """A table on stdout. What comes from files and plates is printed as text, never as markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # A pipe has no width: nothing is cut off there.
    console = Console() if sys.stdout.isatty() else Console(width=400)
    if not rows:
        console.print(Text(f"{title}: {empty}"))
        return
    grid = Table(title=title, title_justify="left")
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*(Text("" if cell is None else printable(str(cell))) for cell in row))
    console.print(grid)


def printable(text: str) -> str:
    """Text without control characters: a file name must not be able to drive the terminal."""
    return "".join(c if c.isprintable() else "�" for c in text)


def local_time(text: str | None, offset: int | None) -> str:
    """The camera's local clock, with its zone (seconds east of UTC) where that is known."""
    if text is None or offset is None:
        return text or ""
    sign, minutes = "-" if offset < 0 else "+", abs(offset) // 60
    return f"{text} {sign}{minutes // 60:02d}:{minutes % 60:02d}"


def leave(code: int) -> NoReturn:
    """End the command with an exit code."""
    raise typer.Exit(code)


@contextlib.contextmanager
def errors() -> Iterator[None]:
    """Turn our errors into one line on stderr and an exit code; Ctrl-C into 130."""
    try:
        yield
    except DashcamError as error:
        code = next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)
        say(f"dashcam: {printable(str(error))}")
        raise typer.Exit(code) from None
    except KeyboardInterrupt:
        say("dashcam: interrupted")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        raise typer.Exit(OK) from None
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        say(f"dashcam: {error.strerror or error}{printable(str(where))}")
        raise typer.Exit(FAILED) from None
