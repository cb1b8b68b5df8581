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
