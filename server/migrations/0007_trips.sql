-- Trips; `Services` fills them: how long a pause may be is a setting.
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
