-- Encounters; `Services` fills them: how long a pause may be is a setting.
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
