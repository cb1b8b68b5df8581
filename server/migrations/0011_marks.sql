-- What people say of plates: corrections, notes, names, watches. Nothing that a stage says is in them, so
-- that they outlive every clip that is processed again.
-- What people say was read wrongly, in order: each is applied to what the ones before it left.
-- `text` NULL: it is no plate. With `video_id` it is about one sighting, which the columns after it describe.
CREATE TABLE correction (
  correction_id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  plate TEXT NOT NULL,
  text TEXT,
  made_at INTEGER NOT NULL,
  undone_at INTEGER,
  video_id TEXT,
  read TEXT,
  frame_number INTEGER,
  first_seconds REAL,
  last_seconds REAL,
  track INTEGER,
  ordinal INTEGER
) STRICT;
CREATE INDEX correction_plate ON correction (plate, correction_id)
WHERE undone_at IS NULL AND video_id IS NULL;
CREATE INDEX correction_video ON correction (video_id, correction_id)
WHERE undone_at IS NULL AND video_id IS NOT NULL;
CREATE INDEX correction_about ON correction (plate, correction_id DESC);
CREATE INDEX correction_into ON correction (text, correction_id DESC) WHERE text IS NOT NULL;
-- Which corrections made each sighting what it is.
CREATE TABLE corrected (
  sighting_id INTEGER NOT NULL,
  correction_id INTEGER NOT NULL REFERENCES correction,
  PRIMARY KEY (sighting_id, correction_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX corrected_by ON corrected (correction_id, sighting_id);
-- What was read, where a sighting is shown as something else; NULL: it is shown as it was read.
ALTER TABLE sighting ADD COLUMN read_plate TEXT;
ALTER TABLE sighting ADD COLUMN read_confirmed INTEGER;
CREATE INDEX sighting_read ON sighting (plate_id, read_plate) WHERE read_plate IS NOT NULL;
-- Distinct confirmed plates of a clip with corrections; NULL: it has none.
ALTER TABLE clip ADD COLUMN plates_shown INTEGER;
-- Sightings that are no plate; kept aside, so that whatever reads sightings need not know of them.
CREATE TABLE dismissed (
  sighting_id INTEGER PRIMARY KEY,
  video_id TEXT NOT NULL,
  plate TEXT NOT NULL,
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
  agreeing INTEGER NOT NULL,
  box TEXT
) STRICT;
CREATE INDEX dismissed_video ON dismissed (video_id);
CREATE INDEX dismissed_crop ON dismissed (crop) WHERE crop IS NOT NULL;
CREATE TABLE note (
  plate TEXT PRIMARY KEY,
  text TEXT NOT NULL,
  changed_at INTEGER NOT NULL
) STRICT;
-- Plates that have a name; lists leave them out unless they are asked for.
CREATE TABLE known_plate (
  plate TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  since INTEGER NOT NULL
) STRICT;
CREATE TABLE watch (
  watch_id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  text TEXT NOT NULL,
  match TEXT NOT NULL,
  -- What plates are compared with: a pattern for GLOB; for `similar` the text with look-alikes made equal.
  pattern TEXT NOT NULL,
  active INTEGER NOT NULL,
  webhook TEXT,
  secret TEXT,
  topic TEXT,
  made_at INTEGER NOT NULL,
  -- When the past was searched, and how many sightings were found there; NULL: it is still to be.
  past_at INTEGER,
  past_count INTEGER
) STRICT;
-- What watches tell, one row for each way; written in the transaction that found it, sent afterwards.
CREATE TABLE delivery (
  delivery_id INTEGER PRIMARY KEY AUTOINCREMENT,
  watch_id INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  event TEXT NOT NULL,
  way TEXT NOT NULL,
  plate TEXT,
  video_id TEXT,
  body TEXT NOT NULL,
  state TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_at INTEGER,
  last_at INTEGER,
  answer TEXT,
  UNIQUE (event_id, way)
) STRICT;
CREATE INDEX delivery_due ON delivery (next_at) WHERE state = 'waiting';
CREATE INDEX delivery_watch ON delivery (watch_id, delivery_id DESC);
CREATE INDEX delivery_plate ON delivery (plate) WHERE plate IS NOT NULL;
DROP VIEW marked_plate;
CREATE VIEW marked_plate (plate_id) AS
SELECT plate_id FROM plate p
WHERE text IN (SELECT plate FROM known_plate UNION SELECT plate FROM note
    UNION SELECT plate FROM delivery WHERE plate IS NOT NULL
    UNION SELECT plate FROM correction WHERE undone_at IS NULL
    UNION SELECT text FROM correction WHERE undone_at IS NULL AND text IS NOT NULL)
  OR EXISTS (SELECT 1 FROM watch w WHERE (w.match = 'similar' AND p.folded = w.pattern)
    OR (w.match <> 'similar' AND p.text GLOB w.pattern));
