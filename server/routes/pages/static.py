"""`/static`: style sheets, scripts and pictures, ours and those of others. They tell nobody anything."""

from __future__ import annotations

from litestar import Response, get
from litestar.params import FromPath

from server.assets import KEPT, asset_answer, assets, version
from server.errors import detail
from server.params import AnyRequest, Query
from server.vendor import PARTS, vendor_part, vendor_stamp


@get("/static/{stamp:str}/{folder:str}/{name:str}")
async def asset(
    request: AnyRequest, stamp: FromPath[str], folder: FromPath[str], name: FromPath[str]
) -> Response[bytes]:
    """One of ours; asked for by the version that stands it may be kept for good."""
    found = assets().get(f"{folder}/{name}")
    if found is None:
        return detail(404, "There is no such file")
    return asset_answer(request, found, {"Cache-Control": KEPT if stamp == version() else "no-cache"})


@get("/static/vendor/{name:str}", sync_to_thread=True)
def part(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """A browser part of others; asked for by its version it may be kept for a year."""
    stamp = vendor_stamp()
    if name not in PARTS or not stamp:
        return detail(404, "There is no such file")
    try:
        found = vendor_part(stamp, name)
    except OSError:
        return detail(404, "There is no such file")
    tag = f'"{stamp}"'
    headers = {"Cache-Control": KEPT if Query(request).text("v") == stamp else "no-cache", "ETag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers)
    return asset_answer(request, found, headers)


ROUTES = [asset, part]
