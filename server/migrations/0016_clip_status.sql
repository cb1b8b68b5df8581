-- Whether a clip is archived is decided without looking at its row, too.
DROP INDEX clip_newest;
CREATE INDEX clip_newest
ON clip (start_local DESC, created_at DESC, video_id, channel, mode, plates_found, plates_shown, archived);
