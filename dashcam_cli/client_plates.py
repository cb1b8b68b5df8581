"""The client's calls about plates, corrections, names and watches: their addresses are known here."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from dashcam_cli.client import Client

Thing = dict[str, Any]


class PlatesClient:
    """What people say of plates, at one server."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def _one(self, method: str, path: str, body: Thing | None = None) -> Thing:
        return self._client.call(method, path, body, kind=Thing)

    def _list(self, path: str, **params: Any) -> list[Thing]:
        given = {name: value for name, value in params.items() if value is not None}
        return self._client.call("GET", path, params=given, kind=list[Thing])

    def show(self, plate: str) -> Thing:
        """All that is known of a plate."""
        return self._one("GET", _at(plate))

    def correct(self, plate: str, text: str) -> Thing:
        """Every sighting of a plate is of another."""
        return self._one("POST", f"{_at(plate)}/correct", {"text": text})

    def merge(self, plate: str, into: str) -> Thing:
        """A plate is another one that was seen."""
        return self._one("POST", f"{_at(plate)}/merge", {"into": into})

    def dismiss(self, plate: str) -> Thing:
        """What reads so is no plate."""
        return self._one("POST", f"{_at(plate)}/dismiss")

    def correct_sighting(self, number: int, text: str) -> Thing:
        """One sighting is of another plate."""
        return self._one("POST", f"/sightings/{number}/correct", {"text": text})

    def dismiss_sighting(self, number: int) -> Thing:
        """One sighting is no plate."""
        return self._one("POST", f"/sightings/{number}/dismiss")

    def corrections(self, plate: str | None, limit: int) -> list[Thing]:
        """What was corrected, newest first."""
        return self._list("/corrections", plate=plate, limit=limit)

    def undo(self, number: int) -> Thing:
        """Take a correction back."""
        return self._one("DELETE", f"/corrections/{number}")

    def note(self, plate: str, text: str) -> Thing:
        """Write a note; an empty one removes it."""
        return self._one("POST", f"{_at(plate)}/note", {"text": text})

    def name(self, plate: str, name: str, group: str | None) -> Thing:
        """Give a plate a name."""
        more = {} if group is None else {"group": group}
        return self._one("POST", f"{_at(plate)}/name", {"name": name, **more})

    def unname(self, plate: str) -> Thing:
        """Take a plate's name away."""
        return self._one("DELETE", f"{_at(plate)}/name")

    def known(self, limit: int) -> list[Thing]:
        """Plates with a name."""
        return self._list("/known-plates", limit=limit)

    def watches(self) -> list[Thing]:
        """Every watch."""
        return self._list("/watches", limit=1000)

    def watch(self, said: Thing) -> Thing:
        """Watch for a plate or a pattern."""
        return self._one("POST", "/watches", said)

    def change_watch(self, number: int, said: Thing) -> Thing:
        """Change a watch."""
        return self._one("PATCH", f"/watches/{number}", said)

    def drop_watch(self, number: int) -> Thing:
        """Remove a watch."""
        return self._one("DELETE", f"/watches/{number}")

    def test_watch(self, number: int) -> list[Thing]:
        """Send a test; what became of it."""
        return self._client.call("POST", f"/watches/{number}/test", kind=list[Thing])

    def deliveries(self, watch: int | None, limit: int) -> list[Thing]:
        """What watches told, newest first."""
        return self._list("/deliveries", watch_id=watch, limit=limit)


def _at(plate: str) -> str:
    return f"/plates/{quote(plate, safe='')}"
