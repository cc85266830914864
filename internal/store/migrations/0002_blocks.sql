-- A row of messages is a block: one message, and in more those that were brought into
-- the database along with it (block.go says how). What was there has one message a row.
ALTER TABLE messages ADD COLUMN more BLOB;

-- The journal bears this number, so that no other database takes it for its own.
ALTER TABLE log ADD COLUMN identity INTEGER NOT NULL DEFAULT 0;
UPDATE log SET identity = random();
