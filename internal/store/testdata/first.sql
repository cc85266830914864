-- A database as the first version made it: the schema of then, frozen, and something of everything.
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

CREATE TABLE members (
  account TEXT NOT NULL,
  room    INTEGER NOT NULL REFERENCES rooms (id),
  PRIMARY KEY (account, room)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_room ON members (room);

CREATE TABLE messages (
  id      INTEGER PRIMARY KEY,
  time    INTEGER NOT NULL,
  room    INTEGER NOT NULL,
  account TEXT NOT NULL,
  text    TEXT NOT NULL
) STRICT;
CREATE INDEX messages_room ON messages (room, id);

CREATE TABLE keys (
  id    INTEGER PRIMARY KEY, -- of the message: older is smaller
  time  INTEGER NOT NULL,
  owner TEXT NOT NULL,
  room  INTEGER NOT NULL,
  key   TEXT NOT NULL,
  UNIQUE (owner, room, key)
) STRICT;

CREATE VIRTUAL TABLE search USING fts5 (
  room, text,
  content = '', columnsize = 0,
  tokenize = 'unicode61 remove_diacritics 0'
);

INSERT INTO accounts VALUES
  ('alice', CAST('$2a$04$alice' AS BLOB), 1, 0, 0, 0, 1767225600000, 1),
  ('bob', CAST('$2a$04$bob' AS BLOB), 0, 0, 1, 0, 1767225600000, 2),
  ('carol', x'', 0, 0, 0, 1, 1767225600000, 3);
INSERT INTO tokens VALUES
  (4, x'0100000000000000000000000000000000000000000000000000000000000000', 'alice', 'family',
   '6b0e3b56-1111-4222-8333-0123456789ab', 'tea', 4102444800000, '', 0, 4);
INSERT INTO rooms VALUES (2, 'tea', 0), (3, '@alice@bob', 1);
INSERT INTO members VALUES ('alice', 2), ('alice', 3), ('bob', 3);
INSERT INTO messages VALUES
  (8, 1767225600001, 1, 'alice', 'hello from the first version'),
  (9, 1767225600002, 2, 'alice', 'tea is ready'),
  (10, 1767225600003, 3, 'bob', 'psst');
INSERT INTO search (rowid, room, text) VALUES
  (8, 'r1', 'hello from the first version'), (9, 'r2', 'tea is ready'), (10, 'r3', 'psst');
INSERT INTO keys VALUES (9, 1767225600002, 'alice', 2, 'k1');
UPDATE log SET last_id = 10, last_time = 1767225600003;

PRAGMA application_id = 1885434476;
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
