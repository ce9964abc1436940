-- What every product database carries for the gateway: proof of each batch, and the fences that keep erased people away.
-- Written by gw_tenant in the same transaction as the batch or the write that it protects.

-- The highest fencing token that has worked on a job here. A worker with a smaller one is stale and must stop.
CREATE TABLE milestone_gateway.job_token (
    tenant_key text NOT NULL,
    job_id uuid NOT NULL,
    token bigint NOT NULL,
    PRIMARY KEY (tenant_key, job_id)
);

-- One row for each batch that was committed, in the batch's own transaction.
CREATE TABLE milestone_gateway.marker (
    tenant_key text NOT NULL,
    job_id uuid NOT NULL,
    step_number integer NOT NULL CHECK (step_number > 0),
    batch_number integer NOT NULL CHECK (batch_number > 0),
    token bigint NOT NULL,
    row_count bigint NOT NULL CHECK (row_count >= 0),
    is_last boolean NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_key, job_id, step_number, batch_number)
);

-- The mirror of the gateway's fences. Digests are keyed; the key is not in this database.
CREATE TABLE milestone_gateway.fence (
    tenant_key text NOT NULL,
    identity_kind text NOT NULL,
    digest_key_id integer NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    generation integer NOT NULL CHECK (generation > 0),
    covers_until timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_key, identity_kind, digest_key_id, digest, generation)
);

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

-- The sub-select is evaluated once for each statement, so the keys' indexes serve it.
DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['job_token', 'marker', 'fence']
    LOOP
        EXECUTE format('ALTER TABLE milestone_gateway.%I ENABLE ROW LEVEL SECURITY', table_name);
        EXECUTE format('ALTER TABLE milestone_gateway.%I FORCE ROW LEVEL SECURITY', table_name);
        EXECUTE format(
            'CREATE POLICY one_tenant ON milestone_gateway.%I '
            'USING (tenant_key = (SELECT milestone_gateway.current_tenant_key())) '
            'WITH CHECK (tenant_key = (SELECT milestone_gateway.current_tenant_key()))',
            table_name);
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA milestone_gateway TO gw_tenant, gw_verify;
GRANT SELECT, INSERT, UPDATE ON milestone_gateway.job_token TO gw_tenant;
GRANT SELECT, INSERT, DELETE ON milestone_gateway.marker TO gw_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON milestone_gateway.fence TO gw_tenant;
GRANT SELECT ON milestone_gateway.fence TO gw_verify;
