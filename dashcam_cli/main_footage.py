"""The commands about footage: cards, cameras, clips, trips. `main.py` adds them to the program."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
