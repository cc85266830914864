-- The log's counter: every entry takes one id, and time never goes back.
-- Times everywhere are milliseconds since 1970, UTC.
CREATE TABLE log (
  one       INTEGER PRIMARY KEY CHECK (one = 1),
  last_id   INTEGER NOT NULL,
  last_time INTEGER NOT NULL
) STRICT;
INSERT INTO log VALUES (1, 0, 0);

CREATE TABLE accounts (
  name     TEXT PRIMARY KEY,
  hash     BLOB NOT NULL,
  admin    INTEGER NOT NULL,
  disabled INTEGER NOT NULL,
  invited  INTEGER NOT NULL,
  removed  INTEGER NOT NULL,
  made     INTEGER NOT NULL,
  version  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
  id        INTEGER PRIMARY KEY, -- of the entry that issued it: newer is greater
  hash      BLOB NOT NULL UNIQUE,
  account   TEXT NOT NULL,
  family    TEXT NOT NULL,
  session   TEXT NOT NULL,
  room      TEXT NOT NULL,
  expires   INTEGER NOT NULL,
  opened    TEXT NOT NULL DEFAULT '', -- '' is unspent
  confirmed INTEGER NOT NULL DEFAULT 0,
  version   INTEGER NOT NULL
) STRICT;
CREATE INDEX tokens_account ON tokens (account, id);
CREATE INDEX tokens_session ON tokens (session);
CREATE INDEX tokens_opened  ON tokens (opened) WHERE opened <> '';
CREATE INDEX tokens_expires ON tokens (expires);

CREATE TABLE rooms (
  id           INTEGER PRIMARY KEY,
  name         TEXT NOT NULL UNIQUE, -- a conversation's is @a@b
  conversation INTEGER NOT NULL
) STRICT;
CREATE INDEX rooms_open ON rooms (id) WHERE conversation = 0;
INSERT INTO rooms VALUES (1, 'lobby', 0);

-- Who has joined what. Every account is in the lobby, without a row.
CREATE TABLE members (
  account TEXT NOT NULL,
  room    INTEGER NOT NULL REFERENCES rooms (id),
  PRIMARY KEY (account, room)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_room ON members (room);

-- No reference to rooms here: rooms are never deleted, and checking it would
-- cost every message a look-up.
CREATE TABLE messages (
  id      INTEGER PRIMARY KEY,
  time    INTEGER NOT NULL,
  room    INTEGER NOT NULL,
  account TEXT NOT NULL,
  text    TEXT NOT NULL
) STRICT;
CREATE INDEX messages_room ON messages (room, id);

-- For 24 hours, a key said again answers the id of its first message.
CREATE TABLE keys (
  id    INTEGER PRIMARY KEY, -- of the message: older is smaller
  time  INTEGER NOT NULL,
  owner TEXT NOT NULL,
  room  INTEGER NOT NULL,
  key   TEXT NOT NULL,
  UNIQUE (owner, room, key)
) STRICT;

-- The words of messages by rowid = messages.id, without a second copy of the
-- text. The room is a word of its own column, r and the room's id, so that a
-- search in a small room does not wade through a large one. Without
-- contentless_delete, a row is deleted by giving its text again, which (with
-- the option secure-delete) takes its words out of the file at once.
CREATE VIRTUAL TABLE search USING fts5 (
  room, text,
  content = '', columnsize = 0,
  tokenize = 'unicode61 remove_diacritics 0'
);
