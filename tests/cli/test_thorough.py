"""`--thorough`: every frame of a clip is looked at, also when it went through before."""

import json
from pathlib import Path

from tests.house import House
from tests.stages.films import write_film
from tests.stages.vision.drawn import drawn


def film(folder: Path) -> Path:
    """Two seconds with a plate that moves."""
    light = [drawn((640, 360), ("AB12 CDE", (200 + 2 * n, 200), 48))[0] for n in range(20)]
    return write_film(folder / "20260601_162734.mp4", light, keyframe_every=5)


def looked(house: House, db: str, name: str) -> tuple[float | None, int]:
    """The rate at which the clip was looked at last (None = every frame), and the most reads of one track."""
    told = json.loads(house.command("h", "why", name, "--db", db, "--json").stdout)
    return told["looked"]["per_second"], max(track["outcomes"].get("read", 0) for track in told["tracks"])


def test_a_known_clip_is_looked_at_again(house: House, tmp_path: Path) -> None:
    """The second time every frame counts; the third time there is nothing to do."""
    clip, db = str(film(tmp_path)), str(tmp_path / "hosts" / "h" / "dashcam.sqlite")
    (video,) = json.loads(house.command("h", "run", clip, "--json").stdout)["videos"]
    rate, before = looked(house, db, video["video_id"])
    assert rate == 4

    for _ in range(2):
        ran = house.command("h", "run", clip, "--thorough", "--json")
        assert ran.returncode == 0, ran.stderr
        (again,) = json.loads(ran.stdout)["videos"]
        assert [(each["plate"], each["confirmed"]) for each in again["sightings"]] == [("AB12CDE", True)]
        rate, reads = looked(house, db, video["video_id"])
        assert rate is None
        assert reads > before


def test_thorough_from_the_start(house: House, tmp_path: Path) -> None:
    """The wish goes with the clip from stage to stage."""
    clip, db = str(film(tmp_path)), str(tmp_path / "hosts" / "h" / "dashcam.sqlite")
    (video,) = json.loads(house.command("h", "run", clip, "--thorough", "--json").stdout)["videos"]
    rate, reads = looked(house, db, video["video_id"])
    assert rate is None
    assert reads > 8
