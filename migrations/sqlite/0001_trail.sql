-- The audit trail. The public contract is the two views at the end; the tables may change with a later migration.

-- "WRNR": tells a trail from any other SQLite file, which is then left alone.
PRAGMA application_id = 1465011794;

-- One append-only row for each thing that happened. A permitted call makes two (an intent, durable before it is
-- forwarded, and an outcome), a refused call one, a protocol request one that is both.
CREATE TABLE entries (
    seq              INTEGER PRIMARY KEY,  -- the order of commit and of the chain, from 1 without a gap
    call_id          TEXT    NOT NULL,     -- joins the entries of one call: a UUID v7
    kind             TEXT    NOT NULL CHECK (kind IN ('intent', 'outcome', 'refusal', 'revision', 'marker')),
    at               INTEGER NOT NULL,     -- when it happened, in microseconds since 1970 UTC

    -- Who called what, and what was decided. NULL in an outcome that follows an intent, in revisions and markers.
    principal        TEXT,                 -- the client's pseudonym, see `principals`; empty for a stranger
    role             TEXT,                 -- the policy role; empty for a stranger
    client_name      TEXT,                 -- what the client calls itself
    client_version   TEXT,                 -- and its version
    client_address   TEXT,                 -- the network address that the request came from
    method           TEXT,                 -- the JSON-RPC method; empty where the message was not understood
    tool             TEXT,                 -- the Directus tool, unwrapped from `execute`
    decision         TEXT,                 -- permit or deny
    rule             TEXT,                 -- ROLE/ID, guardrails/ID, ROLE/- for no permission, protocol, stop
    reason           TEXT,                 -- the code of the reason: no_permission, forbidden, not_understood, …
    detail           TEXT,                 -- the whole reason, for people; more than the client was told
    enforced         INTEGER,              -- 0 where the role is observed and the denial did not bite
    request_bytes    INTEGER,              -- length of the request's body
    arguments_digest BLOB,                 -- SHA-256 of salt, then arguments, as in `payloads`; stays when they go
    arguments_kept   INTEGER,              -- 1 where `payloads` has the arguments, 0 where only their digest is kept
    facts_digest     BLOB,                 -- SHA-256 of salt, then facts, as in `payloads`; stays when they go
    received         BLOB,                 -- SHA-256 of the body that came
    forwarded        BLOB,                 -- SHA-256 of the body that went to Directus
    policy_revision  TEXT,                 -- digest of the policy that decided; its text is in `texts`
    schema_digest    TEXT,                 -- digest of the schema snapshot that the accesses depend on; in `texts`
    trace_id         TEXT,                 -- the trace that the call belongs to
    count            INTEGER,              -- how many requests the row stands for, where repeats were collapsed

    -- How it ended. NULL in an intent.
    outcome          TEXT,                 -- ok, error, refused, failed, unknown
    http_status      INTEGER,              -- the HTTP status that the client got
    error_code       TEXT,                 -- Directus' error code, or the refusal's
    items            INTEGER,              -- how many items the result holds, where that can be told
    response_bytes   INTEGER,              -- length of the reply's body
    response_digest  BLOB,                 -- SHA-256 of the reply's body; the reply itself is never kept
    duration_us      INTEGER,              -- from the request's arrival to the end of the reply, in microseconds

    note             TEXT,                 -- JSON: what happened, in a revision or a marker
    prev             BLOB    NOT NULL,     -- digest of the entry before; 32 zero bytes in the first
    digest           BLOB    NOT NULL,     -- SHA-256 over this entry and `prev`; migrations/README.md says how

    -- `at` as text, for the views and their indexes: fixed width, so that it sorts as time does.
    at_text          TEXT GENERATED ALWAYS AS (
        strftime('%Y-%m-%dT%H:%M:%S', at / 1000000, 'unixepoch') || printf('.%06dZ', at % 1000000)) VIRTUAL
) STRICT;

-- What a call does to the data, one row for each access.
CREATE TABLE accesses (
    seq        INTEGER NOT NULL REFERENCES entries (seq),
    n          INTEGER NOT NULL,           -- its place in the call, from 0
    action     TEXT    NOT NULL,           -- read, create, update, delete, execute, import
    collection TEXT    NOT NULL,           -- the Directus collection
    fields     TEXT    NOT NULL,           -- JSON: sorted names, ["*"] all, [] none
    extent     TEXT    NOT NULL,           -- JSON: {"keys": […]}, {"children": n}, {"query": limit} or "all"
    via        TEXT    NOT NULL,           -- the path through which it arises; empty at the root
    asked      INTEGER NOT NULL,           -- 1 where the request says it, 0 where Directus does it in turn
    PRIMARY KEY (seq, n)
) STRICT, WITHOUT ROWID;

-- A call's arguments and facts, masked. Outside the chain, which covers their salted digests only: a row here can be
-- deleted and the chain still verifies, and nobody can confirm a guess at what it held.
CREATE TABLE payloads (
    seq       INTEGER PRIMARY KEY REFERENCES entries (seq),
    arguments TEXT,                        -- JSON; NULL where only their digest is kept
    facts     TEXT,                        -- JSON: the canonical input of the decision, so that it can be made again
    salt      BLOB NOT NULL                -- 16 random bytes
) STRICT;

-- Who is behind a pseudonym. A row here can be deleted: the calls stay, and nobody can tell any more whose they were.
CREATE TABLE principals (
    pseudonym TEXT NOT NULL PRIMARY KEY,   -- the first 32 hexadecimal digits of SHA-256 over salt, then name
    name      TEXT NOT NULL UNIQUE,        -- the client's name in Warrener
    salt      BLOB NOT NULL                -- 16 random bytes
) STRICT, WITHOUT ROWID;

-- Entries up to this one may be deleted, since a marker says so; it only grows.
CREATE TABLE pruned (
    through INTEGER NOT NULL
) STRICT;
INSERT INTO pruned VALUES (0);

-- What the calls of an hour come to, so that statistics of long times need not count each call. Derived from `entries` and outside
-- the chain: an hour that is deleted from `tallied_hours` is counted call by call again, and tallied anew later.
CREATE TABLE tallied_hours (
    hour  INTEGER PRIMARY KEY,             -- since 1970 UTC; all calls that started in it have ended
    first INTEGER NOT NULL,                -- the number of the first of their entries
    kept  INTEGER NOT NULL                 -- 1 where it is in `tallies`; 0 where that would be too many rows, and calls are counted
) STRICT;

-- One row for each hour and each combination that calls of it have. Nothing here says whose they were.
CREATE TABLE tallies (
    hour       INTEGER NOT NULL,           -- counts for nothing unless it is in `tallied_hours`
    n          INTEGER NOT NULL,           -- the row's place in the hour, from 0
    method     TEXT,                       -- as in `calls`, and so all up to `error_code`
    role       TEXT,
    tool       TEXT,
    decision   TEXT,
    enforced   INTEGER,
    rule       TEXT,
    reason     TEXT,
    outcome    TEXT,
    error_code TEXT,
    count      INTEGER NOT NULL,           -- how many calls
    durations  BLOB    NOT NULL,           -- how long they took, to three digits; migrations/README.md says how
    PRIMARY KEY (hour, n)
) STRICT, WITHOUT ROWID;

-- Policy texts and schema snapshots, once each.
CREATE TABLE texts (
    digest TEXT NOT NULL,                  -- as entries.policy_revision and entries.schema_digest name it
    kind   TEXT NOT NULL CHECK (kind IN ('policy', 'schema')),
    text   TEXT NOT NULL,
    PRIMARY KEY (kind, digest)
) STRICT;

-- Few indexes, so that writing stays fast. The first two hold all that lists filter by and statistics group by, so that they
-- read no entry. Outcomes and markers have no principal and are in one or two of them only.
CREATE INDEX entries_call ON entries (call_id, kind, outcome, error_code, duration_us);
CREATE INDEX entries_time ON entries (at_text, call_id, kind, principal, role, method, tool, decision, enforced, rule, reason,
    outcome, error_code, duration_us, count) WHERE principal IS NOT NULL;
CREATE INDEX entries_principal ON entries (principal, at_text, call_id) WHERE principal IS NOT NULL;
CREATE INDEX entries_event ON entries (kind, seq) WHERE kind IN ('revision', 'marker');

-- Against accidents. Whoever can write the file can drop a trigger: the evidence is the chain.
CREATE TRIGGER entries_no_replace BEFORE INSERT ON entries WHEN NEW.seq <= (SELECT max(seq) FROM entries)
BEGIN SELECT raise(ABORT, 'the trail is append-only: entries cannot be replaced'); END;
CREATE TRIGGER entries_no_update BEFORE UPDATE ON entries
BEGIN SELECT raise(ABORT, 'the trail is append-only: entries cannot be changed'); END;
CREATE TRIGGER entries_no_delete BEFORE DELETE ON entries WHEN OLD.seq > (SELECT max(through) FROM pruned)
BEGIN SELECT raise(ABORT, 'the trail is append-only: entries cannot be deleted'); END;
CREATE TRIGGER accesses_no_replace BEFORE INSERT ON accesses
WHEN EXISTS (SELECT 1 FROM accesses WHERE seq = NEW.seq AND n = NEW.n)
BEGIN SELECT raise(ABORT, 'the trail is append-only: accesses cannot be replaced'); END;
CREATE TRIGGER accesses_no_update BEFORE UPDATE ON accesses
BEGIN SELECT raise(ABORT, 'the trail is append-only: accesses cannot be changed'); END;
CREATE TRIGGER accesses_no_delete BEFORE DELETE ON accesses WHEN OLD.seq > (SELECT max(through) FROM pruned)
BEGIN SELECT raise(ABORT, 'the trail is append-only: accesses cannot be deleted'); END;
CREATE TRIGGER payloads_no_replace BEFORE INSERT ON payloads
WHEN EXISTS (SELECT 1 FROM payloads WHERE seq = NEW.seq)
BEGIN SELECT raise(ABORT, 'the trail is append-only: payloads can be deleted, not replaced'); END;
CREATE TRIGGER payloads_no_update BEFORE UPDATE ON payloads
BEGIN SELECT raise(ABORT, 'the trail is append-only: payloads can be deleted, not changed'); END;
CREATE TRIGGER principals_no_update BEFORE UPDATE ON principals
BEGIN SELECT raise(ABORT, 'the trail is append-only: principals can be deleted, not changed'); END;
CREATE TRIGGER pruned_only_grows BEFORE UPDATE ON pruned WHEN NEW.through < OLD.through
BEGIN SELECT raise(ABORT, 'the trail is append-only: what was pruned cannot come back'); END;
CREATE TRIGGER pruned_no_insert BEFORE INSERT ON pruned
BEGIN SELECT raise(ABORT, 'the trail is append-only: there is one row that says what was pruned'); END;
CREATE TRIGGER pruned_no_delete BEFORE DELETE ON pruned
BEGIN SELECT raise(ABORT, 'the trail is append-only: there is one row that says what was pruned'); END;
CREATE TRIGGER texts_no_update BEFORE UPDATE ON texts
BEGIN SELECT raise(ABORT, 'the trail is append-only: texts cannot be changed'); END;

-- A tally goes as soon as it is not true any more: when a call comes whose clock had jumped back, and when entries are to be pruned.
CREATE TRIGGER entries_late AFTER INSERT ON entries WHEN NEW.principal IS NOT NULL
BEGIN DELETE FROM tallied_hours WHERE hour = NEW.at / 3600000000; END;
CREATE TRIGGER pruned_tallies AFTER UPDATE ON pruned
BEGIN DELETE FROM tallied_hours WHERE first <= NEW.through; END;
CREATE TRIGGER tallied_hours_delete AFTER DELETE ON tallied_hours
BEGIN DELETE FROM tallies WHERE hour = OLD.hour; END;
CREATE TRIGGER tallied_hours_no_update BEFORE UPDATE ON tallied_hours
BEGIN SELECT raise(ABORT, 'tallies can be deleted, not changed'); END;
CREATE TRIGGER tallies_no_insert BEFORE INSERT ON tallies WHEN EXISTS (SELECT 1 FROM tallied_hours WHERE hour = NEW.hour)
BEGIN SELECT raise(ABORT, 'tallies can be deleted, not changed'); END;
CREATE TRIGGER tallies_no_update BEFORE UPDATE ON tallies
BEGIN SELECT raise(ABORT, 'tallies can be deleted, not changed'); END;
CREATE TRIGGER tallies_no_delete BEFORE DELETE ON tallies WHEN EXISTS (SELECT 1 FROM tallied_hours WHERE hour = OLD.hour)
BEGIN SELECT raise(ABORT, 'tallies are deleted by the hour, from tallied_hours'); END;

-- One row for each call.
CREATE VIEW calls AS
SELECT
    c.call_id                        AS id,               -- UUID v7; also in the gateway's log
    c.at_text                        AS started_at,       -- UTC, 2026-11-22T21:26:50.123456Z
    CASE
        WHEN coalesce(o.outcome, c.outcome) = 'unknown' THEN NULL
        WHEN o.seq IS NOT NULL THEN o.at_text
        WHEN c.kind <> 'intent' THEN
            strftime('%Y-%m-%dT%H:%M:%S', (c.at + coalesce(c.duration_us, 0)) / 1000000, 'unixepoch')
            || printf('.%06dZ', (c.at + coalesce(c.duration_us, 0)) % 1000000)
    END                              AS finished_at,      -- UTC; NULL while under way, and where it is not known
    coalesce(o.duration_us, c.duration_us) / 1000.0
                                     AS duration_ms,      -- from arrival to the end of the reply
    coalesce((SELECT n.name FROM principals n WHERE n.pseudonym = c.principal), c.principal)
                                     AS principal,        -- the client's name in Warrener; empty for a stranger
    c.role                           AS role,             -- the policy role; empty for a stranger
    c.client_name                    AS client_name,      -- what the client calls itself
    c.client_version                 AS client_version,
    c.client_address                 AS client_address,
    c.method                         AS method,           -- tools/call, tools/list, …
    c.tool                           AS tool,             -- items, files, …
    c.decision                       AS decision,         -- permit or deny
    c.rule                           AS rule,             -- the rule that decided: ROLE/ID, guardrails/ID, …
    c.reason                         AS reason,           -- why it was denied: no_permission, forbidden, …
    c.enforced                       AS enforced,         -- 0 where a denial was observed only
    coalesce(o.outcome, c.outcome)   AS outcome,          -- ok, error, refused, failed, unknown; NULL while under way
    coalesce(o.http_status, c.http_status)       AS http_status,
    coalesce(o.error_code, c.error_code)         AS error_code,
    coalesce(o.items, c.items)                   AS items,          -- in the result
    c.request_bytes                  AS request_bytes,
    coalesce(o.response_bytes, c.response_bytes) AS response_bytes,
    (SELECT p.arguments FROM payloads p WHERE p.seq = c.seq)
                                     AS arguments,        -- JSON, masked; NULL where they are not kept
    nullif(lower(hex(c.arguments_digest)), '')   AS arguments_digest, -- SHA-256 of salt and arguments
    c.policy_revision                AS policy_revision,  -- digest of the policy that decided
    c.trace_id                       AS trace_id,
    c.principal                      AS principal_id,     -- the client's pseudonym; stays when its name is erased
    c.seq                            AS seq,              -- the number of the call's first entry
    coalesce(c.count, 1)             AS count             -- how many requests the row stands for, where repeats were collapsed
FROM entries c
LEFT JOIN entries o ON o.call_id = c.call_id AND o.kind = 'outcome' AND c.kind = 'intent'
WHERE c.principal IS NOT NULL;

-- One row for each access of a call; `id` is the call's.
CREATE VIEW call_accesses AS
SELECT
    e.call_id    AS id,
    a.action     AS action,      -- read, create, update, delete, execute, import
    a.collection AS collection,
    a.fields     AS fields,      -- JSON: sorted names, ["*"] all, [] none
    a.extent     AS extent,      -- JSON: {"keys": […]}, {"children": n}, {"query": limit} or "all"
    a.via        AS via,         -- the path through which it arises; empty at the root
    a.asked      AS asked        -- 1 where the request says it, 0 where Directus does it in turn
FROM entries e
JOIN accesses a ON a.seq = e.seq;
