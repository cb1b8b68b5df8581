-- The notification that a receiver is to get next is one step of the index away, however many wait for it.
DROP INDEX delivery_due;
CREATE INDEX delivery_due ON delivery (watch_id, way, next_at) WHERE state = 'waiting';
