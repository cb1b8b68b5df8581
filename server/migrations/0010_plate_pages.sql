-- Newest first within a plate, and the plate of each of the newest, without looking at the rows.
DROP INDEX sighting_plate;
CREATE INDEX sighting_plate ON sighting (plate_id, timestamp DESC, sighting_id DESC);
DROP INDEX sighting_newest;
CREATE INDEX sighting_newest ON sighting (timestamp DESC, sighting_id DESC, plate_id);
CREATE INDEX task_waiting ON task (video_id) WHERE phase = 'no_input';
