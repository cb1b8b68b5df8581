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
