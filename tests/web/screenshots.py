"""Pictures of every page, light and dark, on a desktop and on a phone, of the demo's drive.

Run by `make screenshots`, or: `python -m tests.web.screenshots FOLDER [--home HOME] [--only NAME]`. The demo runs first,
unless `--home` names one that it has filled; some devices and waiting tasks are added to a copy of it, as a house has.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import httpx
from playwright.sync_api import Browser, sync_playwright

from tests.house import House
from tests.web.looking import CHROMIUM, FLAGS

SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
DEVICES = (
    ("nas-worker", "worker", {"cpu_cores": 4, "places": ["indoor_nas"]}),
    ("jetson-coral-1", "jetson", {"coral": True, "places": ["indoor_nas"]}),
    ("rtx-4090-1", "gpu", {"gpu_vram_gb": 24, "places": ["indoor_nas", "shed_nas"]}),
)
#: Milliseconds that a page may take to draw what its scripts ask for.
_SETTLED = 1500
_QUALITY = 80


def main() -> None:
    """Run the demo, serve it, take the pictures."""
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="dashcam-pictures-") as made:
        house = House(Path(made))
        home = Path(made) / "hosts" / "server"
        if asked.home:
            home.parent.mkdir()
            shutil.copytree(asked.home, home)
        else:
            done = house.command("server", "demo", "--home", str(home), "--exit")
            assert done.returncode == 0, done.stdout + done.stderr
        house.server()
        try:
            take(house.url, Path(asked.folder), asked.only)
        finally:
            for running in house.running:
                running.kill()


def take(url: str, folder: Path, only: str) -> None:
    """A JPEG of each page in each look."""
    folder.mkdir(parents=True, exist_ok=True)
    with httpx.Client(base_url=f"{url}/api/v1", timeout=30) as api, sync_playwright() as running:
        pages = _pages(api)
        held = _furnish(api)
        browser = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for theme in ("light", "dark"):
            for screen, size in SIZES.items():
                _beat(api, held)
                for name, path in pages.items():
                    if only in name:
                        _picture(browser, url + path, folder / f"{name}-{screen}-{theme}.jpg", theme, size)
        browser.close()


def _pages(api: httpx.Client) -> dict[str, str]:
    """Addresses by name; the clip with the most plates, and its surest plate."""
    video = max(api.get("/webui/videos").json(), key=lambda each: each["plates_found"])["video_id"]
    seen = api.get("/webui/plates", params={"expand": "first_seconds"}).json()
    plate = max(seen, key=lambda each: each["confidence"])
    return {
        "home": "/",
        "videos": "/videos",
        "video": f"/videos/{video}?t={plate['first_seconds'] or 0:.1f}",
        "plates": f"/plates?q={plate['plate_text'][:3]}",
        "plate": f"/plates/{plate['plate_text']}",
        "map": "/map",
        "queue": "/queue",
        "devices": "/devices",
        "settings": "/settings",
        "login": "/login",
    }


def _beat(api: httpx.Client, held: list[dict[str, object]]) -> None:
    """The devices speak; the last one says what it holds."""
    for hostname, kind, has in DEVICES:
        beat = {"hostname": hostname, "device_type": kind, "capabilities": has}
        api.post("/devices/heartbeat", json=beat | ({"held": held} if hostname == DEVICES[-1][0] else {}))


def _furnish(api: httpx.Client) -> list[dict[str, object]]:
    """A task that is worked on (returned), one that gave up, and some that wait."""
    _beat(api, [])
    for number in range(14):
        inputs = [{"device": "indoor_nas", "path": f"/videos/raw/2026_0602_0{number:02}500_F.MP4"}]
        task = {
            "task_type": "HEAVY_PROCESS_VIDEO",
            "video_id": f"20260602T0{number:02}500-F",
            "inputs": inputs,
        }
        api.post(
            "/tasks", json=task | {"device_capabilities_required": {"gpu_vram_gb": 48 if number > 4 else 8}}
        )
    has = {"gpu_vram_gb": 24, "places": ["indoor_nas", "shed_nas"]}
    claimed = [
        api.post(f"/tasks/pending?worker=rtx-4090-1&session={n}", json=has).json()[0] for n in range(2)
    ]
    gone, held = ((each["task_id"], each["lease"]) for each in claimed)
    why = "the place shed_nas is full: 12 GB are missing; free some space, or set another archive place"
    api.post(f"/tasks/{gone[0]}/fail", json={"lease": gone[1], "error": why, "retry": False})
    return [{"task_id": held[0], "lease": held[1], "progress": 0.43, "note": "frame 812 of 1890"}]


def _picture(browser: Browser, url: str, file: Path, theme: str, size: tuple[int, int]) -> None:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=theme, locale="en-GB"
    )
    page = context.new_page()
    page.goto(url)
    page.wait_for_load_state("load")
    page.wait_for_timeout(_SETTLED)
    page.screenshot(path=file, type="jpeg", quality=_QUALITY)
    context.close()
    print(f"{file} {file.stat().st_size // 1000} kB", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--home", help="a home that the demo has filled")
    parser.add_argument("--only", default="", help="a part of a page's name")
    return parser.parse_args()


if __name__ == "__main__":
    main()
