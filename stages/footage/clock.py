"""When a clip began. Every claim is kept; one wins, and the result says which.

Names are the camera's local time without a zone. A movie header's time is UTC by the standard and local
time in practice, often of the clip's end. GPS time is UTC, except where a maker writes local time there.
What one clip cannot tell, the camera's other clips may (`runs.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from stages.footage.claims import claims_of, gps_start, jump_at_fix, place_of
from stages.footage.container import Container
from stages.footage.fix import Fix
from stages.footage.names import NameFacts
from stages.footage.runs import CameraClock, ahead_of, is_zone
from stages.footage.zones import HOST, Zone, named_zone, place_zone
from stages.sighting import TimeClaim

#: Makers whose movie headers hold local time.
_LOCAL_HEADERS = frozenset({"viofo", "novatek", "gopro"})

#: Told by how many seconds a clip's name is ahead of its own GPS (None: it has none), what the camera's other
#: clips say of its clock then. Called only where that decides.
Others = Callable[[int | None], CameraClock | None]


class ClipTime(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When a clip began.

    `start_local` (naive) is the camera's clock, `start_utc` (aware) the best UTC. `time_source`: `gps`,
    `camera_offset` (GPS of the camera's other clips), `name+time_zone`, `name+place_zone`, `name+host_zone`,
    `header`, or None. `gps_to_utc_seconds` turns the clock of the GPS fixes into UTC. `doubt` says that UTC
    may be off by the zone's offset.
    """

    start_local: datetime | None = None
    start_utc: datetime | None = None
    utc_offset_seconds: int | None = None
    time_source: str | None = None
    claims: list[TimeClaim] = []
    gps_to_utc_seconds: int = 0
    doubt: bool = False
    warnings: list[str] = []


class _Zones(NamedTuple):
    """The owner's zone for this camera, else the legal one where the clip was recorded, else this host's."""

    owner: Zone | None
    place: tuple[float, float] | None

    @property
    def best(self) -> Zone:
        return self.owner or (place_zone(*self.place) if self.place else None) or HOST


def settle(
    name: NameFacts,
    container: Container,
    fixes: Sequence[Fix] = (),
    *,
    modified: float | None = None,
    time_zone: str = "",
    gps_is_local: bool = False,
    sidecar: datetime | None = None,
    others: Others = lambda _: None,
) -> ClipTime:
    """Weigh the claims. `fixes` carry `seconds`; `modified` is the file's mtime (Unix); `sidecar` the first
    time (naive) in a file beside the clip; `time_zone` what the owner set for the camera.

    Raises SettingsError for an unknown `time_zone`.
    """
    owner = named_zone(time_zone)
    gps, local = gps_start(fixes), name.recorded_local
    base = ClipTime(claims=claims_of(name, container, fixes, modified, sidecar))
    if gps is not None:
        zones = _Zones(owner, place_of(fixes))
        if local is not None:
            return _by_both(base, local, gps, fixes, zones, others, gps_is_local=gps_is_local)
        return _by_gps(base, gps, zones.best, gps_is_local=gps_is_local)
    if local is not None:
        clock = others(None)
        return _by_name(base, local, _Zones(owner, clock.place if clock else None), clock)
    if container.created is not None:
        return _by_header(base, name, container.created, owner or HOST)
    return base


def _by_both(
    base: ClipTime,
    local: datetime,
    gps: datetime,
    fixes: Sequence[Fix],
    zones: _Zones,
    others: Others,
    *,
    gps_is_local: bool,
) -> ClipTime:
    ahead, rolled = ahead_of(local, gps)
    gps += timedelta(seconds=rolled)
    base = msgspec.structs.replace(base, gps_to_utc_seconds=rolled)
    if not is_zone(ahead):
        text = f"the camera's clock ({local}) and GPS ({gps}) disagree; GPS was believed: set the clock"
        found = _by_gps(base, gps, zones.best, gps_is_local=gps_is_local)
        return msgspec.structs.replace(found, start_local=local, warnings=[text])
    if ahead and not gps_is_local:
        return msgspec.structs.replace(
            base,
            start_local=local,
            start_utc=gps.replace(tzinfo=UTC),
            utc_offset_seconds=ahead,
            time_source="gps",
        )
    if jump := jump_at_fix(fixes):
        return _gps_is_local(base, local, jump, "gps")
    clock = others(ahead)
    if clock is not None and clock.ahead and is_zone(clock.ahead):
        found = _gps_is_local(base, local, clock.ahead, "camera_offset")
        return msgspec.structs.replace(found, doubt=clock.doubt)
    if gps_is_local:
        return _by_zone(base, local, zones.best, gps_is_local=True)
    return _by_equal(base, local, gps, zones)


def _by_equal(base: ClipTime, local: datetime, gps: datetime, zones: _Zones) -> ClipTime:
    """Name and GPS show the same: the camera runs on UTC, or writes its local time as if it were UTC."""
    zone = zones.best
    if zone.offset_at(local):
        text = (
            "GPS time equals the camera's clock, so it is taken for local time and UTC comes from the time "
            f"zone ({zone.source}); if the camera is set to UTC, set its time_zone to UTC"
        )
        found = _by_zone(base, local, zone, gps_is_local=True)
        return msgspec.structs.replace(found, doubt=True, warnings=[text])
    found = msgspec.structs.replace(
        base, start_local=local, start_utc=gps.replace(tzinfo=UTC), utc_offset_seconds=0, time_source="gps"
    )
    if zone is not HOST:
        return found
    text = (
        "GPS time equals the camera's clock, so it may be local time; UTC is in doubt: "
        "set the camera's time_zone"
    )
    return msgspec.structs.replace(found, doubt=True, warnings=[text])


def _by_name(base: ClipTime, local: datetime, zones: _Zones, clock: CameraClock | None) -> ClipTime:
    """A clip without GPS: by its camera's other clips, else by the owner's zone, the place's, the host's."""
    if clock is None or clock.ahead is None:
        return _by_zone(base, local, zones.best, gps_is_local=False)
    if is_zone(clock.ahead):
        found = _by_local(base, local, clock.ahead, "camera_offset")
        return msgspec.structs.replace(found, doubt=clock.doubt)
    utc = local - timedelta(seconds=clock.ahead)
    text = (
        f"the camera's clock was {abs(clock.ahead)} s off by the GPS of its other clips, which was believed: "
        "set the clock"
    )
    found = _by_utc(base, utc, zones.best, "camera_offset")
    return msgspec.structs.replace(found, start_local=local, doubt=clock.doubt, warnings=[text])


def _by_zone(base: ClipTime, local: datetime, zone: Zone, *, gps_is_local: bool) -> ClipTime:
    by = _gps_is_local if gps_is_local else _by_local
    found = by(base, local, zone.offset_at(local), f"name+{zone.source}")
    return msgspec.structs.replace(found, doubt=zone is HOST)


def _gps_is_local(base: ClipTime, local: datetime, offset: int, source: str) -> ClipTime:
    found = _by_local(base, local, offset, source)
    return msgspec.structs.replace(found, gps_to_utc_seconds=base.gps_to_utc_seconds - offset)


def _by_gps(base: ClipTime, gps: datetime, zone: Zone, *, gps_is_local: bool) -> ClipTime:
    if gps_is_local:
        found = _gps_is_local(base, gps, zone.offset_at(gps), f"gps+{zone.source}")
        return msgspec.structs.replace(found, doubt=zone is HOST)
    return _by_utc(base, gps, zone, "gps")


def _by_local(base: ClipTime, local: datetime, offset: int, source: str) -> ClipTime:
    return msgspec.structs.replace(
        base,
        start_local=local,
        start_utc=(local - timedelta(seconds=offset)).replace(tzinfo=UTC),
        utc_offset_seconds=offset,
        time_source=source,
    )


def _by_utc(base: ClipTime, utc: datetime, zone: Zone, source: str) -> ClipTime:
    offset = zone.offset_at_utc(utc)
    return msgspec.structs.replace(
        base,
        start_local=utc + timedelta(seconds=offset),
        start_utc=utc.replace(tzinfo=UTC),
        utc_offset_seconds=offset,
        time_source=source,
    )


def _by_header(base: ClipTime, name: NameFacts, created: datetime, zone: Zone) -> ClipTime:
    base = msgspec.structs.replace(base, doubt=True)
    if name.family in _LOCAL_HEADERS:
        return _by_local(base, created, zone.offset_at(created), "header")
    return _by_utc(base, created, zone, "header")
