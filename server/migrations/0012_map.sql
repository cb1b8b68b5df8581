-- The map: each route as a short line with its box, and sightings by time with their place.
CREATE TABLE route_line (
  line_id INTEGER PRIMARY KEY,
  video_id TEXT NOT NULL UNIQUE,
  start_local TEXT,
  south REAL NOT NULL,
  north REAL NOT NULL,
  west REAL NOT NULL,
  east REAL NOT NULL,
  points TEXT NOT NULL
) STRICT;
CREATE INDEX route_line_newest ON route_line (start_local DESC, line_id DESC, south, north, west, east);
CREATE VIRTUAL TABLE route_place USING rtree (line_id, south, north, west, east);
CREATE TRIGGER route_line_placed AFTER INSERT ON route_line BEGIN
  INSERT INTO route_place VALUES (new.line_id, new.south, new.north, new.west, new.east); END;
CREATE TRIGGER route_line_unplaced AFTER DELETE ON route_line BEGIN
  DELETE FROM route_place WHERE line_id = old.line_id; END;
CREATE TRIGGER route_line_dated AFTER UPDATE OF start_local ON clip
WHEN old.start_local IS NOT new.start_local BEGIN
  UPDATE route_line SET start_local = new.start_local WHERE video_id = new.video_id; END;
CREATE INDEX sighting_map ON sighting (timestamp DESC, sighting_id DESC, lat, lon) WHERE lat IS NOT NULL;
