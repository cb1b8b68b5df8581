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
