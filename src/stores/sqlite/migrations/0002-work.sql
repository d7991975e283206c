-- One row for each session that was ever asked for or leased. It outlives a drop, because an epoch is never given twice.
-- next_input and next_priority are those of the first queued input; served counts over all claims.
CREATE TABLE lane (
  id INTEGER PRIMARY KEY,
  project TEXT NOT NULL,
  session TEXT NOT NULL,
  epoch INTEGER NOT NULL DEFAULT 0,
  owner TEXT,
  since_ms INTEGER NOT NULL DEFAULT 0,
  until_ms INTEGER NOT NULL DEFAULT 0,
  open_run INTEGER,
  running INTEGER NOT NULL DEFAULT 0,
  next_input INTEGER,
  next_priority INTEGER,
  served INTEGER NOT NULL DEFAULT 0,
  UNIQUE (project, session),
  CHECK (owner IS NULL OR epoch > 0 AND until_ms > since_ms),
  CHECK (running = 0 OR open_run IS NOT NULL),
  CHECK ((next_input IS NULL) = (next_priority IS NULL))
) STRICT;
CREATE INDEX lane_ready ON lane (next_priority DESC, served, next_input)
  WHERE next_input IS NOT NULL AND open_run IS NULL;
CREATE INDEX lane_open ON lane (running, project, open_run) WHERE open_run IS NOT NULL;

-- run is the row of its last run, last_attempt that run's number; attempts counts those runs that were tries. What is running is found by the lanes, and what is consumed needs no index: it is nearly all.
CREATE TABLE input (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project TEXT NOT NULL,
  session TEXT NOT NULL,
  key TEXT NOT NULL,
  body TEXT NOT NULL,
  provider TEXT NOT NULL,
  priority INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'consumed', 'cancelled', 'abandoned')),
  attempts INTEGER NOT NULL DEFAULT 0,
  admitted_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  run INTEGER,
  last_attempt INTEGER,
  reason TEXT,
  cancel_requested INTEGER NOT NULL DEFAULT 0,
  UNIQUE (project, session, key),
  CHECK (state <> 'running' OR run IS NOT NULL)
) STRICT;
CREATE INDEX input_queue ON input (project, session, priority DESC, id) WHERE state = 'queued';
CREATE INDEX input_unanswered ON input (state, id) WHERE state IN ('cancelled', 'abandoned');

-- A run is named by its input and its attempt; its input leads to its last run, and each run to the one before.
-- digest and receipt_revision are the receipt: both stand, or the run was not committed.
CREATE TABLE run (
  id INTEGER PRIMARY KEY,
  input INTEGER NOT NULL,
  previous INTEGER,
  project TEXT NOT NULL,
  session TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  worker TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'held', 'committed', 'interrupted', 'discarded')),
  started_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER,
  reason TEXT,
  outcome TEXT,
  digest TEXT,
  receipt_entries INTEGER,
  receipt_revision INTEGER,
  CHECK ((state = 'committed') = (digest IS NOT NULL)),
  CHECK ((digest IS NULL) = (receipt_revision IS NULL) AND (digest IS NULL) = (receipt_entries IS NULL)),
  CHECK ((state IN ('running', 'held')) = (ended_at_ms IS NULL))
) STRICT;
CREATE INDEX run_session ON run (project, session, id);
CREATE INDEX run_aside ON run (state, id) WHERE state IN ('interrupted', 'discarded');

CREATE TABLE usage (
  key TEXT PRIMARY KEY,
  project TEXT NOT NULL,
  session TEXT NOT NULL,
  model TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  input INTEGER NOT NULL,
  output INTEGER NOT NULL,
  cache_read INTEGER NOT NULL,
  cache_write_5m INTEGER NOT NULL,
  cache_write_1h INTEGER NOT NULL,
  micro_dollars INTEGER
) STRICT;
CREATE INDEX usage_session ON usage (project, session);
CREATE INDEX usage_time ON usage (at_ms);

CREATE TABLE projection (
  name TEXT PRIMARY KEY,
  position INTEGER NOT NULL,
  paused INTEGER NOT NULL DEFAULT 0,
  error TEXT,
  updated_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE document (
  projection TEXT NOT NULL,
  project TEXT NOT NULL,
  session TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (projection, project, session)
) STRICT;
CREATE INDEX document_session ON document (project, session);

CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  actor TEXT NOT NULL,
  verb TEXT NOT NULL,
  project TEXT NOT NULL,
  session TEXT NOT NULL,
  run TEXT,
  reason TEXT
) STRICT;
CREATE INDEX audit_session ON audit (project, session, seq);

-- hidden: nothing but staged entries. staged_length is that of the entries above committed; cuts counts what was taken
-- back, so that a head that is reached again is not taken for the same content.
ALTER TABLE session ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN resume_key TEXT;
ALTER TABLE session ADD COLUMN resume_token TEXT;
CREATE UNIQUE INDEX session_resume ON session (project, resume_key) WHERE resume_key IS NOT NULL;
ALTER TABLE log ADD COLUMN staged_length INTEGER NOT NULL DEFAULT 0;
ALTER TABLE log ADD COLUMN cuts INTEGER NOT NULL DEFAULT 0;
CREATE INDEX log_staged ON log (session_id) WHERE committed < head;
ALTER TABLE change ADD COLUMN subject TEXT;
-- When the session put the blob last: a young one waits for the entry that names it.
ALTER TABLE blob_ref ADD COLUMN at_ms INTEGER NOT NULL DEFAULT 0;
