"""Names are given in one step, and never taken from something else."""

import os
import subprocess
import sys
import textwrap

import pytest

from stages.errors import BadInput, Conflict, PlaceFull
from stages.export.landing import check_room, free_name, landing


def test_a_file_appears_when_it_is_whole(tmp_path):
    """While it is written nothing has the name; afterwards nothing else lies there."""
    target = tmp_path / "new" / "film.mp4"
    with landing(target) as part:
        part.write_bytes(b"film")
        assert not target.exists()
    assert target.read_bytes() == b"film"
    assert [path.name for path in target.parent.iterdir()] == ["film.mp4"]


def test_a_folder_appears_when_it_is_whole(tmp_path):
    """Folders land as files do."""
    with landing(tmp_path / "evidence") as part:
        part.mkdir()
        (part / "a").write_text("a")
    assert (tmp_path / "evidence" / "a").read_text() == "a"


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, OSError, BadInput])
def test_nothing_half_there_after_trouble(tmp_path, trouble):
    """An error or Ctrl-C leaves nothing."""
    with pytest.raises(trouble), landing(tmp_path / "film.mp4") as part:
        part.write_bytes(b"half")
        raise trouble("stop")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "folder", "empty folder", "dangling link"])
def test_nothing_is_overwritten(tmp_path, kind):
    """Whatever has the name keeps it, also when it came while we wrote."""
    target = tmp_path / "x"

    def take():
        if kind == "file":
            target.write_text("theirs")
        elif kind == "dangling link":
            target.symlink_to(tmp_path / "nowhere")
        else:
            target.mkdir()
            if kind == "folder":
                (target / "a").write_text("theirs")

    with pytest.raises(Conflict, match="nothing is overwritten"), landing(target) as part:
        part.write_text("ours")
        take()
    with pytest.raises(Conflict), landing(target) as part:
        raise AssertionError("it must not begin")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert not target.is_file() or target.read_text() == "theirs"


def test_what_a_killed_run_left_goes_with_the_next(tmp_path):
    """kill -9 leaves a part under a name of its own; an old one is swept away, a fresh one stays."""
    code = """
        import os, signal, sys
        from pathlib import Path
        from stages.export.landing import landing
        with landing(Path(sys.argv[1])) as part:
            part.write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "film.mp4")], check=False)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".film.mp4.")
    assert left.name.endswith(".part")
    with landing(tmp_path / "film.mp4") as part:
        part.write_bytes(b"whole")
    assert left.exists(), "it may be another run's that is at work"
    (tmp_path / "film.mp4").unlink()
    os.utime(left, (1, 1))
    with landing(tmp_path / "film.mp4") as part:
        part.write_bytes(b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


def test_free_names_are_numbered(tmp_path):
    """The second file of a name gets a number."""
    (tmp_path / "a.mp4").touch()
    assert free_name(tmp_path, "a", ".mp4").name == "a-2.mp4"
    assert free_name(tmp_path, "b", ".mp4").name == "b.mp4"


def test_room_is_looked_at_before(tmp_path):
    """More than the disk has is refused with both figures; a file is no folder to write to."""
    with pytest.raises(PlaceFull, match="GB are needed"):
        check_room(tmp_path / "not" / "there", 1 << 60)
    check_room(tmp_path, 1)
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="not a folder"):
        check_room(tmp_path / "file", 1)
