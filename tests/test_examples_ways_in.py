"""The service files for `watch` and `pull`: their commands are ours, and run as they stand."""

import configparser
import shlex
from pathlib import Path

import pytest

from tests.cards import make_card
from tests.fake_cameras import ViofoCamera, running
from tests.house import wait_for

UNITS = Path(__file__).resolve().parents[1] / "examples" / "ways-in"


def service(name: str) -> configparser.SectionProxy:
    """The `[Service]` of a unit."""
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment]
    unit.read_string((UNITS / f"{name}.service").read_text(encoding="utf-8"))
    return unit["Service"]


def command(name: str, replaced: dict[str, str]) -> list[str]:
    """The words after `dashcam` in a unit, with this test's folders and addresses."""
    program, *words = shlex.split(service(name)["ExecStart"])
    assert program == "/opt/dashcam/bin/dashcam"
    assert set(replaced) <= set(words)
    return [replaced.get(word, word) for word in words]


def test_watch_runs_as_a_service(house, tmp_path):
    """The unit's command hands in from a kept place and from a card, and ends with 0 when systemd stops it."""
    house.server()
    nas, card = tmp_path / "nas", tmp_path / "card"
    (nas / "sync").mkdir(parents=True)
    assert house.command("pc", "place", "add", "indoor_nas", str(nas)).returncode == 0
    synced = make_card("generic", nas / "sync", 1, junk=False)
    carried = make_card("viofo", card, 1)
    words = command("dashcam-watch", {"/mnt/nas/sync": str(nas / "sync"), "/media/card": str(card)})
    watch = house.start("pc", *words, DASHCAM_WATCH__STABLE_SECONDS="0.2", JOURNAL_STREAM="8:1")
    wait_for(lambda: len(house.get("/tasks")) == len(synced) + len(carried), watch)
    assert watch.stop() == 0
    assert all(line.startswith("<") for line in watch.text().splitlines())


def test_pull_runs_as_a_service(house, tmp_path):
    """The unit's command fetches from a camera and ends with 0 when systemd stops it."""
    house.server()
    (tmp_path / "nas").mkdir()
    assert house.command("pc", "place", "add", "indoor_nas", str(tmp_path / "nas")).returncode == 0
    clips = make_card("viofo", tmp_path / "card", 1, junk=False)
    with running(ViofoCamera(tmp_path / "card")) as camera:
        pulling = house.start("pc", *command("dashcam-pull", {"192.168.1.254": camera.address}))
        wait_for(lambda: len(house.get("/tasks")) == len(clips), pulling)
        assert pulling.stop() == 0


@pytest.mark.parametrize("name", ["dashcam-watch", "dashcam-pull"])
def test_wrong_settings_are_not_started_again(house, name):
    """What systemd is told never to repeat is the exit code for wrong settings."""
    code = int(service(name)["RestartPreventExitStatus"])
    words = command(name, {})
    shown = house.command("pc", *words, DASHCAM_WATCH__POLL="1")
    assert shown.returncode == code == 2
