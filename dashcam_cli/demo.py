"""`dashcam demo`: a rendered drive through the whole pipeline, found against planted, the result served."""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashcam_cli import common, platform
from dashcam_cli.intake import Refusal, examine
from dashcam_cli.output import FAILED, leave, printable, say, table
from dashcam_cli.run import pipeline
from stages.errors import SettingsError

if TYPE_CHECKING:
    from config.settings import Settings
    from stages.video.render import Drive, Planted

SEED = 7
#: Planted plates of which at least this part must be found confirmed for the demo to be called a success.
_ENOUGH = 0.5
#: Below this height (pixels) nobody could read a plate; it is shown, and not asked for.
_LEGIBLE = 16


def run_demo(home: Path | None, open_browser: bool, end: bool) -> None:
    """Render, run, compare, serve; exit 1 when the pipeline found too little."""
    settings = common.settings(home or Path(".demo"))
    drive = _render(Path(settings.home) / "drive")
    clip = examine(drive.clip, datetime.now())  # noqa: DTZ005
    if isinstance(clip, Refusal):
        raise SettingsError(f"the rendered clip cannot be used: {clip.reason}")
    with pipeline(settings) as line:
        videos, errors = line.run([clip])
        good = _compare(drive, videos[0]) and not errors
        if not end:
            serve_on(settings, line.settings.server.url, open_browser)
    if not good:
        leave(FAILED)


def _render(folder: Path) -> Drive:
    try:
        from stages.video.render import render_drive
    except ImportError as error:
        raise SettingsError(
            f"the demo needs the stages ({error}); install them with: pip install 'dashcam-processor[cpu]'"
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    say("rendering a short drive ...")
    return render_drive(folder, seed=SEED)


def _compare(drive: Drive, video: dict[str, Any]) -> bool:
    """Print found against planted; whether enough was found and nothing else was confirmed."""
    confirmed = {each["plate"]: each for each in video["sightings"] if each["confirmed"]}
    rows = []
    for plant in drive.planted:
        found = confirmed.pop(normal(plant.plate), None)
        rows.append(
            [plant.plate, plant.country, _span(plant), f"{plant.max_height_px:.0f} px", _found(found)]
        )
    rows += [[plate, "", "", "", "found, not planted"] for plate in confirmed]
    table("Planted and found", ("plate", "country", "seconds", "height", "found"), rows)
    legible = [plant for plant in drive.planted if plant.max_height_px >= _LEGIBLE]
    hits = sum(row[4].startswith("yes") for row in rows)
    print(f"{hits} of {len(legible)} legible plates found; archive: {printable(str(video['archive_path']))}")  # noqa: T201
    return hits >= _ENOUGH * len(legible) and not confirmed


def _span(plant: Planted) -> str:
    return f"{plant.first_seconds:.1f}-{plant.last_seconds:.1f}"


def _found(sighting: dict[str, Any] | None) -> str:
    return "no" if sighting is None else f"yes, {sighting['confidence']:.2f}"


def normal(plate: str) -> str:
    """A plate without what is not printed as a letter or digit."""
    return "".join(c for c in plate.upper() if c.isalnum())


def serve_on(
    settings: Settings, url: str, open_browser: bool, opener: Callable[[str], bool] = webbrowser.open
) -> None:
    """Keep the embedded server up until Ctrl-C."""
    stopped = threading.Event()
    platform.on_stop(stopped.set)
    say(f"the result is at {url} (Ctrl-C ends it); later: dashcam server --home {settings.home}")
    if open_browser:
        opener(url)
    while not stopped.wait(3600):
        pass
