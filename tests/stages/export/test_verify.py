"""Is it still what was written? Every kind of change is found, and hostile input harms nothing."""

import hashlib
import json
import shutil
import stat
import struct
import zipfile

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.errors import BadInput
from stages.export.verify import targets, verify
from stages.files import OutputFolder
from stages.stage import Result
from stages.task import Task, TaskType
from tests.stages.export.made import evidence


def kinds(verdict):
    """What is wrong, by file."""
    return {problem.path: problem.what for problem in verdict.problems}


@pytest.fixture
def folder(tmp_path):
    """Evidence of one clip."""
    return evidence(tmp_path, clips=1)[0]


def test_what_was_written_is_sound(folder):
    """All files are counted, and the seal is the hash of the list of hashes."""
    verdict = verify(folder)
    assert (verdict.ok, verdict.kind) == (True, "evidence")
    assert verdict.files == len([path for path in folder.rglob("*") if path.is_file()])
    assert verdict.seal == hashlib.sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()


def test_one_byte_in_any_file_is_found(folder):
    """Wherever a byte changes, the file is named."""
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        before = path.read_bytes()
        for place in (0, len(before) // 2, len(before) - 1):
            path.write_bytes(before[:place] + bytes([before[place] ^ 1]) + before[place + 1 :])
            verdict = verify(folder)
            assert not verdict.ok, (path.name, place)
            assert path.relative_to(folder).as_posix() in kinds(verdict) or path.name in (
                "SHA256SUMS",
                "manifest.json",
            )
        path.write_bytes(before)
    assert verify(folder).ok


def test_missing_and_extra_files_are_listed(folder):
    """What is gone and what was laid there are told apart; what a file manager left does not count."""
    (folder / "route.gpx").unlink()
    (folder / "clips" / "more.mp4").write_bytes(b"x")
    (folder / ".DS_Store").write_bytes(b"x")
    verdict = verify(folder)
    assert kinds(verdict) == {"route.gpx": "missing", "clips/more.mp4": "extra"}
    assert verdict.ignored == [".DS_Store"]


@pytest.mark.parametrize("name", ["SHA256SUMS", "manifest.json"])
def test_a_list_alone_is_not_enough(folder, name):
    """Without one of the lists it is not sound, and nothing crashes."""
    (folder / name).unlink()
    assert kinds(verify(folder))[name] == "missing"


def test_lists_that_contradict_each_other(folder):
    """A file changed together with one list is found by the other."""
    (folder / "README.txt").write_bytes(b"another")
    sums = (folder / "SHA256SUMS").read_text().splitlines()
    mine = hashlib.sha256(b"another").hexdigest()
    (folder / "SHA256SUMS").write_text(
        "".join(f"{mine}  README.txt\n" if "README" in line else f"{line}\n" for line in sums)
    )
    assert "README.txt" in kinds(verify(folder))


def test_another_clip_under_fresh_lists(folder):
    """Lists written anew around another clip contradict what the catalogue had known."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["clips"][0]["catalogue_blake2"] = "0" * 64
    data = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(data)
    lines = [line for line in (folder / "SHA256SUMS").read_text().splitlines() if "manifest" not in line]
    lines.append(f"{hashlib.sha256(data).hexdigest()}  manifest.json")
    (folder / "SHA256SUMS").write_text("\n".join(lines) + "\n")
    assert set(kinds(verify(folder)).values()) == {"contradicts"}


def test_links_are_not_followed(folder, tmp_path):
    """A link in place of a file is unsafe, wherever it leads."""
    secret = tmp_path / "secret"
    secret.write_bytes((folder / "README.txt").read_bytes())
    (folder / "README.txt").unlink()
    (folder / "README.txt").symlink_to(secret)
    (folder / "loop").symlink_to(folder)
    assert kinds(verify(folder)) == {"README.txt": "unsafe", "loop": "unsafe"}


def test_lists_that_name_what_is_outside(folder, tmp_path):
    """A list that names a file elsewhere is unsafe, and nothing elsewhere is read."""
    (tmp_path / "secret").write_bytes(b"s")
    with (folder / "SHA256SUMS").open("a") as file:
        file.write(f"{hashlib.sha256(b's').hexdigest()}  ../secret\n")
    assert kinds(verify(folder))["../secret"] == "unsafe"


# -- stages' folders ---------------------------------------------------------------------------


def finished(tmp_path, kind=TaskType.PREPROCESS_VIDEO, files=()):
    """A folder as a stage publishes it."""
    final, part = tmp_path / "out", tmp_path / "out.part"
    part.mkdir()
    task = Task(task_id=1, task_type=kind, video_id="v", lease=1)
    for name, data in {"metadata.json": b"{}", "thumbs/1.jpg": b"j", **dict(files)}.items():
        (part / name).parent.mkdir(exist_ok=True)
        (part / name).write_bytes(data)
    OutputFolder(final, part, task, "key").publish(Result())
    return final


def test_a_stages_folder(tmp_path):
    """Its `result.json` says what it holds."""
    folder = finished(tmp_path)
    assert (verify(folder).kind, verify(folder).ok, verify(folder).files) == ("result", True, 3)
    (folder / "thumbs" / "1.jpg").write_bytes(b"k")
    (folder / "more").touch()
    assert kinds(verify(folder)) == {"thumbs/1.jpg": "changed", "more": "extra"}
    (folder / "result.json").write_bytes(b"{")
    assert kinds(verify(folder))["result.json"] == "changed"


def archive(tmp_path):
    """An archive as its stage publishes it."""
    video = b"video" * 100
    held = [
        {
            "path": "video_lowres.mp4",
            "size_bytes": len(video),
            "blake2": hashlib.blake2b(video, digest_size=32).hexdigest(),
        }
    ]
    manifest = json.dumps({"video_id": "v", "files": held}).encode()
    return finished(tmp_path, TaskType.ARCHIVE_VIDEO, {"video_lowres.mp4": video, "manifest.json": manifest})


def test_an_archive(tmp_path):
    """Its manifest and its `result.json` must agree with each other and with the files."""
    folder = archive(tmp_path)
    assert (verify(folder).kind, verify(folder).ok) == ("archive", True)
    (folder / "video_lowres.mp4").write_bytes(b"x")
    assert kinds(verify(folder))["video_lowres.mp4"] in ("changed", "contradicts")


def test_an_archive_without_its_result(tmp_path):
    """The manifest alone still tells whether the files are sound."""
    folder = archive(tmp_path)
    (folder / "result.json").unlink()
    (folder / "metadata.json").unlink()
    (folder / "thumbs" / "1.jpg").unlink()
    assert kinds(verify(folder)) == {"result.json": "missing"}
    (folder / "video_lowres.mp4").write_bytes(b"y" * 500)
    assert kinds(verify(folder)) == {"result.json": "missing", "video_lowres.mp4": "changed"}


def test_a_folder_of_archives(tmp_path):
    """Every finished folder in a folder is checked; a folder of anything else is refused."""
    folder = finished(tmp_path)
    assert targets(tmp_path) == [folder]
    assert targets(folder / "result.json") == [folder]
    moved = tmp_path / "nas" / "videos" / "preproc" / folder.name
    shutil.copytree(folder, moved)
    assert targets(tmp_path / "nas") == [moved]
    (tmp_path / "pictures" / "deep").mkdir(parents=True)
    with pytest.raises(BadInput, match="neither evidence"):
        targets(tmp_path / "pictures")
    with pytest.raises(FileNotFoundError):
        targets(tmp_path / "none")


# -- zip files ---------------------------------------------------------------------------------


def entry(name, data=b"x", mode=0o644, **more):
    """One entry of a hostile zip."""
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def rezipped(tmp_path, *more):
    """Evidence as a zip file with more entries in it."""
    target, _ = evidence(tmp_path, zipped=True, clips=1)
    with zipfile.ZipFile(target, "a") as file:
        for info, data in more:
            file.writestr(info, data)
    return target


@pytest.mark.parametrize(
    "name",
    ["evidence/../../etc/passwd", "/etc/passwd", "evidence/..\\..\\x", "C:\\x", "evidence/C:x", "../x"],
)
def test_names_that_leave_a_zip(tmp_path, name):
    """They are named as unsafe; nothing is ever written."""
    before = sorted(tmp_path.parent.iterdir())
    verdict = verify(rezipped(tmp_path, entry(name)))
    assert "unsafe" in kinds(verdict).values()
    assert sorted(tmp_path.parent.iterdir()) == before


def test_links_and_doubles_in_a_zip(tmp_path):
    """A link is unsafe; of two entries with one name neither is believed."""
    with pytest.warns(UserWarning, match="Duplicate"):
        target = rezipped(
            tmp_path,
            entry("evidence/link", b"/etc/passwd", stat.S_IFLNK | 0o777),
            entry("evidence/README.txt", b"mine"),
        )
    found = kinds(verify(target))
    assert found["link"] == "unsafe"
    assert found["README.txt"] == "unsafe"


def test_one_byte_in_a_zip(tmp_path):
    """A changed byte of a clip is found."""
    target, _ = evidence(tmp_path, zipped=True, clips=1)
    data = target.read_bytes()
    at = data.index(b"clip 1clip 1")
    target.write_bytes(data[:at] + b"X" + data[at + 1 :])
    assert set(kinds(verify(target)).values()) == {"unreadable"}  # the zip's own checksum


def test_a_zip_bomb(tmp_path):
    """A small file that claims to hold gigabytes is refused before it is unpacked."""
    target = tmp_path / "bomb.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("SHA256SUMS", b"0" * 50_000_000)
    with pytest.raises(BadInput, match="far more than it can"):
        verify(target)


def test_a_zip_with_an_endless_list(tmp_path):
    """A list of files of gigabytes is not read."""
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, 0x70000000, 0, 0)
    (tmp_path / "long.zip").write_bytes(b"\0" * 1000 + end)
    with pytest.raises(BadInput, match="too long"):
        verify(tmp_path / "long.zip")


def test_what_is_no_zip(tmp_path):
    """Any other file is refused in a sentence."""
    (tmp_path / "film.mp4").write_bytes(b"\0" * 5000)
    with pytest.raises(BadInput, match="neither a folder nor a zip"):
        verify(tmp_path / "film.mp4")


def test_a_zip_that_was_cut_off(tmp_path):
    """A zip without its end is called what it is."""
    target = tmp_path / "cut.zip"
    with zipfile.ZipFile(target, "w") as file:
        file.writestr("SHA256SUMS", b"0" * 5000)
    target.write_bytes(target.read_bytes()[:3000])
    with pytest.raises(BadInput, match="cut off: its list at the end is missing"):
        verify(target)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_zip_never_passes(tmp_path_factory, data):
    """Bytes changed anywhere: refused, not sound, or (in what no reader looks at) still every file as it was."""
    base = tmp_path_factory.getbasetemp() / "damaged"
    if not base.exists():
        base.mkdir()
        evidence(base, zipped=True, clips=1)
    whole = (base / "evidence.zip").read_bytes()
    torn = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        torn[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = base / "torn.zip"
    path.write_bytes(bytes(torn[: data.draw(st.integers(len(torn) - 300, len(torn)))]))
    try:
        verdict = verify(path)
    except BadInput:
        return
    if verdict.ok:
        with zipfile.ZipFile(path) as file, zipfile.ZipFile(base / "evidence.zip") as first:
            assert [file.read(each) for each in file.namelist()] == [
                first.read(each) for each in first.namelist()
            ]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["manifest.json", "SHA256SUMS", "result.json"]))
def test_no_list_breaks_it(tmp_path_factory, data, name):
    """Any bytes as a list: not sound, and no crash."""
    folder = tmp_path_factory.mktemp("any")
    (folder / name).write_bytes(data)
    verdict = verify(folder)
    assert not verdict.ok or name == "result.json"
    assert msgspec.json.encode(verdict)
