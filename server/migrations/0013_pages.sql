-- What pages ask for all day, kept ready: clips by what narrows their lists.
ALTER TABLE clip ADD COLUMN channel TEXT;
ALTER TABLE clip ADD COLUMN mode TEXT;
UPDATE clip SET channel = json_extract(facts, '$.channel'), mode = json_extract(facts, '$.mode');
-- Whatever a list is narrowed by is decided without looking at the rows.
DROP INDEX clip_newest;
CREATE INDEX clip_newest
ON clip (start_local DESC, created_at DESC, video_id, channel, mode, plates_found, plates_shown);
