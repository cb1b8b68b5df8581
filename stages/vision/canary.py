"""The canary: a picture that we draw, with a plate that we know, read before any clip is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from stages.settings import HeavySettings
from stages.video.render import render_still
from stages.video.sprites import PLATE_HEIGHT
from stages.vision.boxes import Image

if TYPE_CHECKING:
    from stages.vision.looks import Look
    from stages.vision.spotter import Spotter

_SEED = 20
_WIDTH, _HEIGHT = 960, 540
_FOCAL = 1.3  # of the width, as `render_still` has it
_PLATE = 32.0  # pixels of height: nobody who reads plates misreads such a one


class Canary(NamedTuple):
    """The picture (H×W×3 RGB) and the plate on it."""

    image: Image
    plate: str


class Verdict(NamedTuple):
    """What came of it: `reason` is a sentence, "" when the plate was read; `milliseconds` for one look."""

    reason: str
    milliseconds: float


def canary(least_height: float = 0.0) -> Canary:
    """The same picture each time; its plate is larger than what a setting leaves unread."""
    scale = max(1.0, 1.25 * least_height / _PLATE)
    width, height = round(_WIDTH * scale), round(_HEIGHT * scale)
    distance = PLATE_HEIGHT * _FOCAL * _WIDTH / _PLATE
    image, planted = render_still(seed=_SEED, width=width, height=height, distance=distance)
    return Canary(image, planted.plate)


def try_canary(spotter: Spotter, settings: HeavySettings) -> Verdict:
    """Let a spotter read the canary. Raises what a broken model raises."""
    bird = canary(settings.min_plate_height)
    began = time.perf_counter()
    seen = spotter.look(bird.image)
    spent = (time.perf_counter() - began) * 1000
    names = ", ".join(str(each["model"]) for each in spotter.describe())
    return Verdict(_judged(seen.looks, bird.plate, names), round(spent, 1))


def _judged(looks: list[Look], plate: str, names: str) -> str:
    # As it stands there: grammar for other countries may prefer a look-alike.
    texts = [text for look in looks if look.read for text in (look.read.plate, look.read.text.text)]
    if plate in texts:
        return ""
    what = f"was read as {texts[0][:40]!r}" if texts else "was not found" if not looks else "was not read"
    return (
        f"the test picture's plate {plate} {what} by {names}; these models do not work here: try "
        "dashcam models verify, and reinstall the package rapidocr and the inference runtime"
    )
