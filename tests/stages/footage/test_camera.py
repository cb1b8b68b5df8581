"""Which camera a clip is from, and what the clips around it say of its clock."""

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest

from stages.footage.camera import camera_key, camera_of, known_camera
from stages.footage.clip import describe
from stages.footage.clock import ClipTime
from stages.footage.names import read_name
from stages.footage.neighbours import ASKED, CameraClocks
from stages.footage.runs import CameraClock
from stages.settings import CameraSettings, IngestSettings
from tests.stages.clips import block_t3, novatek

START = datetime(2026, 6, 1, 16, 27, 34)  # noqa: DTZ001
MADRID = (40.4, -3.7)


def _key(path: str, place: str = "dashcam") -> str:
    return camera_key(place, PurePosixPath(path), read_name(path))


@pytest.mark.parametrize(
    ("paths", "key"),
    [
        (
            (
                "DCIM/Movie/2026_0601_162734_113670F.MP4", "DCIM/Movie/RO/2026_0601_162734_113672R.MP4",
                "DCIM/Movie/Parking/2026_0601_162734_113735PR.MP4", "DCIM/Movie/2022_0224_132829_PR.MP4",
            ),
            "viofo@dashcam",
        ),
        (
            (
                "TeslaCam/RecentClips/2019-10-23_17-34-35-front.mp4",
                "TeslaCam/SavedClips/2019-10-23_17-44-35/2019-10-23_17-34-35-left_repeater.mp4",
            ),
            "tesla@dashcam",
        ),
        (
            (
                "Normal/Front/NO20240509-134909-000016F.MP4", "Event/Back/EV20240509-134909-000016B.MP4",
                "Parking/PA20240509-134909-000016.MP4",
            ),
            "70mai@dashcam",
        ),
        (("cont_rec/REC_20250929_143201_F.MP4", "evt_rec/EVT_2026_03_06_07_25_52_R.MP4"), "thinkware@dashcam"),
        (("DCIM/105UNSVD/GRMN0099.MP4", "DCIM/102SAVED/GRMN0007.MP4"), "garmin@dashcam"),
        (("golf/front_norm/2026_03_15_173951_02_F.MP4", "golf/rear_emer/2026_03_15_173951_02_R.MP4"), "wolfbox@dashcam:/golf"),
        (("dashcam1_20240101_120000.mp4", "dashcam1_20240302_070000.mp4"), "dashcam1@dashcam"),
    ],
)  # fmt: skip
def test_one_key_for_every_mode_and_lens(paths: Sequence[str], key: str) -> None:
    """The camera's own folders, letters, dates and numbers do not tell cameras apart."""
    assert {_key(path) for path in paths} == {key}


def test_places_and_roots_tell_cameras_apart() -> None:
    """Two cards, two folders of a NAS, two makers: two cameras each."""
    path = "DCIM/Movie/2026_0601_162734_113670F.MP4"
    keys = {
        _key(path),
        _key(path, "card2"),
        _key(f"golf/{path}"),
        _key(f"cars/golf/{path}"),
        _key("a/20260505_090047_NF.mp4"),
    }
    assert len(keys) == 5
    long = _key("x" * 200 + "/" + path)
    assert (len(long), long) == (160, _key("x" * 200 + "/" + path))


def test_the_owners_cameras() -> None:
    """The first whose every mark fits; a camera without a mark is only ever named."""
    cameras = {
        "named": CameraSettings(time_zone="UTC"),
        "golf": CameraSettings(place="nas", folder="cars/golf"),
        "vans": CameraSettings(folder="cars/*"),
        "viofo": CameraSettings(family="viofo"),
    }

    def of(place: str, path: str) -> str | None:
        return known_camera(cameras, place, PurePosixPath(path), read_name(path))

    clip = "DCIM/Movie/2026_0601_162734_113670F.MP4"
    assert of("nas", f"cars/golf/{clip}") == "golf"
    assert of("nas", f"Cars/Golf/{clip}") == "golf"
    assert of("other", f"cars/golf/{clip}") == "vans"
    assert of("nas", clip) == "viofo"
    assert of("nas", "20260505_090047_NF.mp4") is None


def test_what_is_said_with_a_clip_comes_first() -> None:
    """`--camera` and `--time-zone` outrank the settings; a named camera has its own zone."""
    settings = IngestSettings(
        time_zone="UTC",
        cameras={"golf": CameraSettings(name="The Golf", time_zone="Europe/Madrid", family="viofo")},
    )
    path = PurePosixPath("DCIM/Movie/2026_0601_162734_113670F.MP4")
    name = read_name(path)
    assert camera_of(settings, {}, "card", path, name) == (
        "golf",
        "The Golf",
        "Europe/Madrid",
        "cameras.golf.time_zone",
    )
    said = {"camera": "van", "time_zone": "+01:00"}
    assert camera_of(settings, said, "card", path, name) == ("van", None, "+01:00", "the task's time_zone")
    assert camera_of(settings, {"camera": "\x1b[2J"}, "card", path, name).key == "golf"
    assert camera_of(settings, {"camera": "van"}, "card", path, name).time_zone == "UTC"


# -- the clips around it ----------------------------------------------------------------------------


def _blocks(start: datetime, place: tuple[float, float] | None = MADRID) -> list[bytes]:
    return [block_t3(start + timedelta(seconds=n), place) for n in range(3)]


def _write(root: Path, name: str, blocks: list[bytes]) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(novatek(blocks, seconds=3.0))
    return path


def _named(local: datetime, number: int, end: str = "F") -> str:
    return f"{local:%Y_%m%d_%H%M%S}_{number:06d}{end}.MP4"


def _drive(root: Path, count: int, ahead: timedelta, start: datetime = START) -> None:
    """Front clips with GPS, one a minute; their names `ahead` of UTC."""
    for n in range(count):
        local = start + n * timedelta(minutes=1)
        _write(root, f"DCIM/Movie/{_named(local, 100 + n)}", _blocks(local - ahead))


def _settled(root: Path, clip: Path, clocks: CameraClocks | None = None) -> ClipTime:
    below = PurePosixPath(clip.relative_to(root).as_posix())
    others = (clocks or CameraClocks()).around(clip, below)
    return describe(clip, relative=below, others=others).time


@pytest.mark.parametrize(
    "below",
    [
        f"DCIM/Movie/{_named(START + timedelta(minutes=20), 130, 'R')}",
        f"DCIM/Movie/Parking/{_named(START + timedelta(hours=1), 150, 'PF')}",
        f"DCIM/Movie/RO/{_named(START - timedelta(hours=1), 90, 'F')}",
    ],
)
def test_rear_parking_and_garage_clips_get_the_drives_offset(tmp_path: Path, below: str) -> None:
    """Whatever folder of the card they lie in: the offset comes from the drive's clips with GPS."""
    _drive(tmp_path, 4, timedelta(hours=2))
    found = _settled(tmp_path, _write(tmp_path, below, []))
    assert (found.time_source, found.utc_offset_seconds, found.doubt) == ("camera_offset", 7200, False)


def test_a_clock_that_was_reset_in_the_middle_of_a_card(tmp_path: Path) -> None:
    """After a dead battery the names are years off; a clip without GPS among them still gets the right UTC."""
    _drive(tmp_path, 4, timedelta(hours=2))
    reset = datetime(2015, 1, 1, 0, 1, 0)  # noqa: DTZ001
    off = reset - START - timedelta(hours=8)
    _drive(tmp_path, 4, off, start=reset)
    garage = _settled(
        tmp_path, _write(tmp_path, f"DCIM/Movie/{_named(reset + timedelta(minutes=9), 120)}", [])
    )
    assert garage.time_source == "camera_offset"
    assert garage.start_utc is not None
    assert garage.start_utc.replace(tzinfo=None) == START + timedelta(hours=8, minutes=9)
    before = _settled(
        tmp_path, _write(tmp_path, f"DCIM/Movie/{_named(START + timedelta(minutes=9), 121)}", [])
    )
    assert (before.time_source, before.utc_offset_seconds) == ("camera_offset", 7200)


def test_one_stray_fix_moves_no_other_clip(tmp_path: Path) -> None:
    """A single fix that is years off its clip's name is no setting of the clock."""
    wrong = block_t3(START - timedelta(days=1800), MADRID)
    _write(tmp_path, f"DCIM/Movie/{_named(START, 100)}", [wrong])
    found = _settled(
        tmp_path, _write(tmp_path, f"DCIM/Movie/{_named(START + timedelta(minutes=1), 101)}", [])
    )
    assert found.time_source == "name+host_zone"


def test_viofo_that_writes_local_time_as_utc(tmp_path: Path) -> None:
    """One clip whose clock jumps by a quarter-hour multiple at its first fix gives the whole drive its offset."""
    _drive(tmp_path, 4, timedelta(0))
    jumps = START + timedelta(minutes=10)
    blocks = [block_t3(jumps - timedelta(hours=2), None), *_blocks(jumps + timedelta(seconds=1))]
    own = _write(tmp_path, f"DCIM/Movie/{_named(jumps, 110)}", blocks)
    assert (_settled(tmp_path, own).time_source, _settled(tmp_path, own).utc_offset_seconds) == ("gps", 7200)
    other = _settled(tmp_path, tmp_path / f"DCIM/Movie/{_named(START, 100)}")
    assert (other.time_source, other.utc_offset_seconds) == ("camera_offset", 7200)
    assert other.gps_to_utc_seconds == -7200
    later = _named(jumps + timedelta(minutes=5), 111, "R")
    dark = _settled(tmp_path, _write(tmp_path, f"DCIM/Movie/{later}", []))
    assert (dark.time_source, dark.utc_offset_seconds) == ("camera_offset", 7200)


def test_another_camera_says_nothing(tmp_path: Path) -> None:
    """Clips of another family or of another card beside it are not asked."""
    _drive(tmp_path / "golf", 3, timedelta(hours=2))
    clocks = CameraClocks()
    for below in ("golf/DCIM/Movie/20260601_162800_NF.mp4", f"van/DCIM/Movie/{_named(START, 1)}"):
        clip = _write(tmp_path, below, [])
        assert clocks.around(clip, PurePosixPath(below))(None) is None


def test_few_clips_are_read_and_each_once(tmp_path: Path) -> None:
    """However many there are: twelve with GPS are asked, and none is read a second time."""
    _drive(tmp_path, 30, timedelta(hours=2))
    clip = _write(tmp_path, f"DCIM/Movie/{_named(START + timedelta(minutes=15), 1, 'R')}", [])
    read: list[None] = []
    clocks = CameraClocks()
    others = clocks.around(
        clip, PurePosixPath(clip.relative_to(tmp_path).as_posix()), lambda: read.append(None)
    )
    assert others(None) == CameraClock(7200, pytest.approx(MADRID, abs=1e-4))  # type: ignore[arg-type]
    assert len(read) == ASKED
    others(None)
    assert len(read) == ASKED


def test_what_changes_in_the_folder_is_seen(tmp_path: Path) -> None:
    """A clip that came later counts, and one that is gone or cannot be read is passed over."""
    clip = _write(tmp_path, f"DCIM/Movie/{_named(START, 1, 'R')}", [])
    clocks = CameraClocks()
    below = PurePosixPath(clip.relative_to(tmp_path).as_posix())
    assert clocks.around(clip, below)(None) is None
    _drive(tmp_path, 2, timedelta(hours=2))
    os.utime(clip.parent, (1, 1))  # whatever the file system's clock does
    assert clocks.around(clip, below)(None) is not None
    for path in (tmp_path / "DCIM/Movie").glob("*F.MP4"):
        path.write_bytes(b"")
    assert clocks.around(clip, below)(None) is None


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A link in a card's folder leads nowhere."""
    _drive(tmp_path / "away", 3, timedelta(hours=5))
    clip = _write(tmp_path / "card", f"DCIM/Movie/{_named(START, 1, 'R')}", [])
    (tmp_path / "card/DCIM/Movie/RO").symlink_to(tmp_path / "away/DCIM/Movie")
    others = CameraClocks().around(clip, PurePosixPath(f"DCIM/Movie/{clip.name}"))
    assert others(None) is None
