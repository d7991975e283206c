-- "hf" stands for the store's schema.
-- oldest: the oldest schema whose programs go on working with this one.
CREATE TABLE hf.migration (
  id integer PRIMARY KEY,
  name text NOT NULL,
  checksum text NOT NULL,
  oldest integer NOT NULL,
  at_ms bigint NOT NULL
);

-- A session's lock and work. Every write of a session locks its row, so that what two writers do follows one another;
-- version counts those writes.
-- The row outlives a drop, because an epoch is never given twice.
-- next_input and next_priority are those of the first queued input; served counts over all claims.
CREATE TABLE hf.lane (
  project text COLLATE "C" NOT NULL,
  session text COLLATE "C" NOT NULL,
  version bigint NOT NULL DEFAULT 1,
  epoch bigint NOT NULL DEFAULT 0,
  owner text,
  since_ms bigint NOT NULL DEFAULT 0,
  until_ms bigint NOT NULL DEFAULT 0,
  open_run text COLLATE "C",
  running boolean NOT NULL DEFAULT false,
  next_input bigint,
  next_priority bigint,
  served bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (project, session),
  CHECK (owner IS NULL OR epoch > 0 AND until_ms > since_ms),
  CHECK (NOT running OR open_run IS NOT NULL),
  CHECK ((next_input IS NULL) = (next_priority IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX lane_ready ON hf.lane (next_priority DESC, served, next_input)
  WHERE next_input IS NOT NULL AND open_run IS NULL;
CREATE INDEX lane_running ON hf.lane (project) WHERE running;
CREATE SEQUENCE hf.served;

-- hidden: nothing but staged entries. id names one life of the session: after a drop the next one has another.
-- A list goes by eighths of a second, which each write sets beside updated_at_ms: an index by the millisecond would make
-- each append write all indexes of the row anew. A column that the server computes would cost each append what that saves.
CREATE TABLE hf.session (
  project text COLLATE "C" NOT NULL,
  session text COLLATE "C" NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  provider text NOT NULL,
  title text,
  title_folded text,
  title_by_user boolean NOT NULL DEFAULT false,
  labels text NOT NULL DEFAULT '{}',
  summary text,
  summary_head bigint NOT NULL DEFAULT 0,
  created_at_ms bigint NOT NULL,
  updated_at_ms bigint NOT NULL,
  updated_eighth bigint NOT NULL,
  main_head bigint NOT NULL DEFAULT 0,
  entries bigint NOT NULL DEFAULT 0,
  length bigint NOT NULL DEFAULT 0,
  hidden boolean NOT NULL DEFAULT true,
  revision bigint NOT NULL DEFAULT 0,
  resume_key text COLLATE "C",
  resume_token text,
  PRIMARY KEY (project, session)
) WITH (fillfactor = 80);
CREATE INDEX session_recent ON hf.session (updated_eighth);
CREATE INDEX session_project_recent ON hf.session (project, updated_eighth);
CREATE INDEX session_name ON hf.session (session);
CREATE UNIQUE INDEX session_resume ON hf.session (project, resume_key) WHERE resume_key IS NOT NULL;

-- staged_length is that of the entries above committed; cuts counts what was taken back, so that a head that is reached
-- again is not taken for the same content. id names one life of the log.
CREATE TABLE hf.log (
  project text COLLATE "C" NOT NULL,
  session text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  head bigint NOT NULL DEFAULT 0,
  committed bigint NOT NULL DEFAULT 0,
  length bigint NOT NULL DEFAULT 0,
  staged_length bigint NOT NULL DEFAULT 0,
  staged boolean GENERATED ALWAYS AS (committed < head) STORED,
  cuts bigint NOT NULL DEFAULT 0,
  created_at_ms bigint NOT NULL,
  updated_at_ms bigint NOT NULL,
  PRIMARY KEY (project, session, name),
  CHECK (committed <= head)
) WITH (fillfactor = 80);
-- Each run has a log of its own: what one has staged is found without a look at those of all runs before it. By a column of
-- its own, as an index whose condition names head would make each append write all indexes of the log's row anew.
CREATE INDEX log_staged ON hf.log (project, session) WHERE staged;

-- Entries that were appended together, a body a line; times and uuids are JSON arrays of the same length. That each uuid
-- is there once is kept by the append, under the lane's lock.
CREATE TABLE hf.chunk (
  project text COLLATE "C" NOT NULL,
  session text COLLATE "C" NOT NULL,
  log_id bigint NOT NULL,
  first_seq bigint NOT NULL,
  last_seq bigint NOT NULL,
  times text NOT NULL,
  uuids text,
  bodies text NOT NULL,
  PRIMARY KEY (project, session, log_id, first_seq)
);
-- pglz costs more than all the rest of an append; lz4 does not, and not every server has it. Uuids do not shrink.
ALTER TABLE hf.chunk ALTER COLUMN uuids SET STORAGE EXTERNAL;
DO $$ BEGIN
  EXECUTE 'ALTER TABLE hf.chunk ALTER COLUMN bodies SET COMPRESSION lz4';
  EXECUTE 'ALTER TABLE hf.session ALTER COLUMN summary SET COMPRESSION lz4';
EXCEPTION WHEN feature_not_supported OR invalid_parameter_value OR syntax_error THEN
  ALTER TABLE hf.chunk ALTER COLUMN bodies SET STORAGE EXTERNAL;
  ALTER TABLE hf.session ALTER COLUMN summary SET STORAGE EXTERNAL;
END $$;

CREATE TABLE hf.tombstone (
  project text COLLATE "C" NOT NULL,
  session text COLLATE "C" NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  dropped_at_ms bigint NOT NULL,
  actor text NOT NULL,
  reason text,
  sealed boolean NOT NULL,
  PRIMARY KEY (project, session)
);
CREATE INDEX tombstone_name ON hf.tombstone (session);

CREATE TABLE hf.blob (
  id text COLLATE "C" PRIMARY KEY,
  bytes bytea NOT NULL
);
ALTER TABLE hf.blob ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- at_ms: when the session put the blob last: a young one waits for the entry that names it.
CREATE TABLE hf.blob_ref (
  project text COLLATE "C" NOT NULL,
  session text COLLATE "C" NOT NULL,
  blob_id text COLLATE "C" NOT NULL REFERENCES hf.blob (id),
  at_ms bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (project, session, blob_id)
);
CREATE INDEX blob_ref_blob ON hf.blob_ref (blob_id);

CREATE TABLE hf.input (
  project text COLLATE "C" NOT NULL,
  session text COLLATE "C" NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  key text COLLATE "C" NOT NULL,
  body text NOT NULL,
  provider text NOT NULL,
  priority bigint NOT NULL,
  state text NOT NULL CHECK (state IN ('queued', 'running', 'consumed', 'cancelled', 'abandoned')),
  attempts integer NOT NULL DEFAULT 0,
  admitted_at_ms bigint NOT NULL,
  updated_at_ms bigint NOT NULL,
  run text COLLATE "C",
  reason text,
  cancel_requested boolean NOT NULL DEFAULT false,
  PRIMARY KEY (project, session, id),
  UNIQUE (project, session, key),
  CHECK (state <> 'running' OR run IS NOT NULL)
);
-- An input that was copied keeps its id, also while another one is admitted.
CREATE UNIQUE INDEX input_id ON hf.input (id);
CREATE INDEX input_queue ON hf.input (project, session, priority DESC, id) WHERE state = 'queued';

-- name is the run's id: its input's id and its attempt. digest and receipt_revision are the receipt: both stand, or the
-- run was not committed.
CREATE TABLE hf.run (
  project text COLLATE "C" NOT NULL,
  session text COLLATE "C" NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  name text COLLATE "C" NOT NULL,
  input bigint NOT NULL,
  attempt integer NOT NULL,
  worker text NOT NULL,
  epoch bigint NOT NULL,
  revision bigint NOT NULL,
  state text NOT NULL CHECK (state IN ('running', 'held', 'committed', 'interrupted', 'discarded')),
  started_at_ms bigint NOT NULL,
  ended_at_ms bigint,
  reason text,
  outcome text,
  digest text,
  receipt_entries bigint,
  receipt_revision bigint,
  PRIMARY KEY (project, session, id),
  CHECK ((state = 'committed') = (digest IS NOT NULL)),
  CHECK ((digest IS NULL) = (receipt_revision IS NULL) AND (digest IS NULL) = (receipt_entries IS NULL)),
  CHECK ((state IN ('running', 'held')) = (ended_at_ms IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX run_name ON hf.run (name);
CREATE INDEX run_recent ON hf.run (id);

CREATE TABLE hf.usage (
  key text COLLATE "C" PRIMARY KEY,
  project text COLLATE "C" NOT NULL,
  session text COLLATE "C" NOT NULL,
  model text NOT NULL,
  at_ms bigint NOT NULL,
  input bigint NOT NULL,
  output bigint NOT NULL,
  cache_read bigint NOT NULL,
  cache_write_5m bigint NOT NULL,
  cache_write_1h bigint NOT NULL,
  micro_dollars bigint
);
CREATE INDEX usage_session ON hf.usage (project, session);
CREATE INDEX usage_time ON hf.usage (at_ms);

CREATE TABLE hf.projection (
  name text COLLATE "C" PRIMARY KEY,
  position bigint NOT NULL,
  paused boolean NOT NULL DEFAULT false,
  error text,
  updated_at_ms bigint NOT NULL
);

CREATE TABLE hf.document (
  project text COLLATE "C" NOT NULL,
  session text COLLATE "C" NOT NULL,
  projection text COLLATE "C" NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (project, session, projection)
);
CREATE INDEX document_projection ON hf.document (projection);

CREATE TABLE hf.audit (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at_ms bigint NOT NULL,
  actor text NOT NULL,
  verb text NOT NULL,
  project text COLLATE "C" NOT NULL,
  session text COLLATE "C" NOT NULL,
  run text,
  reason text
);
CREATE INDEX audit_session ON hf.audit (project, session, seq);

-- What was committed but has no place in the feed yet. A writer takes its id under its session's lock, so that the ids of
-- one session are in the order of its commits.
CREATE TABLE hf.unnumbered (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at_ms bigint NOT NULL,
  kind text NOT NULL,
  project text COLLATE "C" NOT NULL,
  session text COLLATE "C" NOT NULL,
  log text COLLATE "C",
  first_seq bigint,
  last_seq bigint,
  subject text
);

CREATE TABLE hf.change (
  seq bigint PRIMARY KEY,
  at_ms bigint NOT NULL,
  kind text NOT NULL,
  project text COLLATE "C" NOT NULL,
  session text COLLATE "C" NOT NULL,
  log text COLLATE "C",
  first_seq bigint,
  last_seq bigint,
  subject text
);

-- Gives the changes that were committed their place in the feed, and tells the feed's end, and whether more wait. As a
-- function it is planned once, takes one round trip, and never holds the lock while the server waits for its caller.
-- One transaction at a time takes all that it sees: what commits later gets a later place, so nothing is skipped.
-- A replica, and a user who may only read, show what others have numbered. feed_end is null where the transaction's
-- isolation would not show what the lock's last holder has committed.
CREATE FUNCTION hf.number_changes(most bigint, OUT feed_end bigint, OUT waiting boolean) LANGUAGE plpgsql AS $$
DECLARE
  may_number boolean := current_setting('transaction_read_only') = 'off'
    AND has_table_privilege('hf.unnumbered', 'DELETE') AND has_table_privilege('hf.change', 'INSERT');
BEGIN
  IF may_number AND EXISTS (SELECT FROM hf.unnumbered) THEN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
      RETURN;
    END IF;
    -- A place that was told to anyone must outlive a crash.
    IF current_setting('synchronous_commit') = 'off' THEN
      PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('holdfast.feed.hf.', 0));
    WITH committed AS (
      DELETE FROM hf.unnumbered WHERE id IN (SELECT id FROM hf.unnumbered ORDER BY id LIMIT most) RETURNING *)
    INSERT INTO hf.change (seq, at_ms, kind, project, session, log, first_seq, last_seq, subject)
    SELECT (SELECT coalesce(max(seq), 0) FROM hf.change) + row_number() OVER (ORDER BY id),
      at_ms, kind, project, session, log, first_seq, last_seq, subject
    FROM committed;
  END IF;
  feed_end := (SELECT coalesce(max(seq), 0) FROM hf.change);
  waiting := may_number AND EXISTS (SELECT FROM hf.unnumbered);
END $$;
