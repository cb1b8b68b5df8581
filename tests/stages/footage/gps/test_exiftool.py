"""ExifTool as the last resort: a stand-in program answers, so that it need not be installed."""

import os
import shutil
import sys
from datetime import datetime
from pathlib import Path

import pytest

from stages.footage.container import walk
from stages.footage.gps.exiftool import exiftool_log, hints
from stages.footage.gps.inside import read_inside
from tests.stages.clips import block_t17, box, mvhd, novatek, trak

posix = pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script with a first line")
WHEN = datetime(2024, 1, 15, 11, 34, 56)  # noqa: DTZ001
PLAIN = box(b"ftyp", b"isom", bytes(4)) + box(b"mdat", bytes(600)) + box(b"moov", mvhd(WHEN, 3.0), trak())
STRANGE = PLAIN + box(b"GKUx", b"something that nobody of ours reads")


def _clip(tmp_path: Path, data: bytes, name: str = "clip.mp4") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that comes first on the PATH; write `exiftool` into it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def _program(folder: Path, body: str) -> None:
    path = folder / "exiftool"
    path.write_text(f"#!{sys.executable}\nimport sys, time\n{body}\n")
    path.chmod(0o755)


ROWS = (
    "\t\t\t\t\t\t",
    "0\t2024:01:15 11:34:56.000Z\t-33.5\t-70.6\t36.5\t-90\t512",
    "1.5\t2024:01:15 11:34:57Z\t-33.51\t-70.6\t\t\t",
    "2\t2024:01:15 11:34:58Z\t91\t0\t\t\t",
    "junk",
)


@posix
def test_answer_becomes_fixes(tmp_path: Path, stand_in: Path) -> None:
    """Seconds, time, place, speed, course and height of each line; what is none is passed over."""
    _program(stand_in, f"print({chr(10).join(ROWS)!r})")
    path = _clip(tmp_path, STRANGE.replace(mvhd(WHEN, 3.0), mvhd(None, 3.0)))
    log = read_inside(path, walk(path))
    assert log is not None
    assert (log.dialect, log.local_clock) == ("ExifTool (mp4)", False)
    valid = [fix for fix in log.fixes if fix.valid]
    assert valid[0] == (WHEN, -33.5, -70.6, 36.5, 270.0, 512.0, 0.0)
    assert (valid[1].seconds, valid[1].speed_kmh, len(valid)) == (1.5, None, 2)


@posix
def test_it_is_not_asked_in_vain(tmp_path: Path, stand_in: Path) -> None:
    """Neither for a clip that ours read or refused, nor for one that hints at nothing, nor when told not to."""
    _program(stand_in, f"open({str(stand_in / 'asked')!r}, 'a').write('x'); print({ROWS[1]!r})")
    clips = {
        "plain.mp4": PLAIN,
        "read.mp4": novatek([block_t17(WHEN, (40.0, -3.0))]) + box(b"GKUx", b"x" * 40),
        "void.mp4": novatek([block_t17(WHEN, None)]) + box(b"GKUx", b"x" * 40),
        "refused.mp4": novatek([bytes(0x48)])
        + box(b"gps0", (bytes(44) + b"\x3c\x99\xa7\x3a").ljust(56, b"\0")),
        "small.mp4": box(b"ftyp", b"isom") + box(b"GKUx", b"x" * 40),
    }
    for name, data in clips.items():
        path = _clip(tmp_path, data, name)
        log = read_inside(path, walk(path))
        assert log is None or not log.dialect.startswith("ExifTool"), name
    path = _clip(tmp_path, STRANGE)
    assert read_inside(path, walk(path), exiftool=False) is None
    assert not (stand_in / "asked").exists()
    assert read_inside(path, walk(path)) is not None
    assert (stand_in / "asked").exists()


@posix
def test_names_are_never_options_nor_shell(tmp_path: Path, stand_in: Path) -> None:
    """A name like an option or a command comes through as one argument behind `--`; a pipe is not asked for."""
    _program(stand_in, f"open({str(stand_in / 'args')!r}, 'w').write(repr(sys.argv[1:])); print({ROWS[1]!r})")
    for name in ("-delete_original.mp4", "a; touch b $(c).mp4", "@list.mp4"):
        path = _clip(tmp_path, STRANGE, name)
        assert exiftool_log(path, walk(path), None) is not None
        arguments = eval((stand_in / "args").read_text())  # noqa: S307  (our own stand-in wrote it)
        assert arguments[-2:] == ["--", str(path)]
        assert arguments[:2] == ["-config", ""]
    path = _clip(tmp_path, STRANGE, "touch x|")
    assert exiftool_log(path, walk(path), None) is None


@posix
@pytest.mark.parametrize("body", ["time.sleep(60)", "sys.stdout.write('x' * 10**9)", "sys.exit(3)", "1/0"])
def test_a_program_that_hangs_or_floods(tmp_path: Path, stand_in: Path, body: str) -> None:
    """It is killed after its time, read up to a bound, and its failure is no error."""
    _program(stand_in, body)
    path = _clip(tmp_path, STRANGE)
    assert exiftool_log(path, walk(path), None, timeout=0.5, most=1000) is None


@posix
def test_times_made_up_from_the_header_are_left_out(tmp_path: Path, stand_in: Path) -> None:
    """Where a layout has no clock ExifTool counts from the movie header: no claim of GPS."""
    rows = [f"{i}\t2024:01:15 11:34:{56 + i}.000Z\t40.{i}\t-3.7\t\t\t" for i in range(3)]
    _program(stand_in, f"print({chr(10).join(rows)!r})")
    path = _clip(tmp_path, STRANGE)
    log = exiftool_log(path, walk(path), None)
    assert log is not None
    assert [fix.time for fix in log.fixes] == [None] * 3
    assert log.placed


def test_without_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where ExifTool is not installed nothing is missed but what it would read."""
    monkeypatch.setenv("PATH", str(tmp_path))
    path = _clip(tmp_path, STRANGE)
    assert read_inside(path, walk(path)) is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (PLAIN, False),
        (STRANGE, True),
        (PLAIN + box(b"GKUx", bytes(500)), False),  # zeros say nothing
        (PLAIN + box(b"GKUx", b"abc"), False),
        (PLAIN.replace(b"vide", b"meta"), True),
        (PLAIN.replace(b"vide", b"soun"), False),
        (box(b"ftyp", b"isom", bytes(4)) + box(b"moov", mvhd(WHEN), box(b"GPSx", b"x" * 30)), True),
    ],
)
def test_hints(tmp_path: Path, data: bytes, expected: bool) -> None:
    """A track that is neither picture nor sound, and a box of an unknown name that holds something, hint."""
    path = _clip(tmp_path, data)
    assert hints(path, walk(path)) == expected


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="needs ExifTool (libimage-exiftool-perl)")
def test_the_real_program(tmp_path: Path) -> None:
    """ExifTool itself reads what ours leave out, here Denver's log in brackets."""
    text = b"210318073213[1][N][52200970][E][006362321][+00152][100][00140][C000000]+000+000+000"
    path = _clip(tmp_path, PLAIN + box(b"udat", text))
    log = read_inside(path, walk(path))
    assert log is not None
    assert log.dialect == "ExifTool (mp4)"
    fix = next(fix for fix in log.fixes if fix.valid)
    assert (fix.lat, fix.lon) == (pytest.approx(52.3349500), pytest.approx(6.6038683))
    assert fix.time == datetime(2021, 3, 18, 7, 32, 13)  # noqa: DTZ001
