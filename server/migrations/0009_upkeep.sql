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
