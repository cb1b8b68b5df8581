-- What was nearly read: the other readings of sightings, for searches that ask for them. `sqlite_runners_up.py`
-- fills this. A text's number is not given again, so that what is kept of it in memory never stands for another.
CREATE TABLE runner_up_text (text_id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE runner_up (
  sighting_id INTEGER NOT NULL,
  text_id INTEGER NOT NULL REFERENCES runner_up_text,
  PRIMARY KEY (sighting_id, text_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX runner_up_of_text ON runner_up (text_id, sighting_id);
CREATE TRIGGER sighting_unread AFTER DELETE ON sighting BEGIN
  DELETE FROM runner_up WHERE sighting_id = old.sighting_id;
END;
CREATE TRIGGER runner_up_unread AFTER DELETE ON runner_up BEGIN
  DELETE FROM runner_up_text WHERE text_id = old.text_id
    AND NOT EXISTS (SELECT 1 FROM runner_up r WHERE r.text_id = old.text_id);
END;
