"""The API explained to people: `/docs` (Swagger UI), `/redoc` (ReDoc), and `/openapi.json` behind both.

Everything comes from this server: the browser parts lie in `server/web/vendor/` (hatch_build.py brings
them), and the pages' content-security policy lets the browser ask no other host.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from litestar import Response, get

from server import vendor
from server.errors import JSON
from server.openapi.document import encoded
from server.params import AnyRequest, Query

_WEB = Path(__file__).resolve().parents[1] / "web"
#: Our own scripts that start the two.
_STARTERS = ("docs-swagger.js", "docs-redoc.js")

# No inline script, nothing from elsewhere. Swagger UI's style sheet carries its pictures as data. ReDoc
# writes style elements, and its search runs in a worker made of a blob.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{styles}; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
_SWAGGER = _POLICY.format(styles="")
_REDOC = _POLICY.format(styles=" 'unsafe-inline'") + "; worker-src blob:"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>dashcam processor: API ({what})</title>
<link rel="icon" href="data:,">
{style}</head>
<body>
<div id="api"><noscript>This page needs JavaScript; the document itself is at /openapi.json.</noscript></div>
<script src="static/vendor/{bundle}?v={stamp}"></script>
<script src="static/{starter}"></script>
</body>
</html>
"""

MISSING = """This page needs Swagger UI and ReDoc; this installation was built without them.

To get them, build again on a host whose npm reaches its registry, with DASHCAM_SKIP_WEB not set:

    pip install --force-reinstall --no-deps PATH-OF-THE-PROJECT    (or, in a checkout: make clean install)

The document that they would show is at /openapi.json; any tool that reads OpenAPI 3.1 can show it.
"""


@get("/openapi.json")
async def document(request: AnyRequest) -> Response[bytes]:
    """The OpenAPI 3.1 document."""
    body, tag = encoded()
    return _tagged(request, body, JSON, tag, {"Cache-Control": "no-cache"}, Query(request).unknown())


@get("/docs")
async def swagger(request: AnyRequest) -> Response[bytes]:
    """Swagger UI over the document."""
    del request
    style = '<link rel="stylesheet" href="static/vendor/swagger-ui.css?v={stamp}">\n'
    return _page("Swagger UI", "swagger-ui-bundle.js", "docs-swagger.js", _SWAGGER, style)


@get("/redoc")
async def redoc(request: AnyRequest) -> Response[bytes]:
    """ReDoc over the document."""
    del request
    return _page("ReDoc", "redoc.standalone.js", "docs-redoc.js", _REDOC)


def _page(what: str, bundle: str, starter: str, policy: str, style: str = "") -> Response[bytes]:
    stamp = vendor.vendor_stamp()
    if not stamp or not (vendor.VENDOR / bundle).is_file():
        return Response(MISSING.encode(), status_code=503, media_type=vendor.TEXT, headers=_HEADERS)
    html = _PAGE.format(
        what=what, bundle=bundle, starter=starter, stamp=stamp, style=style.format(stamp=stamp)
    )
    headers = _HEADERS | {"Content-Security-Policy": policy}
    return Response(html.encode(), media_type="text/html", headers=headers)


async def _starter(request: AnyRequest, name: str) -> Response[bytes]:
    found = await asyncio.to_thread((_WEB / "static" / name).read_bytes)
    del request
    return Response(found, media_type=vendor.SCRIPT, headers=_HEADERS)


@get("/static/docs-swagger.js")
async def start_swagger(request: AnyRequest) -> Response[bytes]:
    """The script that starts Swagger UI."""
    return await _starter(request, _STARTERS[0])


@get("/static/docs-redoc.js")
async def start_redoc(request: AnyRequest) -> Response[bytes]:
    """The script that starts ReDoc."""
    return await _starter(request, _STARTERS[1])


def _tagged(request: AnyRequest, body: bytes, kind: str, tag: str, *headers: dict[str, str]) -> Response[Any]:
    """An answer with an entity tag, or 304 when the caller has it."""
    together = {"X-Content-Type-Options": "nosniff", "ETag": tag}
    for more in headers:
        together |= more
    if tag in request.headers.get("if-none-match", ""):
        return Response(None, status_code=304, headers=together)
    return Response(body, media_type=kind, headers=together)


ROUTES = [document, swagger, redoc, start_swagger, start_redoc]
