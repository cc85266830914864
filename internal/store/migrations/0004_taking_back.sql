-- Words of what is taken back leave the search index's pages at once, and no marker stays.
INSERT INTO search (search, rank) VALUES ('secure-delete', 1);

-- unscrubbed: something was taken back since the last clean stop, whose bytes may be in the files still.
-- wide: up to this message blocks may span more ids than they do now (block.go).
ALTER TABLE log ADD COLUMN unscrubbed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE log ADD COLUMN wide INTEGER NOT NULL DEFAULT 0;
UPDATE log SET wide = last_id;
