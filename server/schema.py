"""The tables, as migrations that run once each. Forward only; an older program refuses a newer file."""

from __future__ import annotations

import importlib
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from server.schema_map import MAP
from server.schema_marks import MARKS
from server.schema_pages import PAGES
from stages.errors import SettingsError

QUEUE = """
CREATE TABLE needs (
  needs_id INTEGER PRIMARY KEY,
  needs TEXT NOT NULL,
  places TEXT NOT NULL,
  UNIQUE (needs, places)
) STRICT;
CREATE TABLE task (
  task_id INTEGER PRIMARY KEY AUTOINCREMENT,
  task_type TEXT NOT NULL,
  state TEXT NOT NULL,
  phase TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  completed_at INTEGER,
  video_id TEXT,
  inputs TEXT NOT NULL,
  outputs TEXT NOT NULL,
  metadata TEXT NOT NULL,
  needs TEXT NOT NULL,
  needs_id INTEGER NOT NULL REFERENCES needs,
  resolved TEXT,
  priority INTEGER NOT NULL,
  parent_id INTEGER REFERENCES task,
  root_id INTEGER NOT NULL,
  lease INTEGER NOT NULL DEFAULT 0,
  device TEXT,
  session TEXT,
  failures INTEGER NOT NULL DEFAULT 0,
  crashes INTEGER NOT NULL DEFAULT 0,
  lost INTEGER NOT NULL DEFAULT 0,
  delays INTEGER NOT NULL DEFAULT 0,
  vanished TEXT NOT NULL DEFAULT '[]',
  run_at INTEGER,
  error TEXT,
  answer TEXT,
  published TEXT
) STRICT;
CREATE INDEX task_ready ON task (needs_id, task_type, priority, root_id, task_id) WHERE phase = 'ready';
CREATE INDEX task_no_input ON task (needs_id, task_type, priority, root_id, task_id) WHERE phase = 'no_input';
CREATE INDEX task_backing_off ON task (run_at) WHERE phase = 'backing_off';
CREATE INDEX task_leased ON task (device, session) WHERE phase = 'leased';
CREATE INDEX task_video ON task (video_id, task_id);
CREATE INDEX task_state ON task (state, task_type, task_id);
CREATE INDEX task_failed ON task (task_id) WHERE state = 'failed';
CREATE TABLE device (
  device_id INTEGER PRIMARY KEY AUTOINCREMENT,
  hostname TEXT NOT NULL UNIQUE,
  device_type TEXT NOT NULL,
  status TEXT NOT NULL,
  capabilities TEXT NOT NULL,
  last_heartbeat INTEGER NOT NULL
) STRICT;
"""

CATALOGUE = """
CREATE TABLE clip (
  video_id TEXT PRIMARY KEY,
  created_at INTEGER NOT NULL,
  filename TEXT,
  fingerprint TEXT,
  start_local TEXT,
  start_utc TEXT,
  duration_seconds REAL,
  total_frames INTEGER,
  detections_count INTEGER,
  plates_found INTEGER,
  archive_device TEXT,
  archive_path TEXT,
  poster TEXT,
  facts TEXT NOT NULL DEFAULT '{}',
  tasks_done INTEGER NOT NULL DEFAULT 0,
  archived INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX clip_newest ON clip (start_local DESC, created_at DESC, video_id);
CREATE INDEX clip_fingerprint ON clip (fingerprint) WHERE fingerprint IS NOT NULL;
CREATE TABLE said (
  video_id TEXT NOT NULL,
  task_type TEXT NOT NULL,
  facts TEXT NOT NULL,
  PRIMARY KEY (video_id, task_type)
) STRICT;
CREATE TABLE file (
  video_id TEXT NOT NULL,
  task_type TEXT NOT NULL,
  device TEXT NOT NULL,
  path TEXT NOT NULL,
  ref TEXT NOT NULL,
  PRIMARY KEY (video_id, task_type, device, path)
) STRICT;
CREATE INDEX file_path ON file (device, path);
CREATE TABLE route (
  video_id TEXT PRIMARY KEY,
  dialect TEXT,
  points TEXT NOT NULL
) STRICT;
CREATE TABLE plate (
  plate_id INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE,
  folded TEXT NOT NULL
) STRICT;
CREATE INDEX plate_folded ON plate (folded);
CREATE TABLE sighting (
  sighting_id INTEGER PRIMARY KEY,
  video_id TEXT NOT NULL,
  plate_id INTEGER NOT NULL REFERENCES plate,
  confidence REAL NOT NULL,
  confirmed INTEGER NOT NULL,
  frame_number INTEGER NOT NULL,
  timestamp TEXT,
  lat REAL,
  lon REAL,
  candidates TEXT NOT NULL,
  crop TEXT,
  first_seconds REAL,
  last_seconds REAL,
  track INTEGER,
  reads INTEGER NOT NULL,
  agreeing INTEGER NOT NULL
) STRICT;
CREATE INDEX sighting_video ON sighting (video_id, frame_number);
CREATE INDEX sighting_plate ON sighting (plate_id, timestamp DESC);
CREATE INDEX sighting_newest ON sighting (timestamp DESC, sighting_id DESC);
"""

TOKENS = """
CREATE TABLE token (
  jti TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER
) STRICT;
"""

SET = "dashcam"


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a database up to this program; refuses one that a newer program wrote."""
    if newer := newer_steps(connection):
        raise SettingsError(
            f"this database was written by a newer dashcam (it has {', '.join(newer)}); update this one, "
            "restore a backup from before (dashcam restore), or give another --home"
        )
    sqlite_utils = _sqlite_utils()
    migrations = sqlite_utils.Migrations(SET)
    for name, step in STEPS:
        migrations(name=name)(step)
    migrations.apply(sqlite_utils.Database(connection))


def build(connection: sqlite3.Connection, names: set[str]) -> None:
    """Make the tables that a database has which went through these migrations, in an empty one."""
    database = _sqlite_utils().Database(connection)
    for name, step in STEPS:
        if name in names:
            step(database)


def applied_steps(connection: sqlite3.Connection) -> set[str]:
    """The migrations that a database went through; none for a new one."""
    table = "SELECT 1 FROM sqlite_schema WHERE name = '_sqlite_migrations'"
    if connection.execute(table).fetchone() is None:
        return set()
    found = connection.execute("SELECT name FROM _sqlite_migrations WHERE migration_set = ?", (SET,))
    return {str(name) for (name,) in found.fetchall()}


def newer_steps(connection: sqlite3.Connection) -> list[str]:
    """The migrations that only a newer program knows."""
    return sorted(applied_steps(connection) - {name for name, _ in STEPS})


def missing_steps(connection: sqlite3.Connection) -> list[str]:
    """What `migrate` would do to a database that has something in it; nothing for a new one."""
    done = applied_steps(connection)
    return [name for name, _ in STEPS if name not in done] if done else []


def raise_numbers(connection: sqlite3.Connection) -> None:
    """Let leases and new tasks have numbers that nobody can hold from another time of this queue.

    For a database that takes the place of another one: what a worker still has in hand from there must be
    refused (409, 404), not taken for something that happens to have the same number.
    """
    connection.execute("UPDATE task SET lease = lease + 1000 WHERE state <> 'complete'")
    found = connection.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = 'task'").fetchone()[0]
    raise_task_numbers(connection, (found or 0) + 1)


def raise_task_numbers(connection: sqlite3.Connection, above: int) -> None:
    """Let new tasks have far higher numbers than `above`, unless they have higher ones already."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'task'").fetchone()
    if not above or (found and found[0] >= above):
        return
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'task'")
    connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('task', ?)", (above + 1_000_000,))


def _run(database: Any, script: str) -> None:
    # Not executescript: that would commit behind the migration's transaction.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            database.execute(statement)
            statement = ""


def _queue(database: Any) -> None:
    _run(database, QUEUE)


def _catalogue(database: Any) -> None:
    _run(database, CATALOGUE)
    # The distinct plate texts are indexed, not every sighting: any fragment of three characters is one probe.
    database["plate"].enable_fts(
        ["text", "folded"], fts_version="FTS5", tokenize="trigram", create_triggers=True
    )


EXTRAS = """
CREATE TABLE idempotency (
  key TEXT PRIMARY KEY,
  body TEXT NOT NULL,
  task_ids TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX idempotency_age ON idempotency (created_at);
CREATE VIRTUAL TABLE sighting_place USING rtree (sighting_id, south, north, west, east);
CREATE TRIGGER sighting_placed AFTER INSERT ON sighting WHEN new.lat IS NOT NULL BEGIN
  INSERT INTO sighting_place VALUES (new.sighting_id, new.lat, new.lat, new.lon, new.lon); END;
CREATE TRIGGER sighting_unplaced AFTER DELETE ON sighting BEGIN
  DELETE FROM sighting_place WHERE sighting_id = old.sighting_id; END;
INSERT INTO sighting_place SELECT sighting_id, lat, lat, lon, lon FROM sighting WHERE lat IS NOT NULL;
"""


def _extras(database: Any) -> None:
    _run(database, EXTRAS)


def _tokens(database: Any) -> None:
    _run(database, TOKENS)


def _boxes(database: Any) -> None:
    database.execute("ALTER TABLE sighting ADD COLUMN box TEXT")


RETENTION = """
CREATE TABLE protection (
  video_id TEXT PRIMARY KEY,
  since INTEGER NOT NULL
) STRICT;
CREATE TABLE removal (
  removal_id INTEGER PRIMARY KEY,
  removed_at INTEGER NOT NULL,
  video_id TEXT,
  kind TEXT NOT NULL,
  device TEXT NOT NULL,
  path TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  reason TEXT NOT NULL,
  how TEXT NOT NULL,
  host TEXT NOT NULL
) STRICT;
CREATE INDEX removal_video ON removal (video_id) WHERE video_id IS NOT NULL;
CREATE TABLE dropped_picture (hash TEXT PRIMARY KEY) STRICT;
CREATE INDEX sighting_crop ON sighting (crop) WHERE crop IS NOT NULL;
CREATE INDEX clip_poster ON clip (poster) WHERE poster IS NOT NULL;
-- Plates that somebody named, watches or corrected; whatever keeps such words makes this view anew.
CREATE VIEW marked_plate (plate_id) AS SELECT plate_id FROM plate WHERE 0;
"""


def _retention(database: Any) -> None:
    _run(database, RETENTION)


TRIPS = """
CREATE TABLE trip_clip (
  video_id TEXT PRIMARY KEY,
  camera TEXT NOT NULL,
  channel TEXT NOT NULL,
  kind TEXT NOT NULL,
  starts REAL NOT NULL,
  ends REAL NOT NULL,
  sequence INTEGER,
  link TEXT,
  part INTEGER NOT NULL
) STRICT;
CREATE INDEX trip_clip_order ON trip_clip (camera, starts, video_id);
CREATE INDEX trip_clip_part ON trip_clip (part, starts, video_id);
CREATE INDEX trip_clip_end ON trip_clip (part, ends);
CREATE INDEX trip_clip_link ON trip_clip (link) WHERE link IS NOT NULL;
CREATE TABLE trip_part (
  part INTEGER PRIMARY KEY,
  camera TEXT NOT NULL,
  clips INTEGER NOT NULL,
  first TEXT,
  starts REAL,
  ends REAL,
  trip INTEGER NOT NULL
) STRICT;
CREATE INDEX trip_part_newest ON trip_part (starts DESC, first) WHERE trip = part;
CREATE INDEX trip_part_trip ON trip_part (trip);
CREATE INDEX trip_part_joined ON trip_part (camera) WHERE trip <> part;
CREATE TABLE trip_camera (camera TEXT PRIMARY KEY, longest REAL NOT NULL) STRICT;
CREATE TABLE trip_rule (gap REAL NOT NULL) STRICT;
CREATE TABLE trip_edit (
  edit_id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  said TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  undone_at INTEGER
) STRICT;
CREATE TABLE trip_cut (edit_id INTEGER PRIMARY KEY REFERENCES trip_edit, video_id TEXT NOT NULL) STRICT;
CREATE INDEX trip_cut_video ON trip_cut (video_id);
CREATE TABLE trip_join (
  edit_id INTEGER NOT NULL REFERENCES trip_edit,
  earlier TEXT NOT NULL,
  later TEXT NOT NULL,
  ended_by INTEGER REFERENCES trip_edit,
  PRIMARY KEY (edit_id, earlier, later)
) STRICT;
ALTER TABLE route ADD COLUMN metres REAL;
"""


def _trips(database: Any) -> None:
    # `Services` fills them: how long a pause may be is a setting.
    _run(database, TRIPS)


ENCOUNTERS = """
-- A sighting in time: seconds since 1970 on an axis (the folded plate; where no time is known, of one clip).
-- `clock` added to it gives the camera's clock.
CREATE TABLE met (
  sighting_id INTEGER PRIMARY KEY,
  axis TEXT NOT NULL,
  begins REAL NOT NULL,
  ends REAL NOT NULL,
  clock REAL,
  encounter_id INTEGER
) STRICT;
CREATE INDEX met_encounter ON met (encounter_id, begins, sighting_id);
CREATE INDEX met_alone ON met (axis) WHERE encounter_id IS NULL;
CREATE TABLE encounter (
  encounter_id INTEGER PRIMARY KEY,
  axis TEXT NOT NULL,
  plate_id INTEGER NOT NULL,
  begins REAL NOT NULL,
  ends REAL NOT NULL,
  local_begins REAL,
  local_ends REAL,
  sightings INTEGER NOT NULL,
  best INTEGER NOT NULL
) STRICT;
CREATE INDEX encounter_axis ON encounter (axis, begins);
CREATE INDEX encounter_newest ON encounter (local_begins DESC, best DESC, local_ends);
CREATE TABLE encounter_rule (gap REAL NOT NULL) STRICT;
CREATE TABLE met_changed (sighting_id INTEGER PRIMARY KEY) STRICT;
CREATE TRIGGER met_added AFTER INSERT ON sighting BEGIN
  INSERT OR IGNORE INTO met_changed VALUES (new.sighting_id); END;
CREATE TRIGGER met_removed AFTER DELETE ON sighting BEGIN
  INSERT OR IGNORE INTO met_changed VALUES (old.sighting_id); END;
CREATE TRIGGER met_corrected AFTER UPDATE ON sighting BEGIN
  INSERT OR IGNORE INTO met_changed VALUES (new.sighting_id); END;
CREATE TRIGGER met_moved AFTER UPDATE OF start_utc, start_local ON clip
WHEN old.start_utc IS NOT new.start_utc OR old.start_local IS NOT new.start_local BEGIN
  INSERT OR IGNORE INTO met_changed SELECT sighting_id FROM sighting WHERE video_id = new.video_id; END;
"""


def _encounters(database: Any) -> None:
    # `Services` fills them: how long a pause may be is a setting.
    _run(database, ENCOUNTERS)


UPKEEP = """
-- What follows from a task: asked before it is removed, by us and by the foreign key.
CREATE INDEX task_parent ON task (parent_id) WHERE parent_id IS NOT NULL;
-- Failures of a device since it last completed a task of a type.
CREATE TABLE strike (
  strike_id INTEGER PRIMARY KEY,
  device TEXT NOT NULL,
  task_type TEXT NOT NULL,
  task_id INTEGER NOT NULL,
  error TEXT NOT NULL,
  at INTEGER NOT NULL,
  others_did INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX strike_device ON strike (task_type, device, strike_id);
CREATE TABLE quarantine (
  quarantine_id INTEGER PRIMARY KEY AUTOINCREMENT,
  device TEXT NOT NULL,
  task_type TEXT NOT NULL,
  since INTEGER NOT NULL,
  why TEXT NOT NULL,
  UNIQUE (device, task_type)
) STRICT;
"""


def _upkeep(database: Any) -> None:
    _run(database, UPKEEP)


PLATE_PAGES = """
-- Newest first within a plate, and the plate of each of the newest, without looking at the rows.
DROP INDEX sighting_plate;
CREATE INDEX sighting_plate ON sighting (plate_id, timestamp DESC, sighting_id DESC);
DROP INDEX sighting_newest;
CREATE INDEX sighting_newest ON sighting (timestamp DESC, sighting_id DESC, plate_id);
CREATE INDEX task_waiting ON task (video_id) WHERE phase = 'no_input';
"""


def _plate_pages(database: Any) -> None:
    _run(database, PLATE_PAGES)


def _marks(database: Any) -> None:
    _run(database, MARKS)


def _map(database: Any) -> None:
    # `Services` fills them while the server runs.
    _run(database, MAP)


PLATE_INDEX = """
-- How often a plate went or changed: `plate_index.py` then reads all anew, since numbers are given again.
CREATE TABLE plate_removal (times INTEGER NOT NULL) STRICT;
INSERT INTO plate_removal VALUES (0);
CREATE TRIGGER plate_removed AFTER DELETE ON plate BEGIN UPDATE plate_removal SET times = times + 1; END;
CREATE TRIGGER plate_changed AFTER UPDATE OF plate_id, text ON plate BEGIN
  UPDATE plate_removal SET times = times + 1;
END;
"""


def _plate_index(database: Any) -> None:
    database["plate"].disable_fts()  # nothing asks the index of trigrams any more
    _run(database, PLATE_INDEX)


def _pages(database: Any) -> None:
    _run(database, PAGES)


STEPS: list[tuple[str, Callable[[Any], None]]] = [
    ("0001_queue", _queue),
    ("0002_catalogue", _catalogue),
    ("0003_tokens", _tokens),
    ("0004_extras", _extras),
    ("0005_boxes", _boxes),
    ("0006_retention", _retention),
    ("0007_trips", _trips),
    ("0008_encounters", _encounters),
    ("0009_upkeep", _upkeep),
    ("0010_plate_pages", _plate_pages),
    ("0011_marks", _marks),
    ("0012_map", _map),
    ("0013_pages", _pages),
    ("0014_plate_index", _plate_index),
]


def _sqlite_utils() -> Any:
    """sqlite-utils, without the NumPy and pandas that it would load to know their number types.

    The server has no use for them, and on a one-box install they are there.
    """
    with _hidden("numpy", "pandas"):
        return importlib.import_module("sqlite_utils")


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    hide = [name for name in names if name not in sys.modules]
    for name in hide:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hide:
            del sys.modules[name]
