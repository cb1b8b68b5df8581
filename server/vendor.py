"""The browser parts of others (Leaflet, uPlot, Swagger UI, ReDoc), as hatch_build.py has brought them."""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path

from server.assets import Asset

VENDOR = Path(__file__).resolve().parent / "web" / "vendor"
SCRIPT, _STYLE, TEXT = "text/javascript", "text/css", "text/plain"
#: What of the vendor folder is given out, and as what. Nothing else of it can be asked for.
PARTS = {
    "swagger-ui-bundle.js": SCRIPT,
    "swagger-ui.css": _STYLE,
    "swagger-ui.LICENSE": TEXT,
    "swagger-ui-bundle.js.LICENSE.txt": TEXT,
    "redoc.standalone.js": SCRIPT,
    "redoc.LICENSE": TEXT,
    "redoc.standalone.js.LICENSE.txt": TEXT,
    "leaflet.js": SCRIPT,
    "leaflet.css": _STYLE,
    "leaflet.LICENSE": TEXT,
    "uplot.js": SCRIPT,
    "uplot.css": _STYLE,
    "uplot.LICENSE": TEXT,
    "protomaps-leaflet.js": SCRIPT,
    "protomaps-leaflet.LICENSE": TEXT,
}


def vendor_stamp() -> str:
    """Which browser parts lie in the vendor folder; "" when there are none."""
    try:
        text = (VENDOR / "VERSION").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return text if text.isalnum() else ""


def vendor_address(name: str) -> str:
    """Where a browser finds a part; it may keep it for good."""
    assert name in PARTS, name
    return f"/static/vendor/{name}?v={vendor_stamp()}"


def vendor_part(stamp: str, name: str) -> Asset:
    """A part's bytes. Raises `OSError` when it is not there, `KeyError` when it is none of the list."""
    return _read(VENDOR, stamp, name)


@lru_cache(2 * len(PARTS))
def _read(folder: Path, stamp: str, name: str) -> Asset:
    del stamp  # other bytes have another one
    body = (folder / name).read_bytes()
    return Asset(body, gzip.compress(body, mtime=0), PARTS[name])
