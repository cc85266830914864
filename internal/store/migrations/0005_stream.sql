-- In a cluster the tables follow a stream, which gives entries their ids: stream is its identity ('' on a single machine), seq the
-- last entry of it that the tables have, and digest that entry's, by which a stream that is another one is known.
ALTER TABLE log ADD COLUMN stream TEXT NOT NULL DEFAULT '';
ALTER TABLE log ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE log ADD COLUMN digest BLOB NOT NULL DEFAULT x'';

-- Messages that a single machine had brought along: their ids are not their sequences.
CREATE TABLE brought (
  id  INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL
) STRICT;

-- Entries of the stream whose text was taken back, and that are to be deleted there.
CREATE TABLE erased (seq INTEGER PRIMARY KEY) STRICT;
