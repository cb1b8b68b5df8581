"""`dashcam watchlist`: plates that somebody wants to be told of."""

from __future__ import annotations

from typing import Any

from dashcam_cli import common
from dashcam_cli.client_plates import PlatesClient
from dashcam_cli.output import FAILED, leave, print_json, printable, say, table


def _plates(url: str | None) -> PlatesClient:
    return PlatesClient(common.client(common.settings(url=url)))


def list_watches(url: str | None, as_json: bool) -> None:
    """Print every watch."""
    found = _plates(url).watches()
    if as_json:
        print_json(found)
        return
    rows = [
        [
            each["watch_id"], each["name"], each["text"], each["match"], "on" if each["active"] else "off",
            each["webhook"], each["topic"], _past(each),
        ]
        for each in found
    ]  # fmt: skip
    columns = ("number", "name", "plate", "match", "state", "webhook", "MQTT topic", "in the past")
    table("Watchlist", columns, rows, empty="nothing is watched")


def _past(watch: dict[str, Any]) -> str:
    count = watch["past_sightings"]
    return "" if count is None else "1000+" if count > 1000 else str(count)


def add(said: dict[str, Any], url: str | None, as_json: bool) -> None:
    """Watch for a plate or a pattern."""
    _tell(_plates(url).watch({key: value for key, value in said.items() if value}), as_json)


def change(number: int, said: dict[str, Any], url: str | None, as_json: bool) -> None:
    """Change what is named of a watch; an empty address removes it."""
    given = {key: value for key, value in said.items() if value is not None}
    for way in ("webhook", "topic"):
        if given.get(way) == "":
            given[way] = None
    _tell(_plates(url).change_watch(number, given), as_json)


def _tell(made: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    state = "" if made["active"] else "; it is off"
    print(  # noqa: T201
        printable(
            f"watch {made['watch_id']} ({made['name']}) is for {made['text']}, {made['match']}{state}; "
            f"seen {_past(made) or 'not yet counted'} times before"
        )
    )
    if made["secret"]:
        say(f"its webhook is signed with {made['secret']}; note it down, it is not shown again")


def remove(number: int, url: str | None, as_json: bool) -> None:
    """Remove a watch, and the list of what it told."""
    gone = _plates(url).drop_watch(number)
    if as_json:
        print_json(gone)
    else:
        print(printable(f"watch {number} ({gone['name']}) is removed"))  # noqa: T201


def test(number: int, url: str | None, as_json: bool) -> None:
    """Send a test on each way of a watch; exit code 1 when one did not arrive."""
    sent = _plates(url).test_watch(number)
    if as_json:
        print_json(sent)
    else:
        _list_told(sent)
    if any(each["state"] == "gave_up" for each in sent):
        leave(FAILED)


def told(watch: int | None, limit: int, url: str | None, as_json: bool) -> None:
    """Print what watches told, newest first."""
    found = _plates(url).deliveries(watch, limit)
    if as_json:
        print_json(found)
    else:
        _list_told(found)


def _list_told(found: list[dict[str, Any]]) -> None:
    rows = [
        [
            each["made_at"], each["event"], each["plate_text"], each["video_id"], each["way"], each["state"],
            each["attempts"], each["answer"],
        ]
        for each in found
    ]  # fmt: skip
    columns = ("when (UTC)", "event", "plate", "clip", "way", "state", "attempts", "last answer")
    table("Told", columns, rows, empty="nothing yet")
