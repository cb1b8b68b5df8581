"""How a page is made: its template, what every template knows, and the headers that keep it to itself.

A page may load scripts, styles, pictures and media from this server alone, and nothing of it is inline: no
text from a file or a camera can become script, style or a request to elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from litestar import Response

from server import assets, views, wording
from server.auth import Caller
from server.params import AnyRequest
from server.vendor import vendor_address

_TEMPLATES = Path(__file__).resolve().parent / "web" / "templates"
#: Address, what the navigation calls it, its icon in `parts/icons.html`.
PAGES = (
    ("/", "Home", "home"),
    ("/videos", "Videos", "film"),
    ("/plates", "Plates", "plate"),
    ("/map", "Map", "map"),
    ("/queue", "Queue", "queue"),
    ("/devices", "Devices", "device"),
    ("/settings", "Settings", "settings"),
)
THEMES, UNITS = ("light", "dark"), ("metric", "imperial")


class Who(msgspec.Struct, frozen=True):
    """The caller, as a page needs to know them.

    `name` "" = nobody signed in. `may_edit`: what asks for an admin is let in. `may_keys`: also what asks for
    an admin's token even where the server is open. `may_work`: what asks for a worker.
    """

    name: str
    role: str
    may_edit: bool
    may_work: bool
    may_keys: bool


def who(request: AnyRequest) -> Who:
    """Who looks at a page."""
    caller: Caller | None = request.scope["state"].get("caller")
    if caller is None:
        return Who("", "", False, False, False)
    token = caller.kind != "open"
    return Who(
        name=caller.name if token else "",
        role=caller.role,
        may_edit=caller.free or caller.may("admin"),
        may_work=caller.free or caller.may("worker"),
        may_keys=token and caller.may("admin"),
    )


def page(
    request: AnyRequest, name: str, status: int = 200, *, images: Iterable[str] = (), **values: Any
) -> Response[bytes]:
    """A template as an answer. `images`: more sources of pictures than this server (for map tiles)."""
    cookies = request.cookies
    html = templates().get_template(name).render(
        who=who(request),
        here=request.scope["path"],
        theme=_one_of(cookies.get("dashcam_theme"), THEMES, ""),
        units=_one_of(cookies.get("dashcam_units"), UNITS, UNITS[0]),
        **values,
    )  # fmt: skip
    return assets.text_answer(request, html.encode(), "text/html", headers(images), status=status)


def missing(request: AnyRequest, what: str) -> Response[bytes]:
    """A page for something that is not there."""
    return page(request, "missing.html", 404, what=what)


def data(request: AnyRequest, value: Any, status: int = 200) -> Response[bytes]:
    """What a page's script asked for, as JSON."""
    kept = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
    return assets.text_answer(request, msgspec.json.encode(value), "application/json", kept, status=status)


def headers(images: Iterable[str] = ()) -> dict[str, str]:
    """The headers of every page."""
    pictures = " ".join(["'self'", *images])
    return {
        "Content-Security-Policy": f"default-src 'none'; script-src 'self'; style-src 'self'; "
        f"img-src {pictures}; media-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "private, no-store",
    }


def _one_of(text: str | None, allowed: tuple[str, ...], default: str) -> str:
    return text if text in allowed else default


@cache
def templates() -> Environment:
    """The templates with their filters. A name that nobody gave a template is an error, not an empty text."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(wording.FILTERS)
    environment.globals.update(
        static=assets.address, vendor=vendor_address, picture=views.crop_url, pages=PAGES
    )
    return environment
