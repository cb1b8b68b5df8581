"""`dashcam read`: plates in photos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dashcam_cli import common
from dashcam_cli.output import FAILED, leave, print_json, printable, say
from stages.errors import DashcamError, SettingsError


def read_images(images: list[Path], as_json: bool) -> None:
    """One line per image; exit 1 when one could not be read."""
    settings = common.settings()
    try:
        from stages.vision.photo import PhotoReader
    except ImportError as error:
        raise SettingsError(
            f"this install has no plate reader ({error}); get one with: pip install 'dashcam-processor[cpu]'"
        ) from error
    models = Path(settings.models.dir or Path(settings.home) / "models")
    reader = PhotoReader(settings.stage.heavy, models)
    failed = False
    for image in images:
        try:
            plates: list[Any] = list(reader.read(image))
        except (DashcamError, OSError) as error:
            failed = True
            say(f"dashcam: {printable(str(image))}: {printable(str(error))}")
            continue
        if as_json:
            print_json({"image": str(image), "plates": plates})
        else:
            words = [f"{each['plate']} ({each['confidence']:.2f})" for each in plates]
            print(f"{printable(str(image))}: {', '.join(words) or 'no plate'}")  # noqa: T201
    if failed:
        leave(FAILED)
