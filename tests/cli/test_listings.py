"""Whatever bytes a camera lists: an answer or a refusal, and never a path that leads anywhere else."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dashcam_cli.cameras import Camera, Shelf, in_order
from dashcam_cli.pull_blackvue import BlackVue
from dashcam_cli.pull_viofo import Viofo
from stages.errors import Refused
from tests.fake_cameras import ViofoCamera

NAMES = st.text(st.sampled_from("abc019_./\\:%?&=# \r\n\x00é\"'<>~-"), max_size=40)


def listed(camera: Camera, data: bytes) -> Shelf | None:
    """What a camera reads out of a listing; None when it refuses."""
    try:
        return camera.listing(lambda target, limit: data)
    except Refused:
        return None


def check(camera: Camera, shelf: Shelf | None) -> None:
    """Every path stays below the card, and everything that would be asked for is allowed."""
    for clip in shelf.clips if shelf else ():
        path = PurePosixPath(clip.path)
        assert not path.is_absolute()
        assert not {"..", ".", ""} & set(clip.path.split("/"))
        assert clip.name == path.name
        for target in [clip.target, *(camera.target(each) for each in camera.beside(clip))]:
            assert any(re.fullmatch(pattern, target, re.ASCII) for pattern in camera.allowed), target
    assert shelf is None or sorted(in_order(shelf.clips)) == sorted(shelf.clips)


@pytest.mark.parametrize("camera", [BlackVue(), Viofo()])
@given(data=st.binary(max_size=400))
@example(data=b"v:\n" + b"n:/Record/" + b"a" * 100 + b".mp4,s:1\n")
def test_any_bytes(camera: Camera, data: bytes) -> None:
    """Bytes of any kind."""
    check(camera, listed(camera, data))


@given(names=st.lists(NAMES, max_size=5))
def test_any_names_of_a_blackvue(names: list[str]) -> None:
    """Names of any kind in a sound listing."""
    lines = "".join(f"n:/Record/{name}.mp4,s:1\r\nn:{name},s:1\r\n" for name in names)
    shelf = listed(BlackVue(), f"v:1.00\r\n{lines}".encode())
    assert shelf is not None
    check(BlackVue(), shelf)


@given(names=st.lists(NAMES, max_size=5), size=st.text(max_size=20), attribute=st.text(max_size=5))
def test_any_names_of_a_viofo(names: list[str], size: str, attribute: str) -> None:
    """Names, sizes and attributes of any kind in a sound listing, as far as XML has them."""
    entries = "".join(
        ViofoCamera.entry(
            f"A:\\DCIM\\{name}.MP4", size.replace("<", "").replace("&", ""), attribute.replace("<", "")
        )
        for name in names
    )
    check(Viofo(), listed(Viofo(), f"<LIST>{entries}</LIST>".encode("utf-8", "replace")))


def test_what_real_cameras_list() -> None:
    """Entries as the makers' firmware writes them."""
    text = b"v:1.00\r\nn:/Record/20240601_162734_NF.mp4,s:1000000\r\nn:/Record/20240601_162734_NR.mp4,s:1000000\r\n"
    shelf = listed(BlackVue(), text)
    assert shelf is not None
    front, rear = shelf.clips
    assert (front.path, front.target, front.size) == (
        "BlackVue/Record/20240601_162734_NF.mp4",
        "/Record/20240601_162734_NF.mp4",
        None,
    )
    assert BlackVue().beside(rear) == [
        "BlackVue/Record/20240601_162734_N.gps",
        "BlackVue/Record/20240601_162734_N.3gf",
        "BlackVue/Record/20240601_162734_NR.thm",
    ]
    entry = ViofoCamera.entry("A:\\DCIM\\Movie\\RO\\2024_0601_162834_113676F.MP4", 400_000_000, 33)
    shelf = listed(Viofo(), f"<?xml version='1.0' encoding='UTF-8'?>\n<LIST>{entry}</LIST>".encode())
    assert shelf is not None
    (clip,) = shelf.clips
    assert clip.path == "DCIM/Movie/RO/2024_0601_162834_113676F.MP4"
    assert (clip.size, clip.locked, clip.stamp) == (400_000_000, True, "2024/06/01 16:28:34")
