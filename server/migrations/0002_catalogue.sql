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
