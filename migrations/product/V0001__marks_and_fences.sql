-- What every product database carries for the gateway: proof of each batch, the fences that keep erased people away, and the
-- source times by which an older word never overwrites a newer one. Written by gw_tenant in the same transaction as the
-- batch or the write that it protects. Every constraint has a name that says what holds.

-- The tenant of this transaction. On a connection that served a transaction before, a setting that was set for that one is
-- empty and no longer missing; both are errors, so that no tenant is never an empty answer.
CREATE FUNCTION milestone_gateway.current_tenant_key() RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant_key CONSTANT text := current_setting('milestone_gateway.tenant_key');
BEGIN
    IF tenant_key = '' THEN
        RAISE EXCEPTION 'milestone_gateway.tenant_key is not set' USING ERRCODE = 'undefined_object';
    END IF;
    RETURN tenant_key;
END
$$;

-- Shuts a table off by tenant, for every role. The sub-select is evaluated once for each statement, so the keys' indexes
-- serve it.
CREATE FUNCTION milestone_gateway.isolate(isolated regclass) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', isolated);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', isolated);
    EXECUTE format(
        'CREATE POLICY one_tenant ON %s '
        'USING (tenant_key = (SELECT milestone_gateway.current_tenant_key())) '
        'WITH CHECK (tenant_key = (SELECT milestone_gateway.current_tenant_key()))',
        isolated);
END
$$;
REVOKE ALL ON FUNCTION milestone_gateway.isolate(regclass) FROM PUBLIC;

-- The highest fencing token that has worked on a job here. A worker with a smaller one is stale and must stop.
CREATE TABLE milestone_gateway.job_token (
    tenant_key text NOT NULL,
    job_id uuid NOT NULL,
    token bigint NOT NULL,
    CONSTRAINT job_token_pkey PRIMARY KEY (tenant_key, job_id)
);

-- One row for each batch that was committed, in the batch's own transaction.
CREATE TABLE milestone_gateway.marker (
    tenant_key text NOT NULL,
    job_id uuid NOT NULL,
    step_number integer NOT NULL CONSTRAINT marker_step_positive CHECK (step_number > 0),
    batch_number integer NOT NULL CONSTRAINT marker_batch_positive CHECK (batch_number > 0),
    token bigint NOT NULL,
    row_count bigint NOT NULL CONSTRAINT marker_row_count_not_negative CHECK (row_count >= 0),
    is_last boolean NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT marker_pkey PRIMARY KEY (tenant_key, job_id, step_number, batch_number)
);

-- The mirror of the gateway's fences. Digests are keyed; the key is not in this database.
CREATE TABLE milestone_gateway.fence (
    tenant_key text NOT NULL,
    identity_kind text NOT NULL,
    digest_key_id integer NOT NULL,
    digest bytea NOT NULL CONSTRAINT fence_digest_length CHECK (octet_length(digest) = 32),
    generation integer NOT NULL CONSTRAINT fence_generation_positive CHECK (generation > 0),
    covers_until timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- When an explicit create or install reopened the way back, in source time. Writes with a source time at or after it
    -- pass this fence; everything older stays rejected. Null: nobody has come back.
    returned_at timestamptz CONSTRAINT fence_return_is_later CHECK (returned_at > covers_until),
    CONSTRAINT fence_pkey PRIMARY KEY (tenant_key, identity_kind, digest_key_id, digest, generation)
);

-- What the source of an account said of it last: by its times an older word never overwrites a newer one. It names nobody
-- (keyed digests) and goes with the mirror of the person's fence.
CREATE TABLE milestone_gateway.profile (
    tenant_key text NOT NULL,
    identity_kind text NOT NULL,
    digest_key_id integer NOT NULL,
    digest bytea NOT NULL CONSTRAINT profile_digest_length CHECK (octet_length(digest) = 32),
    -- When each was said, in source time; null: never.
    display_name_at timestamptz,
    email_at timestamptz,
    active_at timestamptz,
    -- While the account is deactivated: the instant that the gateway sets for it, so that only this is taken back.
    deactivated_at timestamptz,
    CONSTRAINT profile_pkey PRIMARY KEY (tenant_key, identity_kind, digest_key_id, digest)
);

-- What everybody's access was revoked with when the whole tenant left, so that a single person's access can change meanwhile
-- and nobody is let in, or kept out, by that.
CREATE TABLE milestone_gateway.leaving (
    tenant_key text NOT NULL,
    restricted_at timestamptz NOT NULL,
    -- The tenant has come back.
    is_over boolean NOT NULL DEFAULT false,
    CONSTRAINT leaving_pkey PRIMARY KEY (tenant_key, restricted_at)
);

SELECT milestone_gateway.isolate('milestone_gateway.job_token');
SELECT milestone_gateway.isolate('milestone_gateway.marker');
SELECT milestone_gateway.isolate('milestone_gateway.fence');
SELECT milestone_gateway.isolate('milestone_gateway.profile');
SELECT milestone_gateway.isolate('milestone_gateway.leaving');

GRANT USAGE ON SCHEMA milestone_gateway TO gw_tenant, gw_verify;
GRANT SELECT, INSERT, UPDATE ON milestone_gateway.job_token TO gw_tenant;
GRANT SELECT, INSERT, DELETE ON milestone_gateway.marker TO gw_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON milestone_gateway.fence, milestone_gateway.profile, milestone_gateway.leaving
    TO gw_tenant;
GRANT SELECT ON milestone_gateway.fence TO gw_verify;
