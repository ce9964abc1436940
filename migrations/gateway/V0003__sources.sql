-- Systems that send, and the credentials they are checked with. Secrets are sealed; at most one is current and one previous.

CREATE TABLE gateway.source (
    source_id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    kind text NOT NULL CHECK (kind IN ('jira_admin')),
    tenant_id uuid NOT NULL REFERENCES gateway.tenant (tenant_id),
    site_host text CHECK (site_host = lower(site_host)),
    -- Shorter than the sender's own retries would refuse for good what came late for a reason of ours.
    replay_window_seconds integer CHECK (replay_window_seconds >= 4500),
    created_at timestamptz NOT NULL,
    disabled_at timestamptz
);

CREATE TABLE gateway.source_credential (
    source_id uuid NOT NULL REFERENCES gateway.source (source_id),
    credential_id uuid NOT NULL,
    master_id integer NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    -- A rotated secret stays valid until here, so that no delivery signed before the change is refused.
    valid_until timestamptz,
    PRIMARY KEY (source_id, credential_id)
);
CREATE UNIQUE INDEX source_credential_one_current ON gateway.source_credential (source_id) WHERE valid_until IS NULL;
ALTER TABLE gateway.source_credential ALTER COLUMN sealed SET STATISTICS 0;

ALTER TABLE gateway.source ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateway.source FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON gateway.source TO gw_tenant
USING (tenant_id = (SELECT current_setting('gateway.tenant_id')::uuid))
WITH CHECK (tenant_id = (SELECT current_setting('gateway.tenant_id')::uuid));
CREATE POLICY names_for_the_queue ON gateway.source FOR SELECT TO gw_queue USING (true);
CREATE POLICY owner_reads_for_the_look_up ON gateway.source FOR SELECT TO gw_owner USING (true);

ALTER TABLE gateway.source_credential ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateway.source_credential FORCE ROW LEVEL SECURITY;
CREATE POLICY own_sources ON gateway.source_credential TO gw_tenant
USING (EXISTS (SELECT 1 FROM gateway.source s WHERE s.source_id = source_credential.source_id))
WITH CHECK (EXISTS (SELECT 1 FROM gateway.source s WHERE s.source_id = source_credential.source_id));
CREATE POLICY owner_reads_for_the_look_up ON gateway.source_credential FOR SELECT TO gw_owner USING (true);

-- Intake has no tenant when a delivery arrives. It may ask for one source by its exact name and nothing else.
CREATE FUNCTION gateway.source_for_intake(wanted text, at timestamptz)
RETURNS TABLE (
    source_id uuid, tenant_id uuid, kind text, replay_window_seconds integer,
    credential_id uuid, master_id integer, sealed bytea
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.source_id, s.tenant_id, s.kind, s.replay_window_seconds,
           c.credential_id, c.master_id, c.sealed
    FROM gateway.source s
    LEFT JOIN gateway.source_credential c
        ON c.source_id = s.source_id AND (c.valid_until IS NULL OR c.valid_until > at)
    WHERE s.name = wanted AND s.disabled_at IS NULL
    ORDER BY c.valid_until DESC NULLS FIRST
    LIMIT 4
$$;
REVOKE ALL ON FUNCTION gateway.source_for_intake(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.source_for_intake(text, timestamptz) TO gw_intake;

GRANT SELECT, INSERT, UPDATE ON gateway.source, gateway.source_credential TO gw_tenant;
GRANT SELECT ON gateway.source TO gw_queue;
