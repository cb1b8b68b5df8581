"""Every setting and its default, composed into one tree. The environment name of `[limits] connections`
is `DASHCAM_LIMITS__CONNECTIONS`; what a table means to the person who sets it stands in docs/.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from stages.settings import ArchiveSettings, HeavySettings, IngestSettings, PreprocessSettings

Seconds = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=0)]
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


class ArchiveFace(_Table, frozen=True):
    """`[archive]`: how archives are named to people."""

    #: `archive_path` in the API is this, the video id and a slash.
    public_prefix: str = "//shed-nas/archive/"


class ModelSettings(_Table, frozen=True):
    """`[models]`."""

    #: Where model files lie; "" = `models` in the home.
    dir: str = ""


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
    worker: WorkerSettings = WorkerSettings()
    #: See `[places.NAME]`.
    places: dict[PlaceName, PlaceSettings] = {}
    archive: ArchiveFace = ArchiveFace()
    models: ModelSettings = ModelSettings()
    stage: StageSettings = StageSettings()
    #: Tables of third-party stages, by name.
    plugins: dict[str, dict[str, Any]] = {}
