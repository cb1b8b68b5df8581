-- Every statement of the store and the catalogue, by name.

-- insert_task --
INSERT INTO task (task_type, state, phase, created_at, video_id, inputs, outputs, metadata, needs, needs_id,
                  resolved, priority, parent_id, root_id)
VALUES (:task_type, :state, :phase, :created_at, :video_id, :inputs, :outputs, :metadata, :needs, :needs_id,
        :resolved, :priority, :parent_id,
        coalesce(:root_id, (SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'task')));

-- get_task --
SELECT * FROM task WHERE task_id = :task_id;

-- page_tasks --
SELECT * FROM task
WHERE (:task_type IS NULL OR task_type = :task_type)
  AND (:state IS NULL OR state = :state)
ORDER BY task_id LIMIT :limit OFFSET :offset;

-- page_video_tasks --
SELECT * FROM task
WHERE video_id = :video_id
  AND (:task_type IS NULL OR task_type = :task_type)
  AND (:state IS NULL OR state = :state)
ORDER BY task_id LIMIT :limit OFFSET :offset;

-- probe_ready --
-- One probe per set of needs and type: the index holds exactly this order, and all that is asked.
SELECT priority, root_id, task_id FROM task
WHERE phase = 'ready' AND needs_id = ? AND task_type = ?
ORDER BY priority, root_id, task_id LIMIT ?;

-- probe_no_input --
SELECT priority, root_id, task_id FROM task
WHERE phase = 'no_input' AND needs_id = ? AND task_type = ?
ORDER BY priority, root_id, task_id LIMIT ?;

-- probed --
SELECT * FROM task WHERE task_id IN (
  SELECT task_id FROM ({branches}) ORDER BY priority, root_id, task_id LIMIT ?);

-- due_tasks --
SELECT * FROM task WHERE phase = 'backing_off' AND run_at <= :now ORDER BY run_at LIMIT 500;

-- far_tasks --
SELECT * FROM task WHERE phase = 'backing_off' AND run_at > :horizon ORDER BY run_at LIMIT 500;

-- any_waits --
SELECT 1 FROM task WHERE phase = 'no_input' LIMIT 1;

-- waiting_for --
SELECT * FROM task WHERE video_id = :video_id AND phase = 'no_input';

-- leased_tasks --
SELECT * FROM task WHERE phase = 'leased';

-- leased_by --
SELECT * FROM task WHERE phase = 'leased' AND device = :device;

-- failed_tasks --
SELECT * FROM task WHERE state = 'failed' ORDER BY task_id DESC LIMIT :limit;

-- count_tasks --
SELECT task_type, phase, needs_id, count(*) AS tasks, min(created_at) AS oldest FROM task
WHERE state = 'pending' GROUP BY task_type, phase, needs_id
UNION ALL
SELECT task_type, phase, 0, count(*), min(created_at) FROM task
WHERE state <> 'pending' GROUP BY task_type, phase;

-- all_needs --
SELECT needs_id, needs, places FROM needs ORDER BY needs_id;

-- needs_of --
SELECT needs_id, needs, places FROM needs WHERE needs_id = :needs_id;

-- insert_needs --
INSERT INTO needs (needs, places) VALUES (:needs, :places) RETURNING needs_id;

-- update_device --
UPDATE device SET device_type = :device_type, status = :status, last_heartbeat = :now,
  capabilities = coalesce(:capabilities, capabilities)
WHERE hostname = :hostname RETURNING *;

-- insert_device --
INSERT INTO device (hostname, device_type, status, capabilities, last_heartbeat)
VALUES (:hostname, :device_type, :status, coalesce(:capabilities, '{}'), :now) RETURNING *;

-- all_capabilities --
SELECT capabilities FROM device;

-- devices --
SELECT * FROM device ORDER BY device_id LIMIT :limit OFFSET :offset;

-- device --
SELECT * FROM device WHERE hostname = :hostname;

-- expect_clip --
INSERT INTO clip (video_id, created_at, fingerprint) VALUES (:video_id, :now, :fingerprint)
ON CONFLICT (video_id) DO UPDATE SET fingerprint = excluded.fingerprint
WHERE excluded.fingerprint IS NOT NULL AND fingerprint IS NULL;

-- put_said --
INSERT OR REPLACE INTO said (video_id, task_type, facts) VALUES (:video_id, :task_type, :facts);

-- say_nothing --
INSERT INTO said (video_id, task_type, facts) VALUES (:video_id, :task_type, '{}') ON CONFLICT DO NOTHING;

-- said_of --
SELECT task_type, facts FROM said WHERE video_id = :video_id;

-- put_clip --
UPDATE clip SET filename = :filename, fingerprint = coalesce(:fingerprint, fingerprint), start_local = :start_local,
  start_utc = :start_utc, duration_seconds = :duration_seconds, total_frames = :total_frames,
  detections_count = :detections_count, plates_found = :plates_found, facts = :facts,
  channel = json_extract(:facts, '$.channel'), mode = json_extract(:facts, '$.mode'),
  poster = coalesce(:poster, poster), tasks_done = tasks_done + 1,
  archived = max(archived, :archived),
  -- An empty path means that the archive was removed; a new one stands again, also when nobody says where.
  archive_device = coalesce(:archive_device, CASE WHEN :archived THEN nullif(archive_device, '') ELSE archive_device END),
  archive_path = coalesce(:archive_path, CASE WHEN :archived THEN nullif(archive_path, '') ELSE archive_path END)
WHERE video_id = :video_id;

-- note_done --
-- As `put_clip`, where nothing changed that an index or another table goes by.
UPDATE clip SET filename = :filename, duration_seconds = :duration_seconds, total_frames = :total_frames,
  detections_count = :detections_count, facts = :facts, tasks_done = tasks_done + 1
WHERE video_id = :video_id;

-- count_done --
-- As `note_done`, where nothing was said.
UPDATE clip SET tasks_done = tasks_done + 1 WHERE video_id = :video_id;

-- drop_files --
DELETE FROM file WHERE video_id = :video_id AND task_type = :task_type;

-- put_file --
INSERT OR REPLACE INTO file (video_id, task_type, device, path, ref)
VALUES (:video_id, :task_type, :device, :path, :ref);

-- files_of --
SELECT task_type, ref FROM file WHERE video_id = :video_id ORDER BY task_type = 'INGEST_VIDEO' DESC, rowid;

-- put_route --
INSERT OR REPLACE INTO route (video_id, dialect, points, metres)
VALUES (:video_id, :dialect, :points, :metres);

-- route_of --
SELECT points FROM route WHERE video_id = :video_id;

-- dialect_of --
SELECT dialect FROM route WHERE video_id = :video_id;

-- drop_sightings --
DELETE FROM sighting WHERE video_id = :video_id;

-- plate_by_text --
SELECT plate_id FROM plate WHERE text = :text;

-- insert_plate --
INSERT INTO plate (text, folded) VALUES (:text, :folded) RETURNING plate_id;

-- insert_sighting --
-- A number that a dismissed one has is not given again: it may come back.
INSERT INTO sighting (sighting_id, video_id, plate_id, confidence, confirmed, frame_number, timestamp, lat, lon,
                      candidates, crop, first_seconds, last_seconds, track, reads, agreeing, box)
VALUES (1 + max(coalesce((SELECT max(sighting_id) FROM sighting), 0), coalesce((SELECT max(sighting_id) FROM dismissed), 0)),
        :video_id, :plate_id, :confidence, :confirmed, :frame_number, :timestamp, :lat, :lon, :candidates,
        :crop, :first_seconds, :last_seconds, :track, :reads, :agreeing, :box)
RETURNING sighting_id;

-- videos --
SELECT c.video_id, filename, start_local, duration_seconds, total_frames, detections_count,
  coalesce(plates_shown, plates_found) AS plates_found, poster, archived, archive_device, archive_path,
  CASE WHEN archived THEN 'processed'
       WHEN EXISTS (SELECT 1 FROM task t WHERE t.video_id = c.video_id AND t.state = 'failed'
                    AND t.phase = 'gave_up') THEN 'failed'
       WHEN tasks_done > 0 OR EXISTS (SELECT 1 FROM task t WHERE t.video_id = c.video_id AND t.phase = 'leased')
       THEN 'processing' ELSE 'queued' END AS status,
  json_extract(facts, '$.utc_offset_seconds') AS utc_offset_seconds
FROM clip c
WHERE (:video_id IS NULL OR c.video_id = :video_id)
  AND (:all OR tasks_done > 0)
  AND (:date_from IS NULL OR start_local >= :date_from)
  AND (:date_to IS NULL OR start_local < :date_to)
  AND (:status IS NULL OR status = :status)
ORDER BY start_local DESC, created_at DESC, video_id LIMIT :limit OFFSET :offset;

-- facts_of --
SELECT facts FROM clip WHERE video_id = :video_id;

-- sightings_of --
SELECT s.*, p.text AS plate, c.archived AND coalesce(c.archive_path, '-') <> '' AS archived,
  json_extract(c.facts, '$.utc_offset_seconds') AS utc_offset_seconds
FROM sighting s JOIN plate p USING (plate_id) JOIN clip c USING (video_id)
WHERE s.video_id = :video_id ORDER BY frame_number, sighting_id;

-- plates --
-- `search.py` adds the conditions that were asked for.
SELECT s.*, p.text AS plate, c.archived AND coalesce(c.archive_path, '-') <> '' AS archived,
  json_extract(c.facts, '$.utc_offset_seconds') AS utc_offset_seconds
FROM sighting s JOIN plate p USING (plate_id) JOIN clip c USING (video_id)
WHERE {conditions}
ORDER BY s.timestamp DESC, s.sighting_id DESC LIMIT :limit OFFSET :offset;

-- count_sightings --
-- As `plates`: each sighting has a plate and a clip.
SELECT count(*) FROM sighting s WHERE {conditions};

-- plates_after --
-- This one and the next three: `plate_index.py` says of which table.
SELECT {key}, text FROM {table} WHERE {key} > :last ORDER BY {key};

-- plate_numbered --
SELECT {key} FROM {table} WHERE text = :text;

-- plates_among --
SELECT {key} FROM {table} WHERE {key} IN (SELECT value FROM json_each(:plates)) AND text GLOB :glob;

-- texts_among --
SELECT {key}, text FROM {table} WHERE {key} IN (SELECT value FROM json_each(:plates));

-- plate_removals --
SELECT times FROM plate_removal;

-- known_fingerprint --
-- A clip whose tasks were all given up is not known: handing it in again is how it is tried again.
SELECT video_id FROM clip c WHERE fingerprint = :fingerprint
  AND (tasks_done > 0 OR EXISTS (SELECT 1 FROM task t WHERE t.video_id = c.video_id AND t.state <> 'failed'))
ORDER BY created_at LIMIT 1;

-- picture_of --
SELECT 1 FROM sighting WHERE crop = :hash UNION ALL SELECT 1 FROM clip WHERE poster = :hash
UNION ALL SELECT 1 FROM dismissed WHERE crop = :hash LIMIT 1;

-- recall_key --
SELECT body, task_ids FROM idempotency WHERE key = :key;

-- remember_key --
INSERT INTO idempotency (key, body, task_ids, created_at) VALUES (:key, :body, :task_ids, :now);

-- forget_keys --
DELETE FROM idempotency WHERE created_at < :before;

-- delete_device --
DELETE FROM device WHERE hostname = :hostname RETURNING hostname;

-- count_matching_tasks --
SELECT count(*) FROM task
WHERE (:task_type IS NULL OR task_type = :task_type)
  AND (:state IS NULL OR state = :state)
  AND (:video_id IS NULL OR video_id = :video_id);

-- tokens --
SELECT * FROM token ORDER BY created_at, rowid;

-- live_token_named --
SELECT jti FROM token WHERE name = :name AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now);

-- insert_token --
INSERT INTO token (jti, name, role, created_at, expires_at) VALUES (:jti, :name, :role, :created_at, :expires_at)
RETURNING *;

-- revoke_token --
UPDATE token SET revoked_at = coalesce(revoked_at, :now) WHERE jti = :jti RETURNING *;

-- held_files --
-- What every stage left in these places, with all that decides whether it may go.
SELECT f.rowid AS number, f.video_id, f.task_type, f.device, f.path, c.filename, c.start_utc, c.created_at,
  coalesce(json_extract(c.facts, '$.locked'), 0) <> 0
    OR coalesce(json_extract(c.facts, '$.mode'), '') IN ('event', 'manual', 'sentry') AS spared,
  p.video_id IS NOT NULL AS protected, c.archived, c.archive_device, c.archive_path,
  (SELECT 'task ' || t.task_id || ' (' || t.task_type || ') ' ||
     CASE t.phase WHEN 'leased' THEN 'is being worked on' WHEN 'gave_up' THEN 'was given up and waits for a person'
     ELSE 'still waits' END
   FROM task t WHERE t.video_id = f.video_id AND (t.state = 'pending' OR t.phase = 'gave_up')
   ORDER BY t.phase <> 'leased', t.task_id LIMIT 1) AS busy
FROM file f JOIN clip c USING (video_id) LEFT JOIN protection p USING (video_id)
WHERE f.rowid > :after
  AND f.device IN (SELECT value FROM json_each(:places))
  AND f.task_type IN (SELECT value FROM json_each(:task_types))
  AND (:videos IS NULL OR f.video_id IN (SELECT value FROM json_each(:videos)))
ORDER BY f.rowid LIMIT :limit;

-- protect --
INSERT INTO protection (video_id, since) VALUES (:video_id, :now) ON CONFLICT (video_id) DO NOTHING;

-- unprotect --
DELETE FROM protection WHERE video_id = :video_id;

-- protected_since --
SELECT since FROM protection WHERE video_id = :video_id;

-- knows_clip --
SELECT 1 FROM clip WHERE video_id = :video_id;

-- drop_file --
DELETE FROM file WHERE video_id = :video_id AND task_type = :task_type AND device = :device AND path = :path
RETURNING path;

-- no_archive --
-- An empty path: it had an archive, and has none any more.
UPDATE clip SET archive_device = '', archive_path = '' WHERE video_id = :video_id
  AND NOT EXISTS (SELECT 1 FROM file WHERE video_id = :video_id AND task_type = 'ARCHIVE_VIDEO');

-- note_removal --
INSERT INTO removal (removed_at, video_id, kind, device, path, size_bytes, reason, how, host)
VALUES (:now, :video_id, :kind, :device, :path, :size_bytes, :reason, :how, :host);

-- removals --
SELECT * FROM removal WHERE (:video_id IS NULL OR video_id = :video_id)
ORDER BY removal_id DESC LIMIT :limit OFFSET :offset;

-- count_removals --
SELECT count(*) FROM removal WHERE (:video_id IS NULL OR video_id = :video_id);

-- unmarked_sightings --
-- A start in the future is a camera's mistake: then only the day on which the clip came in counts.
SELECT s.sighting_id, s.plate_id, s.crop FROM sighting s JOIN clip c USING (video_id)
WHERE c.created_at < :before
  AND (c.start_utc IS NULL OR c.start_utc < :before_text OR c.start_utc > :now_text)
  AND s.plate_id NOT IN (SELECT plate_id FROM marked_plate)
  AND s.video_id NOT IN (SELECT video_id FROM protection)
  AND (:spared OR NOT (coalesce(json_extract(c.facts, '$.locked'), 0) <> 0
       OR coalesce(json_extract(c.facts, '$.mode'), '') IN ('event', 'manual', 'sentry')))
LIMIT :limit;

-- drop_sighting --
DELETE FROM sighting WHERE sighting_id = :sighting_id;

-- drop_unseen_plate --
DELETE FROM plate WHERE plate_id = :plate_id
  AND NOT EXISTS (SELECT 1 FROM sighting WHERE plate_id = :plate_id)
  AND plate_id NOT IN (SELECT plate_id FROM marked_plate);

-- drop_picture --
INSERT OR IGNORE INTO dropped_picture (hash) VALUES (:hash);

-- dropped_pictures --
SELECT hash, EXISTS (SELECT 1 FROM sighting WHERE crop = hash) OR EXISTS (SELECT 1 FROM clip WHERE poster = hash)
  OR EXISTS (SELECT 1 FROM dismissed WHERE crop = hash)
FROM dropped_picture WHERE hash > :after ORDER BY hash LIMIT :limit;

-- forget_dropped --
DELETE FROM dropped_picture WHERE hash = :hash;

-- trip_gap --
SELECT gap FROM trip_rule LIMIT 1;

-- drop_trip_gap --
DELETE FROM trip_rule;

-- put_trip_gap --
INSERT INTO trip_rule (gap) VALUES (:gap);

-- trip_clip --
SELECT camera, video_id, channel, kind, starts, ends, sequence FROM trip_clip WHERE video_id = :video_id;

-- put_trip_clip --
INSERT INTO trip_clip (video_id, camera, channel, kind, starts, ends, sequence, part)
VALUES (:video_id, :camera, :channel, :kind, :starts, :ends, :sequence, :part);

-- drop_trip_clip --
DELETE FROM trip_clip WHERE video_id = :video_id;

-- trip_camera --
SELECT longest FROM trip_camera WHERE camera = :camera;

-- put_trip_camera --
INSERT INTO trip_camera (camera, longest) VALUES (:camera, :longest)
ON CONFLICT (camera) DO UPDATE SET longest = max(longest, excluded.longest);

-- trip_cameras --
SELECT camera FROM trip_camera ORDER BY camera;

-- trip_clips_between --
SELECT video_id, channel, kind, starts, ends, sequence, link, part FROM trip_clip
WHERE camera = :camera AND starts BETWEEN :first AND :last ORDER BY starts, video_id LIMIT :most;

-- trip_cuts_between --
SELECT c.video_id FROM trip_cut k JOIN trip_edit e USING (edit_id) JOIN trip_clip c USING (video_id)
WHERE e.undone_at IS NULL AND c.camera = :camera AND c.starts BETWEEN :first AND :last;

-- trip_place --
SELECT part, link FROM trip_clip WHERE video_id = :video_id;

-- link_trip_clip --
UPDATE trip_clip SET link = :link WHERE video_id = :video_id;

-- place_trip_clip --
UPDATE trip_clip SET part = ?, link = ? WHERE video_id = ?;

-- new_trip_part --
INSERT INTO trip_part (camera, clips, trip)
VALUES (:camera, :clips, (SELECT coalesce(max(part), 0) + 1 FROM trip_part)) RETURNING part;

-- trip_part_camera --
SELECT camera FROM trip_part WHERE part = :part;

-- trip_part_clips --
SELECT clips FROM trip_part WHERE part = :part;

-- split_trip_part --
UPDATE trip_clip SET part = :part WHERE video_id IN (
  WITH RECURSIVE below (video_id) AS (
    VALUES (:video_id) UNION ALL SELECT c.video_id FROM trip_clip c JOIN below b ON c.link = b.video_id)
  SELECT video_id FROM below);

-- count_trip_part --
UPDATE trip_part SET clips = clips + :clips WHERE part = :part;

-- recount_trip_part --
UPDATE trip_part SET clips = (SELECT count(*) FROM trip_clip c WHERE c.part = :part) WHERE part = :part;

-- merge_trip_parts --
UPDATE trip_clip SET part = :kept WHERE part = :gone;

-- drop_trip_part --
DELETE FROM trip_part WHERE part = :part;

-- drop_trip_parts --
DELETE FROM trip_part;

-- renew_trip_part --
UPDATE trip_part SET (first, starts) = (SELECT video_id, starts FROM trip_clip c WHERE c.part = :part
                                        ORDER BY starts, video_id LIMIT 1),
  ends = (SELECT max(ends) FROM trip_clip c WHERE c.part = :part)
WHERE part = :part;

-- unjoin_trip_parts --
UPDATE trip_part SET trip = part WHERE camera = :camera AND trip <> part;

-- trip_joined_parts --
SELECT a.part, b.part FROM trip_join j JOIN trip_edit e USING (edit_id)
  LEFT JOIN trip_edit over ON over.edit_id = j.ended_by
  JOIN trip_clip a ON a.video_id = j.earlier JOIN trip_clip b ON b.video_id = j.later
WHERE e.undone_at IS NULL AND (over.edit_id IS NULL OR over.undone_at IS NOT NULL)
  AND a.camera = :camera AND b.camera = :camera AND a.part <> b.part;

-- trip_part_begin --
SELECT starts, first FROM trip_part WHERE part = :part;

-- join_trip_part --
UPDATE trip_part SET trip = :trip WHERE part = :part;

-- unmeasured_routes --
SELECT video_id, points FROM route WHERE metres IS NULL AND points <> '[]' LIMIT 500;

-- all_facts --
SELECT video_id, facts FROM clip;

-- measure_route --
UPDATE route SET metres = :metres WHERE video_id = :video_id;

-- trip_of_clip --
SELECT p.trip, p.camera, t.first FROM trip_clip c JOIN trip_part p USING (part) JOIN trip_part t ON t.part = p.trip
WHERE c.video_id = :video_id;

-- last_of_trip --
SELECT c.video_id FROM trip_part p JOIN trip_clip c USING (part)
WHERE p.trip = :trip ORDER BY c.starts DESC, c.video_id DESC LIMIT 1;

-- trip_has_before --
SELECT 1 FROM trip_part p JOIN trip_clip c USING (part) WHERE p.trip = :trip AND c.starts < :since LIMIT 1;

-- trip_clips_since --
SELECT c.video_id FROM trip_part p JOIN trip_clip c USING (part) WHERE p.trip = :trip AND c.starts >= :since;

-- put_trip_edit --
INSERT INTO trip_edit (kind, said, made_at) VALUES (:kind, :said, :now) RETURNING edit_id;

-- put_trip_join --
INSERT OR IGNORE INTO trip_join (edit_id, earlier, later) VALUES (:edit_id, :earlier, :later);

-- put_trip_cut --
INSERT INTO trip_cut (edit_id, video_id) VALUES (:edit_id, :video_id);

-- end_trip_joins --
-- A later word counts: what was joined across the time of a new cut is so no longer.
UPDATE trip_join SET ended_by = :edit_id
WHERE (ended_by IS NULL OR ended_by IN (SELECT edit_id FROM trip_edit WHERE undone_at IS NOT NULL))
  AND rowid IN (
    SELECT j.rowid FROM trip_join j JOIN trip_clip a ON a.video_id = j.earlier JOIN trip_part p ON p.part = a.part
      JOIN trip_clip b ON b.video_id = j.later
    WHERE p.trip = :trip AND min(a.starts, b.starts) < :since AND max(a.starts, b.starts) >= :since);

-- undo_trip_edit --
UPDATE trip_edit SET undone_at = :now WHERE edit_id = :edit_id;

-- cut_of_edit --
SELECT video_id FROM trip_cut WHERE edit_id = :edit_id;

-- cameras_of_edit --
SELECT DISTINCT c.camera FROM trip_join j JOIN trip_clip c ON c.video_id IN (j.earlier, j.later)
WHERE j.edit_id = :edit_id OR j.ended_by = :edit_id;

-- trip_edit --
SELECT edit_id, kind, said, made_at, undone_at FROM trip_edit WHERE edit_id = :edit_id;

-- trip_edits --
SELECT edit_id, kind, said, made_at, undone_at FROM trip_edit ORDER BY edit_id DESC LIMIT :limit OFFSET :offset;

-- count_trip_edits --
SELECT count(*) FROM trip_edit;

-- trips --
SELECT t.part, t.first, t.camera, json_extract(c.facts, '$.camera_name'), t.starts,
  (SELECT max(p.ends) FROM trip_part p WHERE p.trip = t.part), c.start_utc,
  json_extract(c.facts, '$.utc_offset_seconds')
FROM trip_part t LEFT JOIN clip c ON c.video_id = t.first
WHERE t.trip = t.part
  AND (:trip IS NULL OR t.part = :trip)
  AND (:camera IS NULL OR t.camera = :camera)
  AND (:first IS NULL OR t.starts >= :first)
  AND (:last IS NULL OR t.starts < :last)
ORDER BY t.starts DESC, t.first LIMIT :limit OFFSET :offset;

-- count_trips --
SELECT count(*) FROM trip_part t
WHERE t.trip = t.part
  AND (:camera IS NULL OR t.camera = :camera)
  AND (:first IS NULL OR t.starts >= :first)
  AND (:last IS NULL OR t.starts < :last);

-- shots_of_trips --
SELECT p.trip, c.video_id, c.channel, c.kind, c.starts, c.ends, c.sequence, r.metres
FROM trip_part p JOIN trip_clip c USING (part) LEFT JOIN route r USING (video_id)
WHERE p.trip IN (SELECT value FROM json_each(:trips)) ORDER BY p.trip, c.starts, c.video_id;

-- plates_of_trips --
SELECT p.trip, count(DISTINCT s.plate_id)
FROM trip_part p JOIN trip_clip c USING (part) JOIN sighting s USING (video_id)
WHERE s.confirmed AND p.trip IN (SELECT value FROM json_each(:trips)) GROUP BY p.trip;

-- shots_of_trip --
SELECT c.video_id, c.channel, c.kind, c.starts, c.ends, c.sequence
FROM trip_part p JOIN trip_clip c USING (part) WHERE p.trip = :trip ORDER BY c.starts, c.video_id;

-- clips_of_trip --
SELECT t.video_id, t.channel, c.filename, c.start_local, c.duration_seconds, json_extract(c.facts, '$.mode'),
  json_extract(c.facts, '$.locked'), json_extract(c.facts, '$.utc_offset_seconds')
FROM trip_part p JOIN trip_clip t USING (part) LEFT JOIN clip c USING (video_id) WHERE p.trip = :trip;

-- edits_of_trip --
SELECT DISTINCT e.edit_id FROM trip_edit e
  LEFT JOIN trip_cut k USING (edit_id) LEFT JOIN trip_join j USING (edit_id)
  JOIN trip_clip c ON c.video_id IN (k.video_id, j.earlier, j.later) JOIN trip_part p USING (part)
WHERE e.undone_at IS NULL AND p.trip = :trip ORDER BY e.edit_id;

-- trip_mates --
SELECT c.video_id, c.channel FROM trip_clip m JOIN trip_clip c ON c.camera = m.camera
WHERE m.video_id = :video_id AND c.starts BETWEEN m.starts - :tolerance AND m.starts + :tolerance
  AND c.channel <> m.channel ORDER BY abs(c.starts - m.starts), c.video_id LIMIT 50;

-- raw_files --
SELECT path, ref FROM file
WHERE video_id = :video_id AND task_type = 'INGEST_VIDEO' AND device = :device ORDER BY rowid;

-- move_file --
UPDATE OR REPLACE file SET path = :path, ref = :ref
WHERE video_id = :video_id AND task_type = 'INGEST_VIDEO' AND device = :device AND path = :was;

-- unfinished_inputs --
SELECT task_id, coalesce(resolved, inputs) FROM task WHERE video_id = :video_id AND state <> 'complete';

-- readdress_task --
UPDATE task SET resolved = :resolved WHERE task_id = :task_id;

-- amend_said --
INSERT INTO said (video_id, task_type, facts) VALUES (:video_id, :task_type, :facts)
ON CONFLICT (video_id, task_type) DO UPDATE SET facts = json_patch(facts, excluded.facts);

-- amend_facts --
UPDATE clip SET facts = json_patch(facts, :facts) WHERE video_id = :video_id;

-- encounter_gap --
SELECT gap FROM encounter_rule LIMIT 1;

-- drop_encounter_gap --
DELETE FROM encounter_rule;

-- put_encounter_gap --
INSERT INTO encounter_rule (gap) VALUES (:gap);

-- changed_sightings --
SELECT sighting_id FROM met_changed ORDER BY sighting_id LIMIT :limit;

-- settled_sighting --
DELETE FROM met_changed WHERE sighting_id = ?;

-- all_sightings_changed --
INSERT OR IGNORE INTO met_changed SELECT sighting_id FROM sighting;

-- drop_met --
DELETE FROM met;

-- drop_encounters --
DELETE FROM encounter;

-- unmeet --
DELETE FROM met WHERE sighting_id = :sighting_id RETURNING axis, begins, ends;

-- sighting_times --
SELECT p.folded, s.video_id, s.timestamp, s.first_seconds, s.last_seconds, c.start_utc, c.start_local
FROM sighting s JOIN plate p USING (plate_id) JOIN clip c USING (video_id) WHERE s.sighting_id = :sighting_id;

-- meet --
INSERT INTO met (sighting_id, axis, begins, ends, clock) VALUES (:sighting_id, :axis, :begins, :ends, :clock);

-- encounters_on --
SELECT encounter_id, begins, ends FROM encounter WHERE axis = :axis ORDER BY begins;

-- sights_of --
-- Those of some encounters, and those that are in none yet.
SELECT m.sighting_id, p.text, m.begins, m.ends, s.confirmed, s.confidence, s.agreeing, s.plate_id, m.clock
FROM met m JOIN sighting s USING (sighting_id) JOIN plate p USING (plate_id)
WHERE m.encounter_id IN (SELECT value FROM json_each(:encounters)) OR (m.encounter_id IS NULL AND m.axis = :axis);

-- drop_encounter --
DELETE FROM encounter WHERE encounter_id = ?;

-- insert_encounter --
INSERT INTO encounter (axis, plate_id, begins, ends, local_begins, local_ends, sightings, best)
VALUES (:axis, :plate_id, :begins, :ends, :local_begins, :local_ends, :sightings, :best) RETURNING encounter_id;

-- place_met --
UPDATE met SET encounter_id = ? WHERE sighting_id = ?;

-- encounters --
-- `sqlite_encounter_list.py` adds the conditions that were asked for.
SELECT e.encounter_id, p.text, e.local_begins, e.local_ends, e.sightings, e.best FROM encounter e JOIN plate p USING (plate_id)
WHERE {conditions}
ORDER BY e.local_begins DESC, e.best DESC LIMIT :limit OFFSET :offset;

-- encounter_counts --
SELECT m.encounter_id, count(DISTINCT s.video_id) FROM met m JOIN sighting s USING (sighting_id)
WHERE m.encounter_id IN (SELECT value FROM json_each(:encounters)) GROUP BY m.encounter_id;

-- encounter_channels --
SELECT DISTINCT m.encounter_id, json_extract(c.facts, '$.channel')
FROM met m JOIN sighting s USING (sighting_id) JOIN clip c USING (video_id)
WHERE m.encounter_id IN (SELECT value FROM json_each(:encounters));

-- encounter_sightings --
SELECT m.encounter_id, m.sighting_id, m.begins, m.ends, m.clock, json_extract(c.facts, '$.channel') AS channel,
  json_extract(c.facts, '$.utc_offset_seconds') AS utc_offset_seconds, s.video_id, p.text AS plate, s.confidence,
  s.confirmed, s.timestamp, s.first_seconds, s.lat, s.lon, s.crop
FROM met m JOIN sighting s USING (sighting_id) JOIN plate p USING (plate_id) JOIN clip c USING (video_id)
WHERE m.encounter_id = :encounter_id ORDER BY m.begins, m.sighting_id LIMIT :limit;

-- encounter_sighting --
SELECT m.encounter_id, m.sighting_id, m.begins, m.ends, m.clock, json_extract(c.facts, '$.channel') AS channel,
  json_extract(c.facts, '$.utc_offset_seconds') AS utc_offset_seconds, s.video_id, p.text AS plate, s.confidence,
  s.confirmed, s.timestamp, s.first_seconds, s.lat, s.lon, s.crop
FROM met m JOIN sighting s USING (sighting_id) JOIN plate p USING (plate_id) JOIN clip c USING (video_id)
WHERE m.sighting_id = :sighting_id;

-- finished_tasks --
SELECT task_id FROM task
WHERE task_id < :below AND state = 'complete' AND completed_at < :before ORDER BY task_id DESC LIMIT :limit;

-- remove_task --
DELETE FROM task WHERE task_id = :task_id AND state = 'complete'
  AND NOT EXISTS (SELECT 1 FROM task c WHERE c.parent_id = :task_id);

-- what_is_known --
SELECT EXISTS (SELECT 1 FROM said WHERE video_id = :video_id AND task_type = :task_type),
  EXISTS (SELECT 1 FROM file WHERE video_id = :video_id AND task_type = :task_type);

-- strikes --
SELECT strike_id, device, task_type, task_id, error, at, others_did FROM strike
ORDER BY strike_id;

-- put_strike --
INSERT INTO strike (device, task_type, task_id, error, at) VALUES (:device, :task_type, :task_id, :error, :now);

-- tell_strikes --
UPDATE strike SET others_did = 1 WHERE task_type = :task_type AND NOT others_did;

-- drop_strikes --
DELETE FROM strike WHERE task_type = :task_type AND device = :device;

-- quarantines --
SELECT quarantine_id, device, task_type, since, why FROM quarantine
WHERE :device IS NULL OR device = :device ORDER BY quarantine_id;

-- put_quarantine --
INSERT INTO quarantine (device, task_type, since, why) VALUES (:device, :task_type, :now, :why);

-- drop_quarantine --
DELETE FROM quarantine WHERE device = :device AND task_type = :task_type;

-- forget_device_strikes --
DELETE FROM strike WHERE device = :hostname;

-- forget_device_quarantines --
DELETE FROM quarantine WHERE device = :hostname;

-- sightings_walked --
-- This one and the next three: `plate_page.py` adds conditions.
SELECT w.sighting_id FROM (
  SELECT s.sighting_id, s.plate_id, s.timestamp FROM sighting s WHERE 1{dates}{other}
  ORDER BY s.timestamp DESC, s.sighting_id DESC LIMIT :walked) w
WHERE substr(:flags, w.plate_id + 1, 1) = x'31'
ORDER BY w.timestamp DESC, w.sighting_id DESC LIMIT :most;

-- count_sightings_of_plates --
SELECT count(*) FROM (
  SELECT 1 FROM sighting s WHERE s.plate_id IN (SELECT value FROM json_each(:plates)){dates} LIMIT :most);

-- timestamp_of_rank --
SELECT s.timestamp FROM sighting s WHERE 1{dates}
ORDER BY s.timestamp DESC, s.sighting_id DESC LIMIT 1 OFFSET :rank;

-- sightings_of_plates --
SELECT s.sighting_id FROM sighting s
WHERE s.plate_id IN (SELECT value FROM json_each(:plates)){condition}{dates}{other}
ORDER BY s.timestamp DESC, s.sighting_id DESC LIMIT :most;

-- runners_up_walked --
-- This one and the next: as the ones before, by other readings.
SELECT w.sighting_id FROM (
  SELECT s.sighting_id, s.timestamp FROM sighting s WHERE 1{dates}{other}
  ORDER BY s.timestamp DESC, s.sighting_id DESC LIMIT :walked) w
WHERE EXISTS (SELECT 1 FROM runner_up r WHERE r.sighting_id = w.sighting_id AND substr(:flags, r.text_id + 1, 1) = x'31')
ORDER BY w.timestamp DESC, w.sighting_id DESC LIMIT :most;

-- sightings_of_runners_up --
SELECT s.sighting_id FROM (
  SELECT DISTINCT r.sighting_id FROM runner_up r WHERE r.text_id IN (SELECT value FROM json_each(:plates))) n
CROSS JOIN sighting s ON s.sighting_id = n.sighting_id WHERE 1{condition}{dates}{other}
ORDER BY s.timestamp DESC, s.sighting_id DESC LIMIT :most;

-- newest_among --
SELECT s.sighting_id FROM json_each(:sightings) n CROSS JOIN sighting s ON s.sighting_id = n.value
ORDER BY s.timestamp DESC, s.sighting_id DESC LIMIT :limit OFFSET :offset;

-- sightings_with_candidates --
SELECT sighting_id, candidates FROM sighting WHERE candidates <> '[]';

-- candidates_of --
SELECT sighting_id, candidates FROM sighting WHERE sighting_id IN (SELECT value FROM json_each(:sightings));

-- put_runner_up_text --
INSERT INTO runner_up_text (text) VALUES (:text) ON CONFLICT DO NOTHING;

-- put_runner_up --
INSERT OR IGNORE INTO runner_up SELECT :sighting_id, text_id FROM runner_up_text WHERE text = :text;

-- any_correction --
SELECT 1 FROM correction WHERE undone_at IS NULL LIMIT 1;

-- put_correction --
INSERT INTO correction (kind, plate, text, made_at, video_id, read, frame_number, first_seconds, last_seconds, track, ordinal)
VALUES (:kind, :plate, :text, :now, :video_id, :read, :frame_number, :first_seconds, :last_seconds, :track, :ordinal)
RETURNING correction_id;

-- undo_correction --
UPDATE correction SET undone_at = :now WHERE correction_id = :correction_id;

-- following_correction --
SELECT correction_id, text FROM correction
WHERE plate = :plate AND correction_id > :after AND undone_at IS NULL AND video_id IS NULL
ORDER BY correction_id LIMIT 1;

-- corrections_of_clips --
SELECT video_id, correction_id, text, read, frame_number, first_seconds, last_seconds, track, ordinal FROM correction
WHERE video_id IN (SELECT value FROM json_each(:videos)) AND undone_at IS NULL ORDER BY correction_id;

-- readings_of_clip --
-- As they were read, whatever they are shown as.
SELECT s.sighting_id, coalesce(s.read_plate, p.text), s.frame_number, s.first_seconds, s.last_seconds, s.track
FROM sighting s JOIN plate p USING (plate_id) WHERE s.video_id = :video_id
UNION ALL
SELECT sighting_id, plate, frame_number, first_seconds, last_seconds, track FROM dismissed WHERE video_id = :video_id;

-- sighting_for_correction --
SELECT s.video_id, p.text FROM sighting s JOIN plate p USING (plate_id) WHERE s.sighting_id = :sighting_id;

-- sightings_by_correction --
SELECT sighting_id FROM corrected WHERE correction_id = :correction_id;

-- sightings_shown_as --
SELECT sighting_id FROM sighting WHERE plate_id = :plate_id;

-- sightings_as_read --
SELECT s.sighting_id, s.video_id, coalesce(s.read_plate, p.text)
FROM sighting s JOIN plate p USING (plate_id) WHERE s.sighting_id IN (SELECT value FROM json_each(:sightings));

-- correct_sightings --
UPDATE sighting SET read_plate = :read, read_confirmed = coalesce(read_confirmed, confirmed), confirmed = 1,
  plate_id = :into
WHERE sighting_id IN (SELECT value FROM json_each(:sightings));

-- show_as_read --
UPDATE sighting SET read_plate = NULL, confirmed = read_confirmed, read_confirmed = NULL, plate_id = :plate_id
WHERE sighting_id IN (SELECT value FROM json_each(:sightings)) AND read_plate IS NOT NULL;

-- put_corrected --
INSERT INTO corrected (sighting_id, correction_id) SELECT value, :correction_id FROM json_each(:sightings);

-- drop_corrected --
DELETE FROM corrected WHERE sighting_id IN (SELECT value FROM json_each(:sightings));

-- drop_corrected_clip --
DELETE FROM corrected WHERE sighting_id IN (SELECT sighting_id FROM sighting WHERE video_id = :video_id
  UNION ALL SELECT sighting_id FROM dismissed WHERE video_id = :video_id);

-- drop_dismissed_clip --
DELETE FROM dismissed WHERE video_id = :video_id;

-- dismiss_sightings --
INSERT INTO dismissed (sighting_id, video_id, plate, confidence, confirmed, frame_number, timestamp, lat, lon,
  candidates, crop, first_seconds, last_seconds, track, reads, agreeing, box)
SELECT s.sighting_id, s.video_id, coalesce(s.read_plate, p.text), s.confidence, coalesce(s.read_confirmed, s.confirmed),
  s.frame_number, s.timestamp, s.lat, s.lon, s.candidates, s.crop, s.first_seconds, s.last_seconds, s.track, s.reads,
  s.agreeing, s.box
FROM sighting s JOIN plate p USING (plate_id) WHERE s.sighting_id IN (SELECT value FROM json_each(:sightings));

-- drop_sightings_dismissed --
DELETE FROM sighting WHERE sighting_id IN (SELECT value FROM json_each(:sightings));

-- bring_back --
INSERT INTO sighting (sighting_id, video_id, plate_id, confidence, confirmed, frame_number, timestamp, lat, lon,
  candidates, crop, first_seconds, last_seconds, track, reads, agreeing, box)
SELECT d.sighting_id, d.video_id, p.plate_id, d.confidence, d.confirmed, d.frame_number, d.timestamp, d.lat, d.lon,
  d.candidates, d.crop, d.first_seconds, d.last_seconds, d.track, d.reads, d.agreeing, d.box
FROM dismissed d JOIN plate p ON p.text = d.plate WHERE d.sighting_id IN (SELECT value FROM json_each(:sightings));

-- drop_dismissed --
DELETE FROM dismissed WHERE sighting_id IN (SELECT value FROM json_each(:sightings));

-- count_plates_shown --
-- Only where a person corrected something: otherwise what the stages said counts.
UPDATE clip SET plates_shown = CASE
  WHEN EXISTS (SELECT 1 FROM dismissed d WHERE d.video_id = clip.video_id)
    OR EXISTS (SELECT 1 FROM sighting s WHERE s.video_id = clip.video_id AND s.read_plate IS NOT NULL)
  THEN (SELECT count(DISTINCT s.plate_id) FROM sighting s WHERE s.video_id = clip.video_id AND s.confirmed) END
WHERE video_id IN (SELECT value FROM json_each(:videos));

-- clips_of_sightings --
SELECT DISTINCT video_id FROM sighting WHERE sighting_id IN (SELECT value FROM json_each(:sightings));

-- correction --
SELECT c.correction_id, c.kind, c.plate, c.text, c.made_at, c.undone_at, c.video_id, c.first_seconds,
  (SELECT count(*) FROM corrected k WHERE k.correction_id = c.correction_id)
FROM correction c WHERE c.correction_id = :correction_id;

-- corrections --
SELECT c.correction_id, c.kind, c.plate, c.text, c.made_at, c.undone_at, c.video_id, c.first_seconds,
  (SELECT count(*) FROM corrected k WHERE k.correction_id = c.correction_id)
FROM correction c
WHERE (:plate IS NULL OR c.plate = :plate OR c.text = :plate) AND (:video_id IS NULL OR c.video_id = :video_id)
ORDER BY c.correction_id DESC LIMIT :limit OFFSET :offset;

-- count_corrections --
SELECT count(*) FROM correction c
WHERE (:plate IS NULL OR c.plate = :plate OR c.text = :plate) AND (:video_id IS NULL OR c.video_id = :video_id);

-- put_line --
INSERT INTO route_line (video_id, start_local, south, north, west, east, points)
VALUES (:video_id, (SELECT start_local FROM clip WHERE video_id = :video_id), :south, :north, :west, :east, :points);

-- drop_line --
DELETE FROM route_line WHERE video_id = :video_id;

-- unlined_routes --
SELECT r.video_id, r.points FROM route r
WHERE r.video_id > :after AND r.points <> '[]' AND NOT EXISTS (SELECT 1 FROM route_line l WHERE l.video_id = r.video_id)
ORDER BY r.video_id LIMIT :limit;

-- lines_near --
-- This one and the next seven: how many are in a box, counted up to a limit, and which; `sqlite_map.py` says
-- when which is asked.
SELECT count(*) FROM (SELECT 1 FROM route_place
  WHERE south <= :north AND north >= :south AND west <= :east AND east >= :west LIMIT :limit);

-- sightings_near --
SELECT count(*) FROM (SELECT 1 FROM sighting_place
  WHERE south <= :north AND north >= :south AND west <= :east AND east >= :west LIMIT :limit);

-- lines_gathered --
SELECT line_id FROM route_line WHERE line_id IN (
  SELECT line_id FROM (SELECT line_id FROM route_place
    WHERE south <= :north AND north >= :south AND west <= :east AND east >= :west LIMIT :gathered))
  AND (:date_from IS NULL OR start_local >= :date_from) AND (:until IS NULL OR start_local < :until)
ORDER BY start_local DESC, line_id DESC LIMIT :limit;

-- sightings_gathered --
SELECT sighting_id FROM sighting WHERE sighting_id IN (
  SELECT sighting_id FROM (SELECT sighting_id FROM sighting_place
    WHERE south <= :north AND north >= :south AND west <= :east AND east >= :west LIMIT :gathered))
  AND (:date_from IS NULL OR timestamp >= :date_from) AND (:until IS NULL OR timestamp < :until)
ORDER BY timestamp DESC, sighting_id DESC LIMIT :limit;

-- lines_walked_over --
SELECT line_id FROM (
  SELECT line_id, south, north, west, east FROM route_line WHERE 1{dates}
  ORDER BY start_local DESC, line_id DESC LIMIT :walked)
WHERE south <= :north AND north >= :south AND west <= :east AND east >= :west LIMIT :limit;

-- sightings_walked_over --
SELECT sighting_id FROM (
  SELECT sighting_id, lat, lon FROM sighting INDEXED BY sighting_map WHERE lat IS NOT NULL{dates}
  ORDER BY timestamp DESC, sighting_id DESC LIMIT :walked)
WHERE lat BETWEEN :south AND :north AND lon BETWEEN :west AND :east LIMIT :limit;

-- lines_dated --
SELECT count(*) FROM (SELECT 1 FROM route_line WHERE 1{dates} LIMIT :walked);

-- sightings_dated --
SELECT count(*) FROM (SELECT 1 FROM sighting INDEXED BY sighting_map WHERE lat IS NOT NULL{dates} LIMIT :walked);

-- lines_of --
SELECT l.video_id, l.start_local, l.points, json_extract(c.facts, '$.channel') FROM route_line l JOIN clip c USING (video_id)
WHERE l.line_id IN (SELECT value FROM json_each(:numbers)) ORDER BY l.start_local DESC, l.line_id DESC;

-- sightings_on_map --
SELECT s.sighting_id, p.text, s.lat, s.lon, s.timestamp, s.video_id, s.first_seconds, s.confirmed, s.crop, k.name
FROM sighting s JOIN plate p USING (plate_id) LEFT JOIN known_plate k ON k.plate = p.text
WHERE s.sighting_id IN (SELECT value FROM json_each(:numbers))
  AND s.lat BETWEEN :south AND :north AND s.lon BETWEEN :west AND :east
ORDER BY s.timestamp DESC, s.sighting_id DESC;

-- extent --
SELECT min(south), min(west), max(north), max(east) FROM (
  SELECT south, west, north, east FROM route_line ORDER BY start_local DESC, line_id DESC LIMIT :limit);

-- extent_of_sightings --
SELECT min(lat), min(lon), max(lat), max(lon) FROM (
  SELECT lat, lon FROM sighting INDEXED BY sighting_map WHERE lat IS NOT NULL
  ORDER BY timestamp DESC, sighting_id DESC LIMIT :limit);

-- has_route --
SELECT points <> '[]' FROM route WHERE video_id = :video_id;

-- clock_of_clip --
SELECT video_id, camera, channel, starts FROM trip_clip WHERE video_id = :video_id;

-- clip_before --
SELECT video_id FROM trip_clip
WHERE camera = :camera AND channel = :channel AND (starts, video_id) < (:starts, :video_id)
ORDER BY starts DESC, video_id DESC LIMIT 1;

-- clip_after --
SELECT video_id FROM trip_clip
WHERE camera = :camera AND channel = :channel AND (starts, video_id) > (:starts, :video_id)
ORDER BY starts, video_id LIMIT 1;

-- clocks_of_clips --
SELECT video_id, starts FROM trip_clip WHERE video_id IN (SELECT value FROM json_each(:videos));

-- watches --
SELECT watch_id, name, text, match, active, webhook, topic, made_at, past_at, past_count FROM watch
ORDER BY watch_id LIMIT :limit OFFSET :offset;

-- count_watches --
SELECT count(*) FROM watch;

-- watch --
SELECT watch_id, name, text, match, active, webhook, topic, made_at, past_at, past_count FROM watch
WHERE watch_id = :watch_id;

-- watch_secret --
SELECT secret FROM watch WHERE watch_id = :watch_id;

-- put_watch --
INSERT INTO watch (name, text, match, pattern, active, webhook, secret, topic, made_at)
VALUES (:name, :text, :match, :pattern, :active, :webhook, :secret, :topic, :now) RETURNING watch_id;

-- change_watch --
-- What it looks for is another one: the past is to be searched again.
UPDATE watch SET name = :name, past_at = CASE WHEN pattern = :pattern AND match = :match THEN past_at END,
  past_count = CASE WHEN pattern = :pattern AND match = :match THEN past_count END, text = :text, match = :match,
  pattern = :pattern, active = :active, webhook = :webhook, secret = :secret, topic = :topic
WHERE watch_id = :watch_id;

-- drop_watch --
DELETE FROM watch WHERE watch_id = :watch_id;

-- drop_deliveries --
DELETE FROM delivery WHERE watch_id = :watch_id;

-- any_watch --
SELECT 1 FROM watch WHERE active LIMIT 1;

-- watched_in_clip --
-- Patterns are ours: letters, digits and the wildcards ? and *.
SELECT w.watch_id, s.sighting_id, p.text FROM sighting s JOIN plate p USING (plate_id)
  JOIN watch w ON w.active AND w.match <> 'similar' AND p.text GLOB w.pattern
WHERE s.video_id = :video_id
ORDER BY w.watch_id, p.text, s.confirmed DESC, s.confidence DESC, s.agreeing DESC, s.sighting_id;

-- similar_watches --
SELECT watch_id, pattern FROM watch WHERE active AND match = 'similar' ORDER BY watch_id;

-- plates_in_clip --
SELECT s.sighting_id, p.text, p.folded FROM sighting s JOIN plate p USING (plate_id) WHERE s.video_id = :video_id
ORDER BY p.text, s.confirmed DESC, s.confidence DESC, s.agreeing DESC, s.sighting_id;

-- told_sighting --
SELECT s.video_id, p.text AS plate, k.name AS name, k.kind AS kind, s.read_plate, s.confidence, s.confirmed,
  s.timestamp, s.lat, s.lon, s.first_seconds, s.crop, json_extract(c.facts, '$.utc_offset_seconds') AS utc_offset_seconds
FROM sighting s JOIN plate p USING (plate_id) JOIN clip c USING (video_id) LEFT JOIN known_plate k ON k.plate = p.text
WHERE s.sighting_id = :sighting_id;

-- put_delivery --
INSERT OR IGNORE INTO delivery (watch_id, event_id, event, way, plate, video_id, body, state, made_at, next_at)
VALUES (:watch_id, :event_id, :event, :way, :plate, :video_id, :body, :state, :now, :next_at);

-- past_to_search --
SELECT watch_id, name, text, match, active, webhook, topic, made_at, past_at, past_count FROM watch
WHERE past_at IS NULL AND active ORDER BY watch_id LIMIT 5;

-- note_past --
UPDATE watch SET past_at = :now, past_count = :count WHERE watch_id = :watch_id AND text = :text AND match = :match;

-- due_deliveries --
-- For each receiver the one that was to be sent first.
SELECT d.delivery_id, d.event_id, d.way, d.body, d.attempts, d.made_at, w.watch_id, w.webhook, w.secret, w.topic
FROM watch w, (SELECT 'webhook' AS way UNION ALL SELECT 'mqtt') r
  JOIN delivery d ON d.delivery_id = (SELECT delivery_id FROM delivery
    WHERE state = 'waiting' AND watch_id = w.watch_id AND way = r.way AND next_at <= :now
      AND (:event_id IS NULL OR event_id = :event_id)
    ORDER BY next_at LIMIT 1);

-- note_delivery --
UPDATE delivery SET state = :state, attempts = attempts + 1, next_at = :next_at, last_at = :now, answer = :answer
WHERE delivery_id = :delivery_id;

-- retry_delivery --
UPDATE delivery SET state = 'waiting', next_at = :now WHERE delivery_id = :delivery_id AND way <> 'page';

-- delivery --
SELECT delivery_id, watch_id, event_id, event, way, plate, video_id, state, made_at, attempts, next_at, last_at, answer
FROM delivery WHERE delivery_id = :delivery_id;

-- deliveries --
SELECT delivery_id, watch_id, event_id, event, way, plate, video_id, state, made_at, attempts, next_at, last_at, answer
FROM delivery WHERE (:watch_id IS NULL OR watch_id = :watch_id) ORDER BY delivery_id DESC LIMIT :limit OFFSET :offset;

-- count_deliveries --
SELECT count(*) FROM delivery WHERE (:watch_id IS NULL OR watch_id = :watch_id);

-- deliveries_of_event --
SELECT delivery_id, watch_id, event_id, event, way, plate, video_id, state, made_at, attempts, next_at, last_at, answer
FROM delivery WHERE event_id = :event_id ORDER BY delivery_id;

-- put_note --
INSERT INTO note (plate, text, changed_at) VALUES (:plate, :text, :now)
ON CONFLICT (plate) DO UPDATE SET text = excluded.text, changed_at = excluded.changed_at;

-- drop_note --
DELETE FROM note WHERE plate = :plate;

-- put_known_plate --
INSERT INTO known_plate (plate, name, kind, since) VALUES (:plate, :name, :kind, :now)
ON CONFLICT (plate) DO UPDATE SET name = excluded.name, kind = excluded.kind;

-- drop_known_plate --
DELETE FROM known_plate WHERE plate = :plate;

-- known_plate --
SELECT plate, name, kind, since FROM known_plate WHERE plate = :plate;

-- known_plates --
SELECT plate, name, kind, since FROM known_plate ORDER BY kind, name, plate LIMIT :limit OFFSET :offset;

-- count_known_plates --
SELECT count(*) FROM known_plate;

-- names_of_plates --
SELECT plate, name, kind, since FROM known_plate WHERE plate IN (SELECT value FROM json_each(:plates));

-- note_of_plate --
SELECT text FROM note WHERE plate = :plate;

-- count_of_plate --
SELECT count(*) FROM (SELECT 1 FROM sighting WHERE plate_id = :plate_id LIMIT :most);

-- span_of_plate --
-- Each by itself is one probe of the index; both at once are a scan.
SELECT (SELECT min(timestamp) FROM sighting WHERE plate_id = :plate_id),
  (SELECT max(timestamp) FROM sighting WHERE plate_id = :plate_id);

-- days_of_plate --
SELECT substr(timestamp, 1, 10) AS day, count(*) FROM (
  SELECT timestamp FROM sighting WHERE plate_id = :plate_id AND timestamp >= :since
  ORDER BY timestamp DESC, sighting_id DESC LIMIT :most)
GROUP BY day ORDER BY day DESC;

-- newest_of_plate --
SELECT s.*, p.text AS plate, c.archived AND coalesce(c.archive_path, '-') <> '' AS archived,
  json_extract(c.facts, '$.utc_offset_seconds') AS utc_offset_seconds
FROM sighting s JOIN plate p USING (plate_id) JOIN clip c USING (video_id)
WHERE s.plate_id = :plate_id ORDER BY s.timestamp DESC, s.sighting_id DESC LIMIT :limit;

-- points_of_plate --
SELECT sighting_id, video_id, timestamp, first_seconds, lat, lon FROM sighting
WHERE plate_id = :plate_id AND lat IS NOT NULL ORDER BY timestamp DESC, sighting_id DESC LIMIT :limit;

-- read_otherwise --
-- What sightings of a plate were read as, before they were corrected.
SELECT read_plate, count(*) FROM sighting WHERE plate_id = :plate_id AND read_plate IS NOT NULL
GROUP BY read_plate ORDER BY 2 DESC, 1 LIMIT 20;

-- corrections_of_plate --
-- Those that hold, of whole plates first: they are few.
SELECT c.correction_id, c.kind, c.plate, c.text, c.made_at, c.undone_at, c.video_id, c.first_seconds,
  (SELECT count(*) FROM corrected k WHERE k.correction_id = c.correction_id)
FROM correction c WHERE c.undone_at IS NULL AND (c.plate = :plate OR c.text = :plate)
ORDER BY c.video_id IS NOT NULL, c.correction_id DESC LIMIT 100;

-- clip_list --
-- This one and the next: `sqlite_clip_list.py` adds the conditions. The index alone decides which.
SELECT n.start_local, n.created_at, n.video_id, c.filename, c.duration_seconds,
  coalesce(n.plates_shown, n.plates_found, 0) AS plates, c.poster, n.channel, n.mode, c.archived,
  c.archive_path = '' AS removed, c.tasks_done,
  EXISTS (SELECT 1 FROM task t WHERE t.video_id = n.video_id AND t.phase = 'gave_up') AS failed,
  EXISTS (SELECT 1 FROM task t WHERE t.video_id = n.video_id AND t.phase = 'leased') AS running,
  json_extract(c.facts, '$.locked') AS locked,
  EXISTS (SELECT 1 FROM protection p WHERE p.video_id = n.video_id) AS protected,
  (SELECT p.trip FROM trip_clip m JOIN trip_part p USING (part) WHERE m.video_id = n.video_id) AS trip
FROM (SELECT clip.start_local, clip.created_at, clip.video_id, clip.channel, clip.mode, clip.plates_found, clip.plates_shown
      FROM {walked} WHERE {conditions}
      ORDER BY {start} DESC, clip.created_at DESC, clip.video_id LIMIT :limit) n
CROSS JOIN clip c ON c.video_id = n.video_id
ORDER BY n.start_local DESC, n.created_at DESC, n.video_id;

-- count_clip_list --
SELECT count(*) FROM (SELECT 1 FROM {walked} WHERE {conditions} LIMIT :most);

-- routes_near --
SELECT count(*) FROM (SELECT 1 FROM route_place r WHERE {near} LIMIT :most);

-- clip_kinds --
SELECT DISTINCT channel, mode FROM clip;

-- clip_months --
-- From month to month by the index, newest first.
WITH RECURSIVE month (start) AS (
  SELECT max(start_local) FROM clip
  UNION ALL
  SELECT (SELECT max(start_local) FROM clip WHERE start_local < substr(month.start, 1, 7)) FROM month
  WHERE month.start IS NOT NULL LIMIT 600)
SELECT substr(start, 1, 7) FROM month WHERE start IS NOT NULL;

-- trip_posters --
SELECT c.channel, k.poster FROM trip_clip f JOIN trip_clip c USING (part) JOIN clip k ON k.video_id = c.video_id
WHERE f.video_id = :trip AND k.poster IS NOT NULL ORDER BY c.starts, c.video_id LIMIT 8;

-- tally --
SELECT task_type, phase, needs_id, count(*) FROM task GROUP BY task_type, phase, needs_id;

-- task_list --
SELECT * FROM task WHERE state = :state AND task_type = :task_type AND task_id < :before
ORDER BY task_id DESC LIMIT :limit;

-- task_chain --
SELECT * FROM task WHERE video_id = :video_id ORDER BY task_id DESC LIMIT :limit;

-- first_ready --
-- This one and the next: since when the first in line waits, by the index that claims go by.
SELECT created_at FROM task WHERE phase = 'ready' AND needs_id = :needs_id AND task_type = :task_type
ORDER BY priority, root_id, task_id LIMIT 1;

-- first_no_input --
SELECT created_at FROM task WHERE phase = 'no_input' AND needs_id = :needs_id AND task_type = :task_type
ORDER BY priority, root_id, task_id LIMIT 1;

-- next_due --
SELECT * FROM task WHERE phase = 'backing_off' ORDER BY run_at LIMIT :limit;

-- trips_numbered --
SELECT t.part, t.first, t.camera, json_extract(c.facts, '$.camera_name'), t.starts,
  (SELECT max(p.ends) FROM trip_part p WHERE p.trip = t.part), c.start_utc,
  json_extract(c.facts, '$.utc_offset_seconds')
FROM trip_part t LEFT JOIN clip c ON c.video_id = t.first
WHERE t.trip = t.part AND t.part IN (SELECT value FROM json_each(:trips));

-- watches_for --
-- Those for what is like it are compared afterwards.
SELECT watch_id, name, text, match, active, webhook, topic, made_at, past_at, past_count, pattern FROM watch
WHERE match = 'similar' OR :plate GLOB pattern ORDER BY watch_id;

-- count_in_box --
SELECT count(*) FROM (SELECT 1 FROM sighting_place
  WHERE south <= :north AND north >= :south AND west <= :east AND east >= :west LIMIT :most);

-- walk_in_box --
-- `area_page.py` adds the conditions.
SELECT s.sighting_id FROM (SELECT * FROM sighting WHERE 1{dates} ORDER BY timestamp DESC, sighting_id DESC LIMIT :walked) s
WHERE {conditions} ORDER BY s.timestamp DESC, s.sighting_id DESC LIMIT :limit;
