"""Evidence: original bytes, lists of hashes, a page; checkable without us."""

import json
import shutil
import subprocess
import sys
import textwrap
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from stages.errors import Conflict, PlaceAbsent, StageFailed
from stages.export.evidence import Order, safe_name, write_evidence
from stages.export.facts import Claim, Seen
from stages.export.verify import verify
from stages.footage.gps.gpx import read_gpx
from tests.stages.export.made import HOSTILE, NOW, clip, evidence, jpeg


def test_the_clips_are_the_originals(tmp_path):
    """Each clip is byte for byte there; the lists say where it came from and what is known of it."""
    folder, made = evidence(tmp_path)
    for source in (tmp_path / "nas").iterdir():
        assert (folder / "clips" / source.name).read_bytes() == source.read_bytes()
    clips = json.loads((folder / "clips.json").read_bytes())
    assert [each["taken_from"]["place"] for each in clips] == ["indoor_nas"] * 2
    assert clips[0]["facts"]["time_source"] == "gps"
    assert [claim["source"] for claim in clips[0]["facts"]["time_claims"]] == ["name_local", "gps"]
    assert made.files == len([path for path in folder.rglob("*") if path.is_file()])
    assert list(tmp_path.glob(".*")) == []


def test_route_plates_and_pictures(tmp_path):
    """The route is there as GPX and JSON, each plate with its place in the picture and its crop."""
    folder, _ = evidence(tmp_path)
    assert len(read_gpx(folder / "route.gpx")) == 20
    assert len(json.loads((folder / "route.json").read_bytes())[0]["points"]) == 10
    seen = json.loads((folder / "sightings.json").read_bytes())
    assert (seen[0]["plate"], seen[0]["box"], seen[0]["file"]) == (
        "ABC123",
        [1.0, 2.0, 3.0, 4.0],
        "clips/2026_0601_162701_000001F.MP4",
    )
    assert (folder / seen[0]["crop"]).read_bytes() == jpeg()


def test_the_best_picture_is_taken(tmp_path):
    """A crop at full resolution goes before the server's small one."""
    (tmp_path / "plates").mkdir()
    (tmp_path / "plates" / "ABC123.jpg").write_bytes(jpeg(80))
    write_evidence(
        Order([clip(tmp_path / "nas", crops=[tmp_path / "none", tmp_path / "plates"])], [], NOW, "t"),
        tmp_path / "e",
    )
    (crop,) = (tmp_path / "e" / "crops").iterdir()
    assert crop.read_bytes() == jpeg(80)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
def test_it_is_checked_without_us(tmp_path):
    """`sha256sum -c` finds every file as it was, and a changed one."""
    folder, _ = evidence(tmp_path)
    check = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    shown = subprocess.run(check, cwd=folder, capture_output=True, text=True, check=False)
    assert shown.returncode == 0
    assert shown.stdout.count(": OK") == len([path for path in folder.rglob("*") if path.is_file()]) - 1
    with (folder / "route.gpx").open("ab") as file:
        file.write(b" ")
    assert subprocess.run(check, cwd=folder, capture_output=True, check=False).returncode == 1


def test_a_zip_holds_the_same(tmp_path):
    """One file with everything below one folder; any program reads it."""
    folder, _ = evidence(tmp_path)
    shutil.rmtree(tmp_path / "nas")
    target, made = evidence(tmp_path, zipped=True)
    with zipfile.ZipFile(target) as file:
        assert file.testzip() is None
        names = file.namelist()
        assert {name.split("/")[0] for name in names} == {"evidence"}
        inside = {name.removeprefix("evidence/") for name in names}
        assert inside == {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        sums = file.read("evidence/SHA256SUMS")
    assert verify(target).seal == made.seal
    assert sums == (folder / "SHA256SUMS").read_bytes()


def test_a_clip_that_was_changed_is_no_evidence(tmp_path):
    """What is not what was taken in is refused, and nothing is left behind."""
    one = clip(tmp_path / "nas")
    one.path.write_bytes(one.path.read_bytes()[:-1] + b"?")
    with pytest.raises(StageFailed, match="its hash is another"):
        write_evidence(Order([one], [], NOW, "t"), tmp_path / "e")
    assert [path.name for path in tmp_path.iterdir()] == ["nas"]


def test_a_small_copy_is_no_evidence(tmp_path):
    """The archive's low-resolution copy never stands in for the original."""
    with pytest.raises(PlaceAbsent, match="original"):
        write_evidence(Order([clip(tmp_path / "nas", small=True)], [], NOW, "t"), tmp_path / "e")


def test_nothing_is_overwritten(tmp_path):
    """Evidence that is there stays."""
    folder, _ = evidence(tmp_path)
    with pytest.raises(Conflict):
        evidence(tmp_path)
    assert verify(folder).ok


def test_two_clips_of_one_name(tmp_path):
    """Cameras that name both channels alike lose neither."""
    one, two = clip(tmp_path / "front"), clip(tmp_path / "rear", seen=[])
    write_evidence(Order([one, two], [], NOW, "t"), tmp_path / "e")
    names = sorted(path.name for path in (tmp_path / "e" / "clips").iterdir())
    assert names == ["2026_0601_162701_000001F-2.MP4", "2026_0601_162701_000001F.MP4"]
    assert verify(tmp_path / "e").ok


class Strict(HTMLParser):
    """Every tag that opens closes, in order; what is forbidden is noted."""

    VOID = frozenset({"meta", "br", "img"})

    def __init__(self):
        super().__init__()
        self.open, self.found = [], []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_strict_and_alone(tmp_path):
    """Hostile names, plates and claims stay text; no script, no address but data; the policy says so."""
    hostile = clip(tmp_path / "nas")
    facts = msgspec.structs.replace(
        hostile.facts, filename=HOSTILE, family=HOSTILE, warnings=[HOSTILE], time_source=HOSTILE,
        time_claims=[Claim(HOSTILE, HOSTILE)], start_local=HOSTILE,
    )  # fmt: skip
    seen = [
        Seen(plate=HOSTILE, timestamp=HOSTILE, picture=b"GIF", candidates=[{"plate": HOSTILE}]),
        *hostile.seen,
    ]
    hostile = msgspec.structs.replace(
        hostile, facts=facts, seen=seen, place=HOSTILE, below=HOSTILE, dialect=HOSTILE
    )
    folder = tmp_path / "e"
    write_evidence(Order([hostile], [("trip", HOSTILE)], NOW, HOSTILE), folder)
    text = (folder / "index.html").read_text(encoding="utf-8")
    page = Strict()
    page.feed(text)
    assert page.open == []
    tags = {tag for tag, _ in page.found}
    assert not tags & {"script", "iframe", "object", "embed", "link", "form", "base"}
    for tag, attributes in page.found:
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith(("data:image/jpeg;base64,", "data:", "crops/")), (
                tag
            )
    policy = next(a["content"] for t, a in page.found if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "\x00" not in text
    assert "size: A4" in text
    assert verify(folder).ok
    assert all(path.name.isascii() for path in folder.rglob("*"))


def test_names_of_files_are_plain():
    """Whatever a camera calls a clip, its name fits on one line of a list and on every system."""
    assert safe_name("2026_0601.MP4", "x") == "2026_0601.MP4"
    assert safe_name("../../etc/passwd", "x") == "_.._etc_passwd"
    assert safe_name("a\nb\\c:d.mp4", "x") == "a_b_c_d.mp4"
    assert safe_name("...", "clip-1") == "clip-1"
    assert len(safe_name("a" * 500, "x")) == 120


@pytest.mark.slow
@pytest.mark.parametrize("zipped", ["", "zip"])
@pytest.mark.parametrize("after", [1, 4, 9, 14, 15])
def test_killed_at_any_point(tmp_path, after, zipped):
    """kill -9 in the middle leaves nothing under the final name; the next run makes it."""
    code = """
        import os, signal, sys
        from pathlib import Path
        from tests.stages.export.made import evidence
        import stages.export.boxed as boxed, stages.export.landing as landing
        left = int(sys.argv[2])
        def count(real):
            def called(*a, **k):
                global left
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*a, **k)
            return called
        boxed._write = count(boxed._write)
        landing._publish = count(landing._publish)
        evidence(Path(sys.argv[1]), zipped=bool(sys.argv[3]))
    """
    run = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    root = Path(__file__).resolve().parents[3]
    killed = subprocess.run([*run, str(after), zipped], check=False, cwd=root)
    name = "evidence.zip" if zipped else "evidence"
    if killed.returncode == 0:
        assert after > 13
    else:
        assert not (tmp_path / name).exists()
        subprocess.run([*run, "0", zipped], check=True, cwd=root)
    assert verify(tmp_path / name).ok
