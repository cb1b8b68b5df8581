"""The desk: what waits is handed in once, whatever the server does meanwhile; time is given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.settings import LimitSettings, Settings
from dashcam_cli.client import Client
from dashcam_cli.desk import Desk
from dashcam_cli.ledger import KeptCopy, Ledger
from dashcam_cli.server import embedded
from stages.files import HostPlaces, Place
from tests.stages.work import kept_place

NOWHERE = "http://127.0.0.1:9"


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Office:
    """A ledger with tasks, a desk, and a real server that can be out."""

    def __init__(self, home: Path, url: str) -> None:
        self.clock = Clock()
        self.said: list[str] = []
        self.ledger = Ledger(home)
        self.open_client = Client(url, patience=2, key=home / "auth.key")
        self.closed_client = Client(NOWHERE, patience=0)
        places = HostPlaces(
            {
                "indoor_nas": kept_place(home / "nas", "indoor_nas"),
                "dashcam": Place(name="dashcam", root=str(home), removable=True),
            }
        )
        self.desk = Desk(self.closed_client, self.ledger, self.said.append, self.clock, places=places)

    def opens(self) -> None:
        """The server answers from now on."""
        self.desk.client = self.open_client

    def close(self) -> None:
        """Let go of everything."""
        for each in (self.ledger, self.open_client, self.closed_client):
            each.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A server in this process, without limits: its home and address."""
    home = tmp_path_factory.mktemp("home")
    settings = msgspec.structs.replace(
        Settings(home=str(home)), limits=LimitSettings(requests_per_minute=0, connections=0)
    )
    with embedded(settings) as url:
        yield home, url


@pytest.fixture
def office(server: tuple[Path, str], tmp_path: Path) -> Iterator[Office]:
    """A ledger of its own, with the server's key beside it."""
    home, url = server
    (tmp_path / "auth.key").write_bytes((home / "auth.key").read_bytes())
    made = Office(tmp_path, url)
    yield made
    made.close()


def task(name: str, **metadata: Any) -> dict[str, Any]:
    """A task as import makes it."""
    return {
        "task_type": "INGEST_VIDEO",
        "video_id": name,
        "inputs": [{"device": "indoor_nas", "path": f"/videos/raw/{name}.MP4", "type": "video"}],
        "metadata": {"filename": f"{name}.MP4", "fingerprint": f"print-{name}"} | metadata,
    }


def wait(office: Office, *names: str) -> None:
    """Let tasks wait."""
    for name in names:
        copy = KeptCopy("indoor_nas", f"/videos/raw/{name}.MP4", 1, handed=False)
        office.ledger.keep(f"print-{name}", copy, task(name))


def test_tasks_are_handed_in_once(office: Office) -> None:
    """What waits becomes tasks, in order; nothing waits afterwards, and nothing is made twice."""
    office.opens()
    wait(office, "once1", "once2")
    office.desk.hand_in()
    assert [each["video_id"] for each in office.desk.tasks] == ["once1", "once2"]
    assert office.ledger.count_waiting() == 0
    office.desk.hand_in()
    assert len(office.desk.tasks) == 2
    copy = office.ledger.copy_of("print-once1")
    assert copy is not None
    assert copy.handed
    assert office.said == []


def test_lost_reply_makes_no_second_task(office: Office) -> None:
    """The server has the task and this host does not know it: the content is known, and the task is dropped."""
    office.opens()
    office.open_client.create([task("lost")])
    wait(office, "lost")
    office.desk.hand_in()
    assert office.desk.tasks == []
    assert office.ledger.count_waiting() == 0


def test_bad_task_does_not_hold_up_the_others(office: Office) -> None:
    """A task that the server refuses is named and dropped; those around it are made."""
    office.opens()
    wait(office, "good1")
    bad = task("bad") | {"video_id": ".no id"}
    office.ledger.keep("print-bad", KeptCopy("indoor_nas", "/x", 1, handed=False), bad)
    wait(office, "good2")
    office.desk.hand_in()
    assert [each["video_id"] for each in office.desk.tasks] == ["good1", "good2"]
    assert [refusal.clip for refusal in office.desk.refused] == ["bad.MP4"]
    assert office.ledger.count_waiting() == 0


def test_server_that_is_away_is_said_once_and_asked_ever_more_seldom(office: Office) -> None:
    """5 s, doubling to five minutes; one line when it goes, one when it is back, and then all is handed in."""
    wait(office, "away")
    tries = 0
    for _ in range(3600):
        before = office.desk._next
        office.desk.hand_in()
        tries += office.desk._next != before
        office.clock.now += 1
    assert 10 <= tries <= 25
    assert len(office.said) == 1
    assert office.desk.away
    assert office.desk.known(["x"]) is None
    office.opens()
    office.clock.now += 300
    office.desk.hand_in()
    assert len(office.desk.tasks) == 1
    assert office.said[1:] == ["the server answers again"]
    assert not office.desk.away


def test_clips_that_only_a_card_has(office: Office) -> None:
    """Tasks that name a removable place of this host count; those of kept and unknown places do not."""
    office.opens()
    for number, device in enumerate(("dashcam", "indoor_nas", "elsewhere", "dashcam")):
        each = task(f"card{number}")
        each["inputs"][0]["device"] = device
        office.open_client.create([each])
    assert office.desk.wanted_from_cards({f"print-card{number}" for number in range(3)}) == 1
    assert office.desk.wanted_from_cards(set()) == 0


@pytest.mark.parametrize("how", [{"origin": "DCIM/Movie/RO/a.MP4"}, {"locked": True}])
def test_known_clip_that_was_locked_since(office: Office, how: dict[str, Any]) -> None:
    """A clip comes again from the camera's locked folder, or with its mark: no second task, and a lock."""
    office.opens()
    name = f"later{len(how)}{next(iter(how))}"
    office.open_client.create([task(name)])
    assert not office.open_client.video(name)["facts"].get("locked")
    copy = KeptCopy("indoor_nas", f"/videos/raw/{name}.MP4", 1, handed=False)
    office.ledger.keep(f"print-{name}", copy, task(name, **how))
    office.desk.hand_in()
    assert office.desk.tasks == []
    assert office.open_client.video(name)["facts"]["locked"] is True
