CREATE TABLE migration (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  checksum TEXT NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT;

-- AUTOINCREMENT: a dropped session's or log's id is never given again, so a reader that holds one finds nothing.
CREATE TABLE session (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project TEXT NOT NULL,
  session TEXT NOT NULL,
  provider TEXT NOT NULL,
  title TEXT,
  title_folded TEXT,
  title_by_user INTEGER NOT NULL DEFAULT 0,
  labels TEXT NOT NULL DEFAULT '{}',
  summary TEXT,
  summary_head INTEGER NOT NULL DEFAULT 0,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  main_head INTEGER NOT NULL DEFAULT 0,
  entries INTEGER NOT NULL DEFAULT 0,
  length INTEGER NOT NULL DEFAULT 0,
  UNIQUE (project, session)
) STRICT;
CREATE INDEX session_recent ON session (updated_at_ms, id);
CREATE INDEX session_project_recent ON session (project, updated_at_ms, id);
CREATE INDEX session_name ON session (session);

CREATE TABLE log (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id INTEGER NOT NULL REFERENCES session (id),
  name TEXT NOT NULL,
  head INTEGER NOT NULL DEFAULT 0,
  committed INTEGER NOT NULL DEFAULT 0,
  length INTEGER NOT NULL DEFAULT 0,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  UNIQUE (session_id, name),
  CHECK (committed <= head)
) STRICT;

-- Entries that were appended together, a body a line; times and uuids are JSON arrays of the same length.
-- The uuids come before the bodies, so that they are read without them. That each uuid is there once is kept by the
-- append, under the write lock.
CREATE TABLE chunk (
  log_id INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  times TEXT NOT NULL,
  uuids TEXT,
  bodies TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX chunk_seq ON chunk (log_id, first_seq);

CREATE TABLE tombstone (
  project TEXT NOT NULL,
  session TEXT NOT NULL,
  dropped_at_ms INTEGER NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT,
  sealed INTEGER NOT NULL,
  PRIMARY KEY (project, session)
) STRICT;
CREATE INDEX tombstone_name ON tombstone (session);

CREATE TABLE blob (
  id TEXT PRIMARY KEY,
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE blob_ref (
  project TEXT NOT NULL,
  session TEXT NOT NULL,
  blob_id TEXT NOT NULL REFERENCES blob (id),
  PRIMARY KEY (project, session, blob_id)
) STRICT;
CREATE INDEX blob_ref_blob ON blob_ref (blob_id);

CREATE TABLE change (
  seq INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  project TEXT NOT NULL,
  session TEXT NOT NULL,
  log TEXT,
  first_seq INTEGER,
  last_seq INTEGER
) STRICT;
