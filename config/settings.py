"""Every setting and its default, composed into one tree. The environment name of `[limits] connections`
is `DASHCAM_LIMITS__CONNECTIONS`; what a table means to the person who sets it stands in docs/.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from stages.settings import (
    ArchiveSettings,
    CameraSettings,
    HeavySettings,
    IngestSettings,
    PreprocessSettings,
)

Seconds = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=0)]
Gigabytes = Annotated[float, Meta(ge=0, le=1e6)]
_TILES = r"^(|https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/[A-Za-z0-9._~/{}@?=&%-]*)$"
PlaceName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of the settings file."""


class ServerSettings(_Table, frozen=True):
    """`[server]`: where the server listens, and where clients find it."""

    #: Address to listen on; any other than the loopback lets other hosts in.
    host: str = "127.0.0.1"
    #: Port to listen on; 0 = a free one.
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    #: What `worker`, `submit`, `status` and `search` call.
    url: str = "http://127.0.0.1:8000"
    #: Sent as a bearer token.
    token: str = ""
    #: The day v1 ends (YYYY-MM-DD), told in the headers of its answers; "" = not announced.
    v1_ends: Annotated[str, Meta(pattern=r"^(\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]))?$")] = ""
    #: Largest request body in MiB.
    body_mib: Annotated[float, Meta(gt=0, le=1024)] = 32
    #: Origins of other web sites whose pages may call the API, such as "https://maps.example"; none = none.
    cors_origins: tuple[str, ...] = ()


class AuthSettings(_Table, frozen=True):
    """`[auth]`: who may call the server."""

    #: true: every call needs a token; false: callers on private networks need none.
    required: bool = False
    #: Addresses or networks of reverse proxies whose forwarding headers are believed.
    trusted_proxies: tuple[str, ...] = ()


class LimitSettings(_Table, frozen=True):
    """`[limits]`: per client address on `/api`; 0 switches a limit off."""

    #: Requests a minute.
    requests_per_minute: Count = 100
    #: Requests at the same time.
    connections: Count = 10


class QueueSettings(_Table, frozen=True):
    """`[queue]`: leases, retries and when a device counts as gone."""

    #: How often workers say that they are alive.
    heartbeat_seconds: Seconds = 20
    #: A named worker's lease lasts this many heartbeats.
    lease_heartbeats: Annotated[float, Meta(ge=2)] = 10
    #: The lease of a claim that names no worker.
    anonymous_lease_seconds: Seconds = 900
    #: A device is shown as offline after this many heartbeats without one.
    offline_heartbeats: Annotated[float, Meta(ge=1)] = 3
    #: First pause after a failure; it doubles each time.
    backoff_first_seconds: Seconds = 30
    #: Longest pause.
    backoff_most_seconds: Seconds = 3600
    #: After so many failures a task is given up.
    max_failures: Annotated[int, Meta(ge=1)] = 5
    #: After killing so many stage processes a task is given up.
    max_crashes: Annotated[int, Meta(ge=1)] = 3
    #: After its devices vanished so often in a row a task is given up.
    max_lost: Annotated[int, Meta(ge=1)] = 10
    #: After so many failures in a row, at tasks of a type that other devices did meanwhile, a device gets no
    #: more of that type until it passes a self-test or is cleared. 0 = never.
    quarantine_failures: Count = 3
    #: Tasks that were completed so many days ago are removed; what was found stays. 0 = never; else at least
    #: 1.
    keep_finished_days: Annotated[float, Meta(ge=0, le=36_500)] = 30


class BackupSettings(_Table, frozen=True):
    """`[backup]`: the copies of its database that a server makes while it runs."""

    #: Pause between two. 0 = none are made.
    every_hours: Annotated[float, Meta(ge=0, le=8760)] = 24
    #: So many are kept, the newest.
    keep: Annotated[int, Meta(ge=1, le=1000)] = 7
    #: Where they go; "" = `backups` in the home. Another disk is better; the folder must be there.
    folder: str = ""
    #: true: the small pictures are in each of them. They are not changed by an accident of the database, and
    #: `dashcam rebuild` makes them again, but it needs the archives for that.
    pictures: bool = False


class WorkerSettings(_Table, frozen=True):
    """`[worker]`: who this host is and what it takes."""

    #: "" = the host's name.
    name: str = ""
    #: What is shown as this device's type.
    device_type: str = "worker"
    #: Task types to take; none = every one.
    types: tuple[str, ...] = ()
    #: How long the server may keep a waiting poll open.
    poll_seconds: Annotated[float, Meta(ge=0, le=55)] = 25
    #: After a stop is asked for, the running task may go on this long.
    grace_seconds: Annotated[float, Meta(ge=0)] = 30
    #: A stage that shows no progress this long hangs, and is killed.
    hang_seconds: Seconds = 300
    #: More capabilities, or others than were found: { gpu_vram_gb = 24 }.
    capabilities: dict[str, Any] = {}


class PlaceSettings(_Table, frozen=True):
    """`[places.NAME]`: a root on this host. `NAME = "DIR"` is short for a root alone."""

    #: The folder on this host.
    root: str
    #: true: a card or camera, never written to; not given: by its look.
    removable: bool | None = None
    #: Cut from the front of paths before they are joined, for example "//shed-nas/".
    prefix: str = ""


class WatchSettings(_Table, frozen=True):
    """`[watch]`: when a file in a watched folder counts as finished."""

    #: Pause between two looks at a folder; a folder that takes long to list gets longer ones.
    poll_seconds: Annotated[float, Meta(ge=0.1, le=3600)] = 5
    #: A file must keep its size and time so long before it is looked into.
    stable_seconds: Annotated[float, Meta(ge=0, le=3600)] = 5
    #: The same on network mounts, where other hosts' writing is seen late.
    network_stable_seconds: Annotated[float, Meta(ge=0, le=3600)] = 30
    #: A clip that is still unfinished after so many minutes without change is reported as damaged.
    damaged_minutes: Annotated[float, Meta(ge=0, le=10_080)] = 10


class PullSettings(_Table, frozen=True):
    """`[pull]`: fetching clips from a camera over Wi-Fi."""

    #: A camera that says nothing for so long is taken for gone.
    timeout_seconds: Annotated[float, Meta(gt=0, le=600)] = 20
    #: A file that breaks off is gone on with so many times before the next one is tried.
    attempts: Annotated[int, Meta(ge=1, le=100)] = 3
    #: Pause before the first of these, growing by as much each time.
    retry_seconds: Annotated[float, Meta(ge=0, le=600)] = 5
    #: GB (10^9 bytes) that stay free in the place; pulling stops before.
    spare_gb: Annotated[float, Meta(ge=0, le=1e6)] = 1


class TripSettings(_Table, frozen=True):
    """`[trips]`: which clips were driven in one go. The server's; a change is applied at its next start."""

    #: A longer pause (minutes) between clips of a camera begins another trip.
    gap_minutes: Annotated[float, Meta(ge=0.5, le=60)] = 5


class EncounterSettings(_Table, frozen=True):
    """`[encounters]`: which sightings of a plate are one encounter. Applied at the server's next start."""

    #: A plate that is not seen for longer (minutes) and comes back is met anew.
    gap_minutes: Annotated[float, Meta(ge=0.1, le=1440)] = 5


class NotifySettings(_Table, frozen=True):
    """`[notify]`: how the server tells of watched plates."""

    #: A receiver that takes longer is tried again later.
    timeout_seconds: Annotated[float, Meta(gt=0, le=60)] = 10
    #: First pause after a failure; it doubles each time, up to an hour.
    retry_seconds: Annotated[float, Meta(gt=0, le=3600)] = 10
    #: What could not be delivered for so long is given up, and listed as such.
    give_up_hours: Annotated[float, Meta(gt=0, le=8760)] = 24
    #: How browsers reach this server, for links in notifications; "" = links are paths.
    public_url: str = ""
    #: Hosts that webhooks may lie on although they are of this host itself or link-local: "localhost".
    webhook_hosts: tuple[str, ...] = ()
    #: The MQTT broker; "" = none.
    mqtt_host: str = ""
    #: Its port; 8883 is usual with TLS.
    mqtt_port: Annotated[int, Meta(ge=1, le=65535)] = 1883
    #: User at the broker; "" = none.
    mqtt_user: str = ""
    #: That user's password.
    mqtt_password: str = ""
    #: true: speak TLS with the broker, which must have a certificate that this host trusts.
    mqtt_tls: bool = False


class MapSettings(_Table, frozen=True):
    """`[map]`: what lies under the lines of maps. As it comes: a plain grid, for which nobody is asked."""

    #: Where map tiles are fetched from: "https://tiles.example/{z}/{x}/{y}.png"; "" = none. Browsers ask that
    #: host for every area that is looked at: it learns where you drive. Mind its rules for use.
    tile_url: Annotated[str, Meta(pattern=_TILES, max_length=500)] = ""
    #: Whom the map's owner wants to be named: "© OpenStreetMap contributors".
    attribution: Annotated[str, Meta(max_length=500)] = ""
    #: A PMTiles file (vector tiles) on the server's host, with its whole path; "" = none. It is drawn from
    #: this server, so nobody else learns anything. It goes before `tile_url`.
    pmtiles: str = ""


class ArchiveFace(_Table, frozen=True):
    """`[archive]`: how archives are named to people."""

    #: `archive_path` in the API is this, the video id and a slash.
    public_prefix: str = "//shed-nas/archive/"


class KeepSettings(_Table, frozen=True):
    """`[retention.CLASS]`: how long files of one class are kept, and how many. 0 and false: for good."""

    #: What is older than so many days may go: both recorded and taken in before. 0 = never by age.
    days: Annotated[float, Meta(ge=0, le=36_500)] = 0
    #: GB (10^9 bytes) of this class that one place keeps; beyond that the oldest may go. 0 = any amount.
    quota_gb: Gigabytes = 0
    #: true: the oldest may go while their place lacks `min_free_gb` or `min_free_percent`.
    when_full: bool = False


class RetentionSettings(_Table, frozen=True):
    """`[retention]`: what `dashcam prune` removes. As it comes it removes nothing."""

    #: GB (10^9 bytes) that each kept place should have free; classes with `when_full` go for it. 0 = off.
    min_free_gb: Gigabytes = 0
    #: The same in percent of the place's disk; where both are set, the larger counts. 0 = off.
    min_free_percent: Annotated[float, Meta(ge=0, le=100)] = 0
    #: true: clips that the camera locked and event clips may go too, after all others. Protected ones never.
    locked: bool = False
    #: Sightings this old, of plates that nobody named, watches or corrected, are forgotten with their
    #: pictures on the server. 0 = never; else at least 1.
    unmarked_plates_days: Annotated[float, Meta(ge=0, le=36_500)] = 0
    #: Clips themselves; only those whose archive was read back and is whole.
    raw: KeepSettings = KeepSettings()
    #: What the preprocess stage left: thumbnails and moments.
    preproc: KeepSettings = KeepSettings()
    #: What the heavy stage left: detections and crops.
    heavy: KeepSettings = KeepSettings()
    #: Archives. Where the clip is gone too, nothing of it is left then but its row and its plates.
    archive: KeepSettings = KeepSettings()


class ModelSettings(_Table, frozen=True):
    """`[models]`."""

    #: Where model files lie; "" = `models` in the home.
    dir: str = ""
    #: `dashcam models pull`: a server that sends nothing for so long is taken for gone.
    timeout_seconds: Annotated[float, Meta(gt=0, le=600)] = 30


class StageSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`[stage.NAME]`. A third-party stage's table is passed on as it is."""

    ingest: IngestSettings = IngestSettings()
    preprocess: PreprocessSettings = PreprocessSettings()
    heavy: HeavySettings = HeavySettings()
    archive: ArchiveSettings = ArchiveSettings()


class Settings(_Table, frozen=True):
    """All of them. `home` is where the server's database and this host's state lie."""

    #: Folder of the database and of this host's state; "" = the platform's folder for user data.
    home: str = ""
    server: ServerSettings = ServerSettings()
    auth: AuthSettings = AuthSettings()
    limits: LimitSettings = LimitSettings()
    queue: QueueSettings = QueueSettings()
    backup: BackupSettings = BackupSettings()
    worker: WorkerSettings = WorkerSettings()
    #: See `[places.NAME]`.
    places: dict[PlaceName, PlaceSettings] = {}
    #: See `[cameras.NAME]`.
    cameras: dict[PlaceName, CameraSettings] = {}
    trips: TripSettings = TripSettings()
    encounters: EncounterSettings = EncounterSettings()
    notify: NotifySettings = NotifySettings()
    map: MapSettings = MapSettings()
    watch: WatchSettings = WatchSettings()
    pull: PullSettings = PullSettings()
    archive: ArchiveFace = ArchiveFace()
    retention: RetentionSettings = RetentionSettings()
    models: ModelSettings = ModelSettings()
    stage: StageSettings = StageSettings()
    #: Tables of third-party stages, by name.
    plugins: dict[str, dict[str, Any]] = {}
