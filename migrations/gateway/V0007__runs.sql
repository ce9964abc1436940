-- How requests and rules are carried out: the runs, their plans and steps, and the fences that keep erased people away.

-- One execution, for a request or for a rule of the policy. A phase is reached once and carries its time. What the reader has
-- found is no phase: the run stays `executed`, and its next attempt makes a new plan and executes that.
CREATE TABLE gateway.run (
    tenant_id uuid NOT NULL,
    run_id uuid NOT NULL,
    kind text NOT NULL CONSTRAINT run_kind_known CHECK (kind IN ('erasure', 'export', 'minimization')),
    request_id uuid,
    rule_word text CONSTRAINT run_rule_is_a_word CHECK (rule_word ~ '^[a-z0-9_.-]{1,64}$'),
    phase text NOT NULL CONSTRAINT run_phase_known CHECK (phase IN (
        'planned', 'fenced', 'executed', 'verified', 'told', 'key_destroyed', 'certified')),
    planned_at timestamptz NOT NULL,
    fenced_at timestamptz,
    executed_at timestamptz,
    verified_at timestamptz,
    -- When identity providers had confirmed every provider call.
    told_at timestamptz,
    key_destroyed_at timestamptz,
    certified_at timestamptz,
    -- The independent reader's latest report, and when it has found something.
    verification jsonb,
    verification_failed_at timestamptz,
    CONSTRAINT run_pkey PRIMARY KEY (tenant_id, run_id),
    CONSTRAINT run_has_request FOREIGN KEY (tenant_id, request_id)
        REFERENCES gateway.privacy_request (tenant_id, request_id),
    CONSTRAINT run_belongs_to_a_request_or_a_rule CHECK ((request_id IS NULL) <> (rule_word IS NULL)),
    -- An erasure goes through every phase; its times say how far it is.
    CONSTRAINT run_fenced CHECK (kind <> 'erasure' OR (phase = 'planned') = (fenced_at IS NULL)),
    CONSTRAINT run_executed CHECK (kind <> 'erasure' OR (phase IN ('planned', 'fenced')) = (executed_at IS NULL)),
    CONSTRAINT run_verified CHECK (
        kind <> 'erasure' OR (phase IN ('planned', 'fenced', 'executed')) = (verified_at IS NULL)),
    CONSTRAINT run_told CHECK (
        kind <> 'erasure' OR (phase IN ('told', 'key_destroyed', 'certified')) = (told_at IS NOT NULL)),
    CONSTRAINT run_key_destroyed CHECK (
        kind <> 'erasure' OR (phase IN ('key_destroyed', 'certified')) = (key_destroyed_at IS NOT NULL)),
    CONSTRAINT run_certified CHECK (kind <> 'erasure' OR (phase = 'certified') = (certified_at IS NOT NULL)),
    CONSTRAINT run_times_in_order CHECK (
        fenced_at >= planned_at AND executed_at >= fenced_at AND verified_at >= executed_at AND told_at >= verified_at
        AND key_destroyed_at >= told_at AND certified_at >= key_destroyed_at),
    CONSTRAINT run_verified_has_verification CHECK (verified_at IS NULL OR verification IS NOT NULL),
    CONSTRAINT run_verification_failed CHECK (
        verification_failed_at IS NULL OR (phase = 'executed' AND verification IS NOT NULL))
);
CREATE UNIQUE INDEX run_one_erasure_of_a_request ON gateway.run (tenant_id, request_id) WHERE kind = 'erasure';

-- A plan as it was run: names of tables and columns, no values. A failed verification is followed by a new plan.
CREATE TABLE gateway.plan (
    tenant_id uuid NOT NULL,
    plan_id uuid NOT NULL,
    run_id uuid NOT NULL,
    digest bytea NOT NULL CONSTRAINT plan_digest_length CHECK (octet_length(digest) = 32),
    plan jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT plan_pkey PRIMARY KEY (tenant_id, plan_id),
    CONSTRAINT plan_has_run FOREIGN KEY (tenant_id, run_id) REFERENCES gateway.run (tenant_id, run_id)
);
CREATE INDEX plan_of_run ON gateway.plan (tenant_id, run_id, created_at);

CREATE TABLE gateway.step (
    tenant_id uuid NOT NULL,
    plan_id uuid NOT NULL,
    step_number integer NOT NULL CONSTRAINT step_number_positive CHECK (step_number > 0),
    table_name text NOT NULL,
    disposal text NOT NULL CONSTRAINT step_disposal_known CHECK (disposal IN ('delete', 'rewrite')),
    row_count bigint CONSTRAINT step_row_count_not_negative CHECK (row_count >= 0),
    finished_at timestamptz,
    CONSTRAINT step_pkey PRIMARY KEY (tenant_id, plan_id, step_number),
    CONSTRAINT step_has_plan FOREIGN KEY (tenant_id, plan_id) REFERENCES gateway.plan (tenant_id, plan_id),
    CONSTRAINT step_counted_when_finished CHECK ((row_count IS NULL) = (finished_at IS NULL))
);

-- The tombstone of an erased subject: keyed digests, no value. It rejects everything older than an explicit return. A
-- tenant's fence covers everything of it: keyed digests of the tenant's key, and no subject.
CREATE TABLE gateway.fence (
    tenant_id uuid NOT NULL CONSTRAINT fence_has_tenant REFERENCES gateway.tenant (tenant_id),
    fence_id uuid NOT NULL,
    subject_id uuid,
    run_id uuid NOT NULL,
    -- The run's request: who is let back, and when a fence may go, is asked of it.
    request_id uuid NOT NULL,
    identity_kind text NOT NULL,
    issuer text NOT NULL,
    digest_key_id integer NOT NULL,
    digest bytea NOT NULL CONSTRAINT fence_digest_length CHECK (octet_length(digest) = 32),
    generation integer NOT NULL CONSTRAINT fence_generation_positive CHECK (generation > 0),
    covers_until timestamptz NOT NULL,
    committed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- Source time of the explicit return that opened the next generation.
    returned_at timestamptz,
    CONSTRAINT fence_pkey PRIMARY KEY (tenant_id, fence_id),
    CONSTRAINT fence_has_run FOREIGN KEY (tenant_id, run_id) REFERENCES gateway.run (tenant_id, run_id),
    CONSTRAINT fence_once_for_a_generation UNIQUE (tenant_id, identity_kind, digest_key_id, digest, generation),
    CONSTRAINT fence_of_a_tenant_has_no_subject CHECK ((subject_id IS NULL) = (identity_kind = 'tenant')),
    CONSTRAINT fence_return_is_later CHECK (returned_at IS NULL OR returned_at > covers_until),
    CONSTRAINT fence_expires_later CHECK (expires_at > committed_at)
);
ALTER TABLE gateway.fence ALTER COLUMN digest SET STATISTICS 0;

SELECT gateway.isolate('gateway.run');
SELECT gateway.isolate('gateway.plan');
SELECT gateway.isolate('gateway.step');
SELECT gateway.isolate('gateway.fence');
CREATE POLICY owner_reads_digest_keys ON gateway.fence FOR SELECT TO gw_owner USING (true);
GRANT SELECT, INSERT ON gateway.plan TO gw_tenant;
GRANT SELECT, INSERT, UPDATE ON gateway.run, gateway.step TO gw_tenant;
-- A fence that has outlived its time is taken away.
GRANT SELECT, INSERT, UPDATE, DELETE ON gateway.fence TO gw_tenant;

-- Which digest keys living rows are found by: identities live until their person is erased, fences until they expire. A key
-- ring without one of them would silently find nobody: an erased person would come back, and a person who asks would not be
-- known. The start asks this across all tenants.
CREATE FUNCTION gateway.digest_keys_in_use() RETURNS SETOF integer
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT digest_key_id FROM gateway.identity
    UNION
    SELECT digest_key_id FROM gateway.fence WHERE expires_at > gateway.calendar_now()
$$;
REVOKE ALL ON FUNCTION gateway.digest_keys_in_use() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.digest_keys_in_use() TO gw_queue;
