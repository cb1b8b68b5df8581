"""From each maker's card to its trips: imported, ingested by a worker, and put together by the server."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cards import CARDS, START, STEP, ZONE, Shot, make_card
from tests.house import House

SHOTS = [Shot(n, START + timedelta(seconds=STEP * (n - 1)), kept=n == 3) for n in (1, 2, 3)]
#: Those whose trips are not one of three moments: parking is a trip of its own.
_PARKED = {"viofo_parking": [1, 2], "novatek14": [2, 1]}
#: Layouts that log where they were beside or around their clips.
_WITH_ROUTE = {"blackvue", "70mai", "ddpai", "mivue"}


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A house in which a card of each layout was imported and ingested."""
    house = House(tmp_path_factory.mktemp("cards"))
    try:
        _fill(house)
        yield house
    finally:
        for running in house.running:
            running.kill()


def _fill(house: House) -> None:
    nas = house.folder / "nas"
    nas.mkdir()
    house.server()
    place = ("--place", f"indoor_nas={nas}")
    for kind in CARDS:
        make_card(kind, house.folder / kind)
        shown = house.command(
            "pc", "import", str(house.folder / kind), "--camera", kind, "--time-zone", ZONE, *place
        )
        assert shown.returncode == (1 if kind == "tesla" else 0), shown.stderr
    worked = house.command("pc", "worker", "--once", "--type", "INGEST_VIDEO", *place)
    assert worked.returncode == 0, worked.stderr


def trips(house: House, kind: str) -> list[dict[str, Any]]:
    """The trips of a camera, oldest first."""
    found = house.get(f"/trips?camera={kind}")
    assert isinstance(found, list)
    return [house.get(f"/trips/{each['trip_id']}") for each in reversed(found)]  # type: ignore[misc]


@pytest.mark.slow
@pytest.mark.parametrize("kind", CARDS)
def test_trips_and_pairs(kind: str, ingested: House) -> None:
    """The moments of a card's drive are one trip (parking its own), the channels of a moment stand together."""
    found = trips(ingested, kind)
    assert [len(trip["moments"]) for trip in found] == _PARKED.get(kind, [3])
    moments = [moment for trip in found for moment in trip["moments"]]
    clips = [[clip["filename"] for clip in moment["clips"]] for moment in moments]
    written = {Path(below).name for shot in SHOTS for below in CARDS[kind].clips(shot)}
    assert sorted(name for each in clips for name in each) == sorted(written)
    for moment in moments[:-1]:
        assert sorted(clip["channel"] for clip in moment["clips"] if clip["channel"]) == sorted(
            CARDS[kind].channels
        )
    assert moments[0]["start"].startswith(f"{START:%Y-%m-%dT%H:%M}")
    last = moments[-1]["clips"]
    if kind not in ("gopro", "ford", "generic"):
        assert all(clip["locked"] or clip["mode"] == "event" for clip in last)


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(_WITH_ROUTE))
def test_routes_come_along(kind: str, ingested: House) -> None:
    """What a card logs around its clips comes with them: each trip knows how far it went."""
    assert sum(trip["distance_m"] or 0 for trip in trips(ingested, kind)) > 500
