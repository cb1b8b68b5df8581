-- How often a plate went or changed: `plate_index.py` then reads all anew, since numbers are given again.
CREATE TABLE plate_removal (times INTEGER NOT NULL) STRICT;
INSERT INTO plate_removal VALUES (0);
CREATE TRIGGER plate_removed AFTER DELETE ON plate BEGIN UPDATE plate_removal SET times = times + 1; END;
CREATE TRIGGER plate_changed AFTER UPDATE OF plate_id, text ON plate BEGIN
  UPDATE plate_removal SET times = times + 1;
END;
