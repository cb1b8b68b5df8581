"""What pages ask for all day, kept ready: clips by what narrows their lists, and how many tasks there are."""

from __future__ import annotations

PAGES = """
ALTER TABLE clip ADD COLUMN channel TEXT;
ALTER TABLE clip ADD COLUMN mode TEXT;
UPDATE clip SET channel = json_extract(facts, '$.channel'), mode = json_extract(facts, '$.mode');
-- Whatever a list is narrowed by is decided without looking at the rows.
DROP INDEX clip_newest;
CREATE INDEX clip_newest
ON clip (start_local DESC, created_at DESC, video_id, channel, mode, plates_found, plates_shown);
CREATE TABLE task_tally (
  task_type TEXT NOT NULL,
  phase TEXT NOT NULL,
  needs_id INTEGER NOT NULL,
  tasks INTEGER NOT NULL,
  PRIMARY KEY (task_type, phase, needs_id)
) STRICT, WITHOUT ROWID;
INSERT INTO task_tally
SELECT task_type, phase, needs_id, count(*) FROM task GROUP BY task_type, phase, needs_id;
CREATE TRIGGER task_counted AFTER INSERT ON task BEGIN
  INSERT INTO task_tally VALUES (new.task_type, new.phase, new.needs_id, 1)
  ON CONFLICT DO UPDATE SET tasks = tasks + 1; END;
CREATE TRIGGER task_counted_anew AFTER UPDATE OF phase, needs_id ON task
WHEN old.phase <> new.phase OR old.needs_id <> new.needs_id BEGIN
  UPDATE task_tally SET tasks = tasks - 1
  WHERE task_type = old.task_type AND phase = old.phase AND needs_id = old.needs_id;
  INSERT INTO task_tally VALUES (new.task_type, new.phase, new.needs_id, 1)
  ON CONFLICT DO UPDATE SET tasks = tasks + 1; END;
CREATE TRIGGER task_uncounted AFTER DELETE ON task BEGIN
  UPDATE task_tally SET tasks = tasks - 1
  WHERE task_type = old.task_type AND phase = old.phase AND needs_id = old.needs_id; END;
"""
