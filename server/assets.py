"""Our own style sheets, scripts and pictures: below `/static/VERSION/`, so that a browser may keep them.

The version is a hash over all of them. Whoever asks with an old version gets what is there now, and is told
not to keep it.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from pathlib import Path

import msgspec
from litestar import Response

from server.params import AnyRequest, header

STATIC = Path(__file__).resolve().parent / "web" / "static"
#: Folders of `static/` that are given out, and the kinds of file in them.
FOLDERS = ("css", "js", "img")
KINDS = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
KEPT = "public, max-age=31536000, immutable"
#: Shorter texts gain nothing by being packed (bytes).
_WORTH = 1000
_QUICK, _SMALL = 4, 9


class Asset(msgspec.Struct, frozen=True):
    """A file as it is sent; `packed` by gzip, where that makes it shorter."""

    body: bytes
    packed: bytes | None
    kind: str


@cache
def assets() -> dict[str, Asset]:
    """All of them by "folder/name". Read once: nothing that a request says becomes a path."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((STATIC / folder).glob("*")):
            if (kind := KINDS.get(path.suffix)) is not None and path.is_file():
                body = path.read_bytes()
                packed = gzip.compress(body, _SMALL, mtime=0)
                found[f"{folder}/{path.name}"] = Asset(
                    body, packed if len(packed) < len(body) else None, kind
                )
    return found


@cache
def version() -> str:
    """What all assets together are, in 12 characters."""
    digest = hashlib.blake2b(digest_size=6)
    for name, asset in assets().items():
        digest.update(f"{name}\0{len(asset.body)}\0".encode() + asset.body)
    return digest.hexdigest()


def address(name: str) -> str:
    """Where a browser finds one; `KeyError` for one that is not there."""
    assert name in assets(), f"there is no {name} in server/web/static"
    return f"/static/{version()}/{name}"


def takes_gzip(request: AnyRequest) -> bool:
    """Whether the browser can unpack gzip."""
    asked = header(request, b"accept-encoding").lower()
    return any(
        part.split(";")[0].strip() == "gzip" and "q=0" not in part.replace(" ", "").split(";")
        for part in asked.split(",")
    )


def text_answer(
    request: AnyRequest, body: bytes, kind: str, headers: dict[str, str], *, status: int = 200
) -> Response[bytes]:
    """A text made for this request, packed where that is worth it and the browser can unpack it."""
    headers = headers | {"Vary": "Accept-Encoding"}
    if len(body) >= _WORTH and takes_gzip(request):
        body = gzip.compress(body, _QUICK, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, status_code=status, media_type=kind, headers=headers)


def asset_answer(request: AnyRequest, asset: Asset, headers: dict[str, str]) -> Response[bytes]:
    """An asset, packed if the browser can unpack it."""
    headers = headers | {"X-Content-Type-Options": "nosniff", "Vary": "Accept-Encoding"}
    if asset.packed is not None and takes_gzip(request):
        headers["Content-Encoding"] = "gzip"
        return Response(asset.packed, media_type=asset.kind, headers=headers)
    return Response(asset.body, media_type=asset.kind, headers=headers)
