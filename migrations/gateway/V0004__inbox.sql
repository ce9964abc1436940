-- The inbox. A partitioned table cannot hold a UNIQUE key across months, so duplicates are a constraint of `event_key`.
-- No foreign key points at a partitioned table. How partitions come and go is in V0012.

CREATE TABLE gateway.event_key (
    source_id uuid NOT NULL CONSTRAINT event_key_has_source REFERENCES gateway.source (source_id),
    key_digest bytea NOT NULL CONSTRAINT event_key_digest_length CHECK (octet_length(key_digest) = 32),
    digest_key_id integer NOT NULL,
    event_id uuid NOT NULL,
    body_digest bytea NOT NULL CONSTRAINT event_key_body_digest_length CHECK (octet_length(body_digest) = 32),
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    duplicate_count integer NOT NULL DEFAULT 0,
    -- The same identifier came with another body: kept as an event of its own, flagged, never run.
    conflict_count integer NOT NULL DEFAULT 0,
    CONSTRAINT event_key_pkey PRIMARY KEY (source_id, key_digest)
);
CREATE INDEX event_key_by_age ON gateway.event_key (last_seen_at);

-- What a source said. A pending event is its own work item.
CREATE TABLE gateway.event (
    source_id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    body_bytes integer NOT NULL CONSTRAINT event_body_bytes_not_negative CHECK (body_bytes >= 0),
    -- Whose raw body this is: its own, or (a replay) the original's.
    body_event_id uuid NOT NULL,
    body_day date NOT NULL,
    -- Set on a replay: the event it repeats, and when that one arrived. Deadlines count from the original's arrival.
    replay_of uuid,
    original_received_at timestamptz NOT NULL,
    type_word text CONSTRAINT event_type_is_a_word CHECK (type_word ~ '^[a-z_]{1,40}$'),
    state text NOT NULL DEFAULT 'pending' CONSTRAINT event_state_known CHECK (state IN ('pending', 'done')),
    outcome text CONSTRAINT event_outcome_known CHECK (outcome IN ('applied', 'ignored', 'dead_lettered')),
    outcome_reason text CONSTRAINT event_outcome_reason_length CHECK (length(outcome_reason) <= 200),
    finished_at timestamptz,
    -- The attempt number is the fencing token: a worker whose lease ran out cannot finish what another has taken. An outage
    -- may cost any number of attempts and must end nothing, so how they failed is counted by what it means.
    attempt integer NOT NULL DEFAULT 0,
    -- Attempts that failed for a reason that time alone does not mend.
    failures integer NOT NULL DEFAULT 0,
    -- Attempts that crashed: their worker died and the lease expired.
    lost_attempts integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    not_before timestamptz NOT NULL,
    CONSTRAINT event_pkey PRIMARY KEY (source_id, received_at, event_id),
    CONSTRAINT event_done_has_outcome CHECK ((state = 'done') = (outcome IS NOT NULL)),
    CONSTRAINT event_done_has_end CHECK ((state = 'done') = (finished_at IS NOT NULL)),
    CONSTRAINT event_outcome_has_reason CHECK ((outcome IS NULL) = (outcome_reason IS NULL)),
    CONSTRAINT event_done_has_no_lease CHECK (state = 'pending' OR lease_until IS NULL)
) PARTITION BY RANGE (received_at);
CREATE INDEX event_pending ON gateway.event (received_at) WHERE state = 'pending';
CREATE INDEX event_by_id ON gateway.event (event_id);
CREATE INDEX event_by_tenant ON gateway.event (tenant_id, received_at);
CREATE TABLE gateway.event_default PARTITION OF gateway.event DEFAULT;

-- Raw deliveries, sealed under their day's key. A partition is dropped and its key destroyed when its time is over.
CREATE TABLE gateway.event_body (
    source_id uuid NOT NULL,
    body_day date NOT NULL,
    event_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    sealed bytea NOT NULL,
    CONSTRAINT event_body_pkey PRIMARY KEY (source_id, body_day, event_id)
) PARTITION BY RANGE (body_day);
CREATE TABLE gateway.event_body_default PARTITION OF gateway.event_body DEFAULT;

-- Copies of raw deliveries that could not be applied, kept longer under keys of their own.
CREATE TABLE gateway.dead_letter_body (
    source_id uuid NOT NULL,
    body_day date NOT NULL,
    event_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    sealed bytea NOT NULL,
    CONSTRAINT dead_letter_body_pkey PRIMARY KEY (source_id, body_day, event_id)
) PARTITION BY RANGE (body_day);
CREATE TABLE gateway.dead_letter_body_default PARTITION OF gateway.dead_letter_body DEFAULT;

ALTER TABLE gateway.event_body ALTER COLUMN sealed SET STATISTICS 0;
ALTER TABLE gateway.dead_letter_body ALTER COLUMN sealed SET STATISTICS 0;
-- Sealed bytes do not compress; trying costs time on every insert.
ALTER TABLE gateway.event_body ALTER COLUMN sealed SET STORAGE EXTERNAL;
ALTER TABLE gateway.dead_letter_body ALTER COLUMN sealed SET STORAGE EXTERNAL;
-- Rows that lie in a default partition are deleted one by one when their time is over; the others go with theirs.
SELECT gateway.vacuum_at_once('gateway.event_default');
SELECT gateway.vacuum_at_once('gateway.event_body_default');
SELECT gateway.vacuum_at_once('gateway.dead_letter_body_default');

-- Tokens that were used. A token works once; its digest is kept until nobody would accept it any more.
CREATE TABLE gateway.token_use (
    source_id uuid NOT NULL CONSTRAINT token_use_has_source REFERENCES gateway.source (source_id),
    token_digest bytea NOT NULL CONSTRAINT token_use_digest_length CHECK (octet_length(token_digest) = 32),
    expires_at timestamptz NOT NULL,
    CONSTRAINT token_use_pkey PRIMARY KEY (source_id, token_digest)
);
CREATE INDEX token_use_by_expiry ON gateway.token_use (expires_at);
ALTER TABLE gateway.token_use ALTER COLUMN token_digest SET STATISTICS 0;

-- Rejected calls: which rule failed, how often, by day. `source_name` is a registered one, or empty for everything else:
-- what callers write into the path is not kept.
CREATE TABLE gateway.rejection_count (
    day date NOT NULL,
    source_name text NOT NULL,
    source_kind text NOT NULL,
    reason text NOT NULL CONSTRAINT rejection_count_reason_is_a_word CHECK (reason ~ '^[a-z_]{1,40}$'),
    refused bigint NOT NULL CONSTRAINT rejection_count_positive CHECK (refused > 0),
    last_at timestamptz NOT NULL,
    CONSTRAINT rejection_count_pkey PRIMARY KEY (day, source_name, source_kind, reason)
);
-- The latest rejections, in a ring: a row is written over when its turn comes again.
CREATE TABLE gateway.rejection (
    slot integer
        CONSTRAINT rejection_pkey PRIMARY KEY
        CONSTRAINT rejection_slot_in_the_ring CHECK (slot BETWEEN 0 AND 999),
    at timestamptz NOT NULL,
    source_name text NOT NULL,
    source_kind text NOT NULL,
    reason text NOT NULL CONSTRAINT rejection_reason_is_a_word CHECK (reason ~ '^[a-z_]{1,40}$'),
    reply text NOT NULL CONSTRAINT rejection_reply_known CHECK (reply IN ('unauthorized', 'unavailable'))
);
CREATE SEQUENCE gateway.rejection_turn;

SELECT gateway.isolate('gateway.event');
CREATE POLICY intake_inserts ON gateway.event FOR INSERT TO gw_intake WITH CHECK (true);
CREATE POLICY queue_claims ON gateway.event TO gw_queue USING (true) WITH CHECK (true);
SELECT gateway.isolate('gateway.event_body');
CREATE POLICY intake_inserts ON gateway.event_body FOR INSERT TO gw_intake WITH CHECK (true);
SELECT gateway.isolate('gateway.dead_letter_body');

GRANT SELECT, INSERT ON gateway.event_key TO gw_intake;
GRANT UPDATE (last_seen_at, duplicate_count, conflict_count) ON gateway.event_key TO gw_intake;
GRANT SELECT, DELETE ON gateway.event_key TO gw_queue;
GRANT INSERT ON gateway.event, gateway.event_body TO gw_intake;
GRANT SELECT ON gateway.event TO gw_queue;
GRANT UPDATE (attempt, failures, lost_attempts, lease_until, not_before) ON gateway.event TO gw_queue;
GRANT SELECT, INSERT, UPDATE ON gateway.event TO gw_tenant;
GRANT SELECT ON gateway.event_body TO gw_tenant;
GRANT SELECT, INSERT ON gateway.dead_letter_body TO gw_tenant;
GRANT SELECT, INSERT ON gateway.token_use TO gw_intake;
GRANT SELECT, DELETE ON gateway.token_use TO gw_queue;
GRANT SELECT, INSERT, UPDATE ON gateway.rejection_count, gateway.rejection TO gw_intake;
GRANT USAGE ON SEQUENCE gateway.rejection_turn TO gw_intake;
GRANT SELECT, DELETE ON gateway.rejection_count, gateway.rejection TO gw_queue;
