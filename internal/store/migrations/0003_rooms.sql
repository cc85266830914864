-- What a team needs of rooms. maker is '' where nobody is it; said counts the room's messages
-- up to the entry log.counted. The program fills it in (counts.go).
ALTER TABLE rooms ADD COLUMN maker  TEXT    NOT NULL DEFAULT '';
ALTER TABLE rooms ADD COLUMN locked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN topic  TEXT    NOT NULL DEFAULT '';
ALTER TABLE rooms ADD COLUMN said   INTEGER NOT NULL DEFAULT 0;

ALTER TABLE log ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;

CREATE TABLE invites (
  account TEXT NOT NULL,
  room    INTEGER NOT NULL REFERENCES rooms (id),
  PRIMARY KEY (account, room)
) STRICT, WITHOUT ROWID;
CREATE INDEX invites_room ON invites (room);

-- How far an account has read a room: up to the message seen. Of the room's messages, read are not
-- unread to it, because they stand before that or are its own. Unread is what is left of rooms.said, but for
-- what was taken back.
-- A row outlives membership, so that who comes back goes on where they were.
CREATE TABLE positions (
  account TEXT NOT NULL,
  room    INTEGER NOT NULL REFERENCES rooms (id),
  seen    INTEGER NOT NULL,
  read    INTEGER NOT NULL,
  PRIMARY KEY (account, room)
) STRICT, WITHOUT ROWID;

-- Messages that were taken back, and who had said them.
CREATE TABLE gone (
  room    INTEGER NOT NULL REFERENCES rooms (id),
  id      INTEGER NOT NULL,
  account TEXT NOT NULL,
  PRIMARY KEY (room, id)
) STRICT, WITHOUT ROWID;

-- Who may not speak, and until when.
CREATE TABLE mutes (
  account TEXT PRIMARY KEY,
  until   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
