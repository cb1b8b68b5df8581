-- Every statement of the store and the catalogue, by name.

-- insert_task --
INSERT INTO task (task_type, state, phase, created_at, video_id, inputs, outputs, metadata, needs, needs_id,
                  resolved, priority, parent_id, root_id)
VALUES (:task_type, :state, :phase, :created_at, :video_id, :inputs, :outputs, :metadata, :needs, :needs_id,
        :resolved, :priority, :parent_id,
        coalesce(:root_id, (SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'task')))
RETURNING *;

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
-- One probe per set of needs and type: the index holds exactly this order.
SELECT * FROM task
WHERE phase = 'ready' AND needs_id = :needs_id AND task_type = :task_type
ORDER BY priority, root_id, task_id LIMIT :limit;

-- probe_no_input --
SELECT * FROM task
WHERE phase = 'no_input' AND needs_id = :needs_id AND task_type = :task_type
ORDER BY priority, root_id, task_id LIMIT :limit;

-- due_tasks --
SELECT * FROM task WHERE phase = 'backing_off' AND run_at <= :now ORDER BY run_at LIMIT 500;

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

-- said_of --
SELECT task_type, facts FROM said WHERE video_id = :video_id;

-- put_clip --
UPDATE clip SET filename = :filename, fingerprint = coalesce(:fingerprint, fingerprint), start_local = :start_local,
  start_utc = :start_utc, duration_seconds = :duration_seconds, total_frames = :total_frames,
  detections_count = :detections_count, plates_found = :plates_found, facts = :facts,
  poster = coalesce(:poster, poster), tasks_done = tasks_done + 1,
  archived = max(archived, :archived),
  archive_device = coalesce(:archive_device, archive_device),
  archive_path = coalesce(:archive_path, archive_path)
WHERE video_id = :video_id;

-- drop_files --
DELETE FROM file WHERE video_id = :video_id AND task_type = :task_type;

-- put_file --
INSERT OR REPLACE INTO file (video_id, task_type, device, path, ref)
VALUES (:video_id, :task_type, :device, :path, :ref);

-- files_of --
SELECT task_type, ref FROM file WHERE video_id = :video_id ORDER BY task_type = 'INGEST_VIDEO' DESC, rowid;

-- put_route --
INSERT OR REPLACE INTO route (video_id, dialect, points) VALUES (:video_id, :dialect, :points);

-- route_of --
SELECT points FROM route WHERE video_id = :video_id;

-- drop_sightings --
DELETE FROM sighting WHERE video_id = :video_id;

-- plate_by_text --
SELECT plate_id FROM plate WHERE text = :text;

-- insert_plate --
INSERT INTO plate (text, folded) VALUES (:text, :folded) RETURNING plate_id;

-- insert_sighting --
INSERT INTO sighting (video_id, plate_id, confidence, confirmed, frame_number, timestamp, lat, lon, candidates,
                      crop, first_seconds, last_seconds, track, reads, agreeing)
VALUES (:video_id, :plate_id, :confidence, :confirmed, :frame_number, :timestamp, :lat, :lon, :candidates,
        :crop, :first_seconds, :last_seconds, :track, :reads, :agreeing);

-- videos --
SELECT c.video_id, filename, start_local, duration_seconds, total_frames, detections_count, plates_found, poster,
  archived, archive_device, archive_path,
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
SELECT s.*, p.text AS plate, c.archived, json_extract(c.facts, '$.utc_offset_seconds') AS utc_offset_seconds
FROM sighting s JOIN plate p USING (plate_id) JOIN clip c USING (video_id)
WHERE s.video_id = :video_id ORDER BY frame_number, sighting_id;

-- plates --
-- `search.py` adds the conditions that were asked for.
SELECT s.*, p.text AS plate, c.archived, json_extract(c.facts, '$.utc_offset_seconds') AS utc_offset_seconds
FROM sighting s JOIN plate p USING (plate_id) JOIN clip c USING (video_id)
WHERE {conditions}
ORDER BY s.timestamp DESC, s.sighting_id DESC LIMIT :limit OFFSET :offset;

-- plates_after --
SELECT plate_id, text, folded FROM plate WHERE plate_id > :plate_id ORDER BY plate_id;

-- known_fingerprint --
-- A clip whose tasks were all given up is not known: handing it in again is how it is tried again.
SELECT video_id FROM clip c WHERE fingerprint = :fingerprint
  AND (tasks_done > 0 OR EXISTS (SELECT 1 FROM task t WHERE t.video_id = c.video_id AND t.state <> 'failed'))
ORDER BY created_at LIMIT 1;

-- picture_of --
SELECT 1 FROM sighting WHERE crop = :hash UNION ALL SELECT 1 FROM clip WHERE poster = :hash LIMIT 1;

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
