"""`dashcam rebuild`: the catalogue from what the stages left in the places that this host can reach.

Each folder's `result.json` says what its stage told the server; the manifest of an archive has what ingest
told (its clip is a single file, without a `result.json`), and the sightings where the heavy stage's folder
is gone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from config.settings import LimitSettings, Settings
from dashcam_cli import common
from dashcam_cli.client import Client
from dashcam_cli.left import Left, Skipped, left_in
from dashcam_cli.output import FAILED, leave, print_json, printable, say, table
from dashcam_cli.places import host_places
from dashcam_cli.run import HOME_PLACE
from stages.errors import BadInput
from stages.files import MARKER, HostPlaces, Place
from stages.task import TaskType

#: A call's results are at most so many, and about so large (bytes).
_MANY, _LARGE = 100, 4 << 20
_SHOWN = 50


def rebuild(flags: list[str], home: Path | None, url: str | None, as_json: bool, *, dry_run: bool) -> None:
    """Tell everything that is found; exit 1 when something could not be taken."""
    settings = common.settings(home, url)
    places = _places(settings, flags)
    absent = [place.why_absent() for place in places.values() if not place.present()]
    skipped: list[Skipped] = []
    found = _usable(left_in(HostPlaces(places), places), skipped)
    if dry_run:
        outcomes = [each.named("found") for each in found]
    else:
        with _server(settings, told=url is not None, named=home is not None) as client:
            outcomes = _tell(client, found)
    skipped += [
        Skipped(f"{each['video_id']} {each['task_type']}", each["why"])
        for each in outcomes
        if each.get("why")
    ]
    if as_json:
        print_json({"results": outcomes, "skipped": [each._asdict() for each in skipped], "absent": absent})
    else:
        _show(outcomes, skipped, absent)
        for root in (Path(place.root) / "videos" / "raw" for place in places.values()):
            if root.is_dir():
                say(f"clips that were not archived yet go on with: dashcam submit {printable(str(root))}")
    if skipped or absent:
        leave(FAILED)


def _places(settings: Settings, flags: list[str]) -> dict[str, Place]:
    """Kept places of this host, with the one that `dashcam run` makes in a home."""
    places = {name: place for name, place in host_places(settings, flags).items() if not place.removable}
    own = Path(settings.home) / "files"
    if HOME_PLACE not in places and (own / MARKER).is_file():
        places[HOME_PLACE] = Place(name=HOME_PLACE, root=str(own))
    if not places:
        raise BadInput("this host has no places to look into; name them: dashcam rebuild --place NAME=DIR")
    return places


@contextlib.contextmanager
def _server(settings: Settings, *, told: bool, named: bool) -> Iterator[Client]:
    """The server that was named, or that answers; else this home, opened for the moment."""
    client = common.client(settings, patience=120)
    try:
        if told or (not named and client.healthy()):
            yield client
            return
    finally:
        client.close()
    from dashcam_cli.server import embedded

    say(f"no server answers; the catalogue of {settings.home} is filled directly" if not named else
        f"the catalogue of {settings.home} is filled")  # fmt: skip
    Path(settings.home).mkdir(parents=True, exist_ok=True)
    free = msgspec.structs.replace(settings, limits=LimitSettings(requests_per_minute=0, connections=0))
    with embedded(free) as address:
        here = msgspec.structs.replace(free.server, url=address, token="")
        own = common.client(msgspec.structs.replace(free, server=here), patience=30)
        try:
            yield own
        finally:
            own.close()


def _usable(left: Iterator[Left | Skipped], skipped: list[Skipped]) -> Iterator[Left]:
    """One after the other, so that an archive of many years need not be in memory; the rest is noted."""
    for each in left:
        if isinstance(each, Left):
            yield each
        else:
            skipped.append(each)


def _tell(client: Client, found: Iterator[Left]) -> list[dict[str, Any]]:
    """In the order of the stages, so that what is sure goes before what is concluded."""
    outcomes: list[dict[str, Any]] = []
    batch: list[Left] = []
    size = 0
    for each in found:
        if batch and (len(batch) == _MANY or size + each.size > _LARGE):
            outcomes += _call(client, batch)
            batch, size = [], 0
        batch.append(each)
        size += each.size
    return outcomes + (_call(client, batch) if batch else [])


def _call(client: Client, batch: list[Left]) -> list[dict[str, Any]]:
    try:
        return client.rebuild([each.body() for each in batch])
    except BadInput as error:  # larger than the server takes, or not what it takes at all
        if len(batch) == 1:
            return [batch[0].named("refused") | {"why": str(error)}]
    return [outcome for each in batch for outcome in _call(client, [each])]


def _show(outcomes: list[dict[str, Any]], skipped: list[Skipped], absent: list[str]) -> None:
    kinds = sorted({each["outcome"] for each in outcomes}) or ["taken"]
    counts = [
        [
            kind,
            *(
                sum(each["task_type"] == kind and each["outcome"] == word for each in outcomes)
                for word in kinds
            ),
        ]
        for kind in TaskType
    ]
    table("Results", ("of", *kinds), counts)
    clips = len({each["video_id"] for each in outcomes if each["outcome"] in ("taken", "known", "found")})
    say(f"{clips} clips")
    if skipped:
        table("Skipped", ("what", "why"), [[*each] for each in skipped[:_SHOWN]])
        if len(skipped) > _SHOWN:
            say(f"and {len(skipped) - _SHOWN} more; --json has them all")
    for why in absent:
        say(f"not looked into: {printable(why)}")
