"""`/settings`: how pages look in this browser, who may do what, and what this server is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from litestar import Response, get

from server.auth import ROLES, Token, Tokens
from server.pages import THEMES, UNITS, page, who
from server.params import AnyRequest
from server.routes.metrics import build
from server.services import Services, of
from server.shelves import host_places


@get("/settings")
async def settings(request: AnyRequest) -> Response[bytes]:
    """Appearance for everybody; tokens and a backup for an admin's token."""
    services, reader = of(request), who(request)
    tokens: list[Token] = []
    if reader.may_keys:
        held = request.app.state.tokens
        assert isinstance(held, Tokens)
        tokens = sorted(held.every(), key=lambda each: (each.revoked_at is not None, -each.created_at))
    return page(
        request,
        "settings.html",
        themes=THEMES,
        all_units=UNITS,
        tokens=tokens,
        roles=ROLES,
        required=services.settings.auth.required,
        now=services.dispatcher.now(),
        about=await asyncio.to_thread(_about, services) if reader.may_edit else {},
    )


def _about(services: Services) -> dict[str, Any]:
    """What an admin asks a server first. Sizes in bytes."""
    home = Path(services.settings.home)
    return {
        **build(),
        "home": str(home),
        "size": _size(services.database.path),
        "places": sorted(host_places(services.settings)),
    }


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


ROUTES = [settings]
