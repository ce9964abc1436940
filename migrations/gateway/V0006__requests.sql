-- Privacy requests, their timelines, plans and fences.

CREATE TABLE gateway.privacy_request (
    tenant_id uuid NOT NULL,
    request_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    -- GDPR's word for the right that is exercised.
    right_word text NOT NULL CHECK (right_word IN ('erasure')),
    -- Where it came from: a lifecycle signal, by way of an offboarding.
    origin text NOT NULL CHECK (origin IN ('offboarding')),
    origin_event_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'cancelled', 'fenced', 'executed', 'verification_failed', 'verified',
                                         'key_destroyed', 'completed')),
    opened_at timestamptz NOT NULL,
    cancelled_at timestamptz,
    fenced_at timestamptz,
    executed_at timestamptz,
    verified_at timestamptz,
    key_destroyed_at timestamptz,
    completed_at timestamptz,
    verification jsonb,
    PRIMARY KEY (tenant_id, request_id),
    FOREIGN KEY (tenant_id, subject_id) REFERENCES gateway.data_subject (tenant_id, subject_id),
    CHECK ((state = 'cancelled') = (cancelled_at IS NOT NULL)),
    CHECK ((state IN ('open', 'cancelled')) = (fenced_at IS NULL)),
    CHECK ((state IN ('open', 'cancelled', 'fenced')) = (executed_at IS NULL)),
    CHECK ((state IN ('verified', 'key_destroyed', 'completed')) = (verified_at IS NOT NULL)),
    CHECK ((state IN ('key_destroyed', 'completed')) = (key_destroyed_at IS NOT NULL)),
    CHECK ((state = 'completed') = (completed_at IS NOT NULL)),
    CHECK (state NOT IN ('verification_failed', 'verified', 'key_destroyed', 'completed') OR verification IS NOT NULL)
);
-- One living request of a kind for a person at a time.
CREATE UNIQUE INDEX privacy_request_one_living ON gateway.privacy_request (tenant_id, subject_id, right_word)
    WHERE state <> 'cancelled' AND state <> 'completed';

CREATE TABLE gateway.offboarding (
    tenant_id uuid NOT NULL,
    offboarding_id uuid NOT NULL,
    request_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    -- Source time the deadlines count from, and source time of the latest departure (which the fence will cover).
    anchor_at timestamptz NOT NULL,
    latest_departure_at timestamptz NOT NULL,
    access_off_due_at timestamptz NOT NULL,
    mark_due_at timestamptz NOT NULL,
    purge_start_at timestamptz NOT NULL,
    purge_due_at timestamptz NOT NULL,
    access_off_at timestamptz,
    marked_at timestamptz,
    PRIMARY KEY (tenant_id, offboarding_id),
    UNIQUE (tenant_id, request_id),
    FOREIGN KEY (tenant_id, request_id) REFERENCES gateway.privacy_request (tenant_id, request_id),
    FOREIGN KEY (tenant_id, subject_id) REFERENCES gateway.data_subject (tenant_id, subject_id),
    CHECK (access_off_due_at <= mark_due_at AND mark_due_at <= purge_start_at AND purge_start_at < purge_due_at)
);

-- A plan as it was run: names of tables and columns, no values. A failed verification is followed by a new plan.
CREATE TABLE gateway.plan (
    tenant_id uuid NOT NULL,
    plan_id uuid NOT NULL,
    request_id uuid NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    plan jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, plan_id),
    FOREIGN KEY (tenant_id, request_id) REFERENCES gateway.privacy_request (tenant_id, request_id)
);

CREATE INDEX plan_of_request ON gateway.plan (tenant_id, request_id, created_at);

CREATE TABLE gateway.step (
    tenant_id uuid NOT NULL,
    plan_id uuid NOT NULL,
    step_number integer NOT NULL CHECK (step_number > 0),
    table_name text NOT NULL,
    disposal text NOT NULL CHECK (disposal IN ('delete', 'rewrite')),
    row_count bigint CHECK (row_count >= 0),
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, plan_id, step_number),
    FOREIGN KEY (tenant_id, plan_id) REFERENCES gateway.plan (tenant_id, plan_id),
    CHECK ((row_count IS NULL) = (finished_at IS NULL))
);

-- The tombstone of an erased subject: keyed digests, no value. It refuses everything older than an explicit return.
CREATE TABLE gateway.fence (
    tenant_id uuid NOT NULL REFERENCES gateway.tenant (tenant_id),
    fence_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    request_id uuid NOT NULL,
    identity_kind text NOT NULL,
    issuer text NOT NULL,
    digest_key_id integer NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    generation integer NOT NULL CHECK (generation > 0),
    covers_until timestamptz NOT NULL,
    committed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- Source time of the explicit return that opened the next generation.
    returned_at timestamptz,
    PRIMARY KEY (tenant_id, fence_id),
    UNIQUE (tenant_id, identity_kind, digest_key_id, digest, generation),
    CHECK (returned_at IS NULL OR returned_at > covers_until),
    CHECK (expires_at > committed_at)
);
ALTER TABLE gateway.fence ALTER COLUMN digest SET STATISTICS 0;

DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['privacy_request', 'offboarding', 'plan', 'step', 'fence']
    LOOP
        EXECUTE format('ALTER TABLE gateway.%I ENABLE ROW LEVEL SECURITY', table_name);
        EXECUTE format('ALTER TABLE gateway.%I FORCE ROW LEVEL SECURITY', table_name);
        EXECUTE format(
            'CREATE POLICY one_tenant ON gateway.%I TO gw_tenant '
            'USING (tenant_id = (SELECT current_setting(''gateway.tenant_id'')::uuid)) '
            'WITH CHECK (tenant_id = (SELECT current_setting(''gateway.tenant_id'')::uuid))',
            table_name);
    END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE ON gateway.privacy_request, gateway.offboarding, gateway.step, gateway.fence TO gw_tenant;
GRANT SELECT, INSERT ON gateway.plan TO gw_tenant;
-- A fence that has outlived its time is taken away.
GRANT DELETE ON gateway.fence TO gw_tenant;
