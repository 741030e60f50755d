-- Messages in lanes, by the supplier that they wait for.
ALTER TABLE reference_numbers ADD COLUMN supplier TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN lane TEXT NOT NULL DEFAULT '';
DROP INDEX messages_queue;
CREATE INDEX messages_lane ON messages (queue, lane, id);
CREATE INDEX messages_spent ON messages (queue, visible_at) WHERE receives >= 5;
