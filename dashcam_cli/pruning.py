"""One run of `dashcam prune` over the places of this host: look, decide, check once more, remove, tell."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec

from config.settings import RetentionSettings, Settings
from dashcam_cli import platform
from dashcam_cli.client import Client
from dashcam_cli.deletions import Deletions, Entry
from dashcam_cli.holdings import Located, Looked, Row, doubtful, grouped, look, rows_of
from dashcam_cli.places import host_places
from stages.errors import DashcamError, PlaceAbsent, Refused
from stages.files import HostPlaces, Place
from stages.proofs import prove
from stages.removals import Stays, check_clip, finish, give_back, remove_clip, remove_output
from stages.retention import Holding, Kind, Plan, Policy, Room, Verdict, decide, why_not
from stages.task import FileRef

_BATCH = 20
Key = tuple[str, str, str, str]


class Report(msgspec.Struct, kw_only=True):
    """What a run did, or would do. `troubles`: sentences; any of them makes the exit code 1."""

    dry_run: bool
    going: list[dict[str, Any]] = []
    staying: list[dict[str, Any]] = []
    gone: list[dict[str, Any]] = []
    plates: dict[str, Any] | None = None
    places: list[dict[str, Any]] = []
    notes: list[str] = []
    troubles: list[str] = []


def _key(holding: Holding) -> Key:
    return holding.video_id, holding.kind, holding.device, holding.path


class Pruning:
    """One run over the places of this host."""

    def __init__(
        self, client: Client, settings: Settings, policy: Policy, here: dict[str, Place], report: Report
    ) -> None:
        self._client = client
        self._log = Deletions(Path(settings.home))
        self._places = HostPlaces(host_places(settings))
        self._policy = policy
        self._here = here
        self._report = report
        self._host = settings.worker.name or platform.host_name()
        self._dry = report.dry_run

    # -- what an earlier run began -------------------------------------------------------------

    def finish_begun(self) -> None:
        """Finish the removals that were cut off, wherever their place is there."""
        for entry in self._log.begun():
            if entry.device not in self._here:
                continue
            if self._dry:
                self._report.notes.append(
                    f"the removal of {entry.device}:{entry.path} was cut off; it will be ended"
                )
                continue
            try:
                gone = self._finish(entry)
            except (Stays, DashcamError, OSError) as error:
                self._report.troubles.append(f"{entry.device}:{entry.path} could not be removed: {error}")
                continue
            if gone:
                self._tell([entry], "removed")
            else:
                self._log.note("kept", [entry])

    def _finish(self, entry: Entry) -> bool:
        """Whether it is gone now; False when it has its name (again)."""
        root = self._root(entry.device)
        path = self._places.path(FileRef(device=entry.device, path=entry.path))
        kind = Kind(entry.kind)
        if kind != Kind.RAW:
            fresh = list(rows_of(self._client, [entry.device], [kind], [entry.video_id]))
            if any(row.protected for row in fresh) and give_back(root, path):
                return False
            finish(root, path, kind, entry.video_id)
        return not path.exists()

    def _root(self, device: str) -> Path:
        return self._places.path(FileRef(device=device, path="/"))

    # -- files ---------------------------------------------------------------------------------

    def files(self, believe: bool) -> None:
        """Look, decide, remove; again as long as something turned out to have to stay."""
        looked = self._look()
        self._forget_gone(looked, believe)
        self._settle(looked)
        things = {_key(each.holding): each for each in looked.found}
        rooms = self._rooms()
        while True:
            plan = decide((each.holding for each in things.values()), self._policy, rooms)
            done, stays = self._carry_out(plan, things)
            for verdict in done:
                self._report.going.append(_shown(verdict))
                room = rooms[verdict.holding.device]
                rooms[verdict.holding.device] = Room(room.total, room.free + verdict.holding.size)
                del things[_key(verdict.holding)]
            if not stays:
                break
            for key, why in stays.items():
                located = things[key]
                things[key] = located._replace(holding=msgspec.structs.replace(located.holding, held=why))
        self._report.staying += [_shown(verdict) for verdict in plan.staying]
        self._report.staying += [_shown(Verdict(held, False, f"stays: {why}")) for held, why in looked.left]
        self._report.troubles += plan.short

    def _look(self) -> Looked:
        looked = Looked([], [], [])
        for name in list(self._here):
            try:
                rows = rows_of(self._client, [name], self._policy.kinds)
                part = look(self._places, grouped(rows))
            except PlaceAbsent as error:
                self._report.troubles.append(f"{error}; nothing in it was removed")
                del self._here[name]
                continue
            looked = Looked(looked.found + part.found, looked.gone + part.gone, looked.left + part.left)
        return looked

    def _rooms(self) -> dict[str, Room]:
        rooms = {}
        for name, place in self._here.items():
            usage = shutil.disk_usage(place.root)
            rooms[name] = Room(usage.total, usage.free)
            self._report.places.append(
                {"place": name, "present": True, "total_bytes": usage.total, "free_bytes": usage.free}
            )
        return rooms

    def _forget_gone(self, looked: Looked, believe: bool) -> None:
        """What somebody else removed is no error: the catalogue forgets it. Unless it is too much at once."""
        doubts = {} if believe else doubtful(looked)
        for (device, kind), count in sorted(doubts.items()):
            self._report.troubles.append(
                f"{count} files of the class {kind} are missing in {device}, more than are there: is a disk "
                "below it not mounted? If they were removed on purpose, say so with --gone"
            )
        gone = [each for each in looked.gone if (each.holding.device, each.holding.kind.value) not in doubts]
        entries = [_entry(each, "it was not there any more") for each in gone]
        self._report.gone += [
            _shown(Verdict(each.holding, False, "somebody else removed it")) for each in gone
        ]
        if not self._dry:
            for number in range(0, len(entries), _BATCH):
                self._tell(entries[number : number + _BATCH], "gone")

    def _settle(self, looked: Looked) -> None:
        """Removals that somebody else began long ago: undone if nothing is lost yet, else ended."""
        for each in [each for each in looked.found if each.begun]:
            looked.found.remove(each)
            where, holding = f"{each.holding.device}:{each.holding.path}", each.holding
            if self._dry:
                self._report.notes.append(f"the removal of {where} was cut off; it will be undone or ended")
                continue
            root = self._root(holding.device)
            try:
                if give_back(root, each.path):
                    self._report.notes.append(
                        f"{where} had lost its name to a removal that was cut off; it has it again"
                    )
                    continue
                finish(root, each.path, holding.kind, holding.video_id)
            except (Stays, DashcamError, OSError) as error:
                self._report.troubles.append(f"{where} could not be removed: {error}")
                continue
            self._tell([_entry(each, "its removal had been begun")], "removed")

    def _carry_out(self, plan: Plan, things: dict[Key, Located]) -> tuple[list[Verdict], dict[Key, str]]:
        """Remove what goes; what went, and what has to stay after all, with the reason."""
        done: list[Verdict] = []
        stays: dict[Key, str] = {}
        for number in range(0, len(plan.going), _BATCH):
            batch = plan.going[number : number + _BATCH]
            fresh = self._fresh(batch)
            entries = []
            for verdict in batch:
                located = things[_key(verdict.holding)]
                try:
                    self._check(located, fresh)
                    if not self._dry:
                        entry = _entry(located, verdict.reason)
                        self._log.note("begin", [entry])
                        self._remove(located)
                        entries.append(entry)
                    done.append(verdict)
                except Stays as why:
                    stays[_key(verdict.holding)] = str(why)
                except (DashcamError, OSError) as error:
                    stays[_key(verdict.holding)] = str(error)
                    where = f"{verdict.holding.device}:{verdict.holding.path}"
                    self._report.troubles.append(f"{where} stays: {error}")
            self._tell(entries, "removed")
        return done, stays

    def _fresh(self, batch: list[Verdict]) -> dict[tuple[str, str, str], Row]:
        """What the server says of these clips now: somebody may have protected one meanwhile."""
        videos = {verdict.holding.video_id for verdict in batch}
        devices = {verdict.holding.device for verdict in batch}
        rows = rows_of(self._client, sorted(devices), list(Kind), sorted(videos))
        return {(row.video_id, row.kind, row.device): row for row in rows}

    def _check(self, located: Located, fresh: dict[tuple[str, str, str], Row]) -> None:
        """Raises `Stays` unless it may go at this moment."""
        holding = located.holding
        row = fresh.get((holding.video_id, holding.kind, holding.device))
        if row is None:
            raise Stays("the catalogue does not know it any more")
        now = msgspec.structs.replace(
            holding, protected=row.protected, spared=row.locked, held=row.busy or holding.held
        )
        if why := why_not(now, self._policy):
            raise Stays(why)
        if holding.kind == Kind.RAW:
            self._check_archive(located, row)

    def _check_archive(self, located: Located, row: Row) -> None:
        """A clip goes only when its archive was read back just now; a dry run looks at the sizes."""
        if row.archive is None or row.archive.device is None:
            raise Stays("it has no archive")
        where = FileRef(device=row.archive.device, path=row.archive.path)
        try:
            folder = self._places.path(where)
        except PlaceAbsent as error:
            raise Stays(f"its archive cannot be read from here ({error})") from error
        proof = prove(folder, row.video_id, deep=not self._dry)
        ref = FileRef(device=located.row.device, path=located.row.path)
        check_clip(located.path, ref, proof)

    def _remove(self, located: Located) -> None:
        holding = located.holding
        root = self._root(holding.device)
        if holding.kind == Kind.RAW:
            remove_clip(located.path)
        else:
            remove_output(root, located.path, holding.kind, holding.video_id)

    def _tell(self, entries: list[Entry], how: str) -> None:
        if not entries:
            return
        files = [msgspec.to_builtins(entry) | {"how": how} for entry in entries]
        self._client.removed(files, self._host)
        self._log.note(how, entries)

    # -- plates --------------------------------------------------------------------------------

    def plates(self, settings: RetentionSettings) -> None:
        """Let the server forget old sightings of plates that nobody marked."""
        if settings.unmarked_plates_days <= 0:
            return
        days = max(1.0, settings.unmarked_plates_days)
        try:
            self._report.plates = self._client.forget_plates(
                days, locked=settings.locked, dry_run=self._dry, host=self._host
            )
        except Refused as error:
            self._report.troubles.append(f"plates were not forgotten: {error}")


def _entry(located: Located, reason: str) -> Entry:
    holding = located.holding
    return Entry(
        video_id=holding.video_id,
        kind=holding.kind.value,
        device=holding.device,
        path=holding.path,
        paths=located.rows[:100],
        size_bytes=holding.size,
        reason=reason[:500],
    )


def _shown(verdict: Verdict) -> dict[str, Any]:
    holding = verdict.holding
    return {
        "class": holding.kind.value,
        "video_id": holding.video_id,
        "place": holding.device,
        "path": holding.path,
        "age_days": round(holding.age, 2),
        "size_bytes": holding.size,
        "reason": verdict.reason,
    }
