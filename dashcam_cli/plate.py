"""`dashcam plate`: all that is known of a plate, and what people say of it."""

from __future__ import annotations

from typing import Any

from dashcam_cli import common
from dashcam_cli.client_plates import PlatesClient
from dashcam_cli.output import print_json, printable, say, table
from stages.errors import BadInput, NotFound

_MANY = 1000


def _plates(url: str | None) -> PlatesClient:
    return PlatesClient(common.client(common.settings(url=url)))


def show_plate(plate: str, url: str | None, as_json: bool) -> None:
    """Print all that is known of a plate. Raises `NotFound`."""
    book = _plates(url).show(plate)
    if as_json:
        print_json(book)
        return
    known = book["known"]
    more = "" if book["counted_all"] else " and more"
    rows = [
        ("plate", book["plate_text"]),
        ("name", "" if known is None else f"{known['name']} ({known['group']})"),
        ("note", book["note"]),
        ("seen", f"{book['sightings_count']} times{more}"),
        ("first", book["first_seen"]),
        ("last", book["last_seen"]),
        ("runners-up", _texts(book["runners_up"])),
        ("corrected from", _texts(book["read_as"])),
    ]
    table("Plate", ("", ""), [row for row in rows if row[1]])
    if book["corrections"]:
        _list_corrections(book["corrections"])


def _texts(found: list[dict[str, Any]]) -> str:
    return ", ".join(f"{each['plate_text']} ({each['sightings_count']})" for each in found)


def correct(plate: str, text: str, url: str | None, as_json: bool) -> None:
    """Say what a plate really reads."""
    _tell(_plates(url).correct(plate, text), as_json)


def correct_sighting(number: int, text: str, url: str | None, as_json: bool) -> None:
    """Say what one sighting really reads."""
    _tell(_plates(url).correct_sighting(number, text), as_json)


def merge(plate: str, into: str, url: str | None, as_json: bool) -> None:
    """Say that a plate is another one that was seen."""
    _tell(_plates(url).merge(plate, into), as_json)


def dismiss(plate: str, url: str | None, as_json: bool) -> None:
    """Say that what reads so is no plate."""
    _tell(_plates(url).dismiss(plate), as_json)


def dismiss_sighting(number: int, url: str | None, as_json: bool) -> None:
    """Say that one sighting is no plate."""
    _tell(_plates(url).dismiss_sighting(number), as_json)


def _tell(made: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    print(printable(_said(made)))  # noqa: T201
    say(f"take it back with: dashcam plate undo {made['correction_id']}")


def _said(each: dict[str, Any]) -> str:
    """A correction in words."""
    what = "is no plate" if each["text"] is None else f"is {each['text']}"
    many = each["sightings_count"]
    where = f"in {each['video_id']}" if each["video_id"] else f"{many} sighting{'' if many == 1 else 's'}"
    return f"{each['plate_text']} {what} ({where})"


def corrections(plate: str | None, limit: int, url: str | None, as_json: bool) -> None:
    """Print what was corrected, newest first."""
    found = _plates(url).corrections(plate, limit)
    if as_json:
        print_json(found)
    else:
        _list_corrections(found)


def _list_corrections(found: list[dict[str, Any]]) -> None:
    rows = [
        [each["correction_id"], _said(each), each["kind"], each["made_at"], each["undone_at"]]
        for each in found
    ]
    table("Corrections", ("number", "said", "kind", "made (UTC)", "undone (UTC)"), rows)


def undo(number: int | None, url: str | None, as_json: bool) -> None:
    """Take a correction back: the one named, else the last that holds. Raises `NotFound` when none does."""
    client = _plates(url)
    if number is None:
        holds = [each for each in client.corrections(None, _MANY) if each["undone_at"] is None]
        if not holds:
            raise NotFound("there is no correction to take back")
        number = int(holds[0]["correction_id"])
    done = client.undo(number)
    if as_json:
        print_json(done)
    else:
        print(f"correction {number} is taken back: {printable(_said(done))}")  # noqa: T201


def note(plate: str, text: str, url: str | None, as_json: bool) -> None:
    """Write a note on a plate; an empty one removes it."""
    done = _plates(url).note(plate, text)
    if as_json:
        print_json(done)
    else:
        print("noted" if done["note"] else "the note is removed")  # noqa: T201


def name(plate: str, text: str, group: str | None, remove: bool, url: str | None, as_json: bool) -> None:
    """Give a plate a name, or take it away."""
    if remove == bool(text):
        raise BadInput("give a name, or --remove")
    client = _plates(url)
    done = client.unname(plate) if remove else client.name(plate, text, group)
    if as_json:
        print_json(done)
    elif remove:
        print(f"{done['plate_text']} has no name any more")  # noqa: T201
    else:
        print(printable(f"{done['plate_text']} is {done['name']} ({done['group']})"))  # noqa: T201


def known(url: str | None, as_json: bool) -> None:
    """Print the plates that have a name."""
    found = _plates(url).known(_MANY)
    if as_json:
        print_json(found)
        return
    rows = [[each["group"], each["plate_text"], each["name"]] for each in found]
    table("Known plates", ("group", "plate", "name"), rows)
