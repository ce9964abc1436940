-- Systems that send, and the credentials they are checked with. One registration may serve many tenants.

CREATE TABLE gateway.source (
    source_id uuid CONSTRAINT source_pkey PRIMARY KEY,
    name text NOT NULL
        CONSTRAINT source_name_once UNIQUE
        CONSTRAINT source_name_is_plain CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    kind text NOT NULL CONSTRAINT source_kind_known CHECK (kind IN (
        'jira_admin', 'forge', 'connect', 'google_pubsub', 'google_events', 'firebase_function', 'atlassian_report')),
    tenant_id uuid NOT NULL CONSTRAINT source_has_tenant REFERENCES gateway.tenant (tenant_id),
    site_host text CONSTRAINT source_site_host_is_lower_case CHECK (site_host = lower(site_host)),
    -- What a kind has to know beside its name: audience, account, project, app. Never a secret.
    settings jsonb NOT NULL DEFAULT '{}' CONSTRAINT source_settings_are_an_object CHECK (jsonb_typeof(settings) = 'object'),
    -- Shorter than the sender's own retries would reject for good what came late for a reason of ours.
    replay_window_seconds integer
        CONSTRAINT source_replay_window_outlasts_retries CHECK (replay_window_seconds >= 4500),
    -- How long a source may be silent before somebody should ask why.
    expected_every_seconds integer CONSTRAINT source_expected_every_minute_or_less CHECK (expected_every_seconds >= 60),
    created_at timestamptz NOT NULL,
    disabled_at timestamptz
);

-- Secrets are sealed; at most one is current and one previous.
CREATE TABLE gateway.source_credential (
    source_id uuid NOT NULL CONSTRAINT source_credential_has_source REFERENCES gateway.source (source_id),
    credential_id uuid NOT NULL,
    purpose text NOT NULL DEFAULT 'verify'
        CONSTRAINT source_credential_purpose_known CHECK (purpose IN ('verify', 'provider')),
    -- Whose it is within its source: empty for the source's own, otherwise the installation's.
    holder text NOT NULL DEFAULT '' CONSTRAINT source_credential_holder_length CHECK (length(holder) <= 256),
    master_id integer NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    -- A rotated secret stays valid until here, so that no delivery signed before the change is rejected.
    valid_until timestamptz,
    CONSTRAINT source_credential_pkey PRIMARY KEY (source_id, credential_id)
);
CREATE UNIQUE INDEX source_credential_one_current
    ON gateway.source_credential (source_id, purpose, holder) WHERE valid_until IS NULL;
ALTER TABLE gateway.source_credential ALTER COLUMN sealed SET STATISTICS 0;

-- Which tenant an installation belongs to, where its own words do not say.
CREATE TABLE gateway.source_holder (
    source_id uuid NOT NULL CONSTRAINT source_holder_has_source REFERENCES gateway.source (source_id),
    holder text NOT NULL CONSTRAINT source_holder_length CHECK (length(holder) BETWEEN 1 AND 256),
    -- No foreign key: it would cross from rows kept by source to rows kept by tenant. Tenants are never deleted.
    tenant_id uuid NOT NULL,
    bound_at timestamptz NOT NULL,
    CONSTRAINT source_holder_pkey PRIMARY KEY (source_id, holder)
);

SELECT gateway.isolate('gateway.source');
CREATE POLICY names_for_the_queue ON gateway.source FOR SELECT TO gw_queue USING (true);
CREATE POLICY owner_reads_for_the_look_up ON gateway.source FOR SELECT TO gw_owner USING (true);
GRANT SELECT, INSERT, UPDATE ON gateway.source TO gw_tenant;
GRANT SELECT ON gateway.source TO gw_queue;

-- A credential has no tenant of its own; it goes with its source.
ALTER TABLE gateway.source_credential ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateway.source_credential FORCE ROW LEVEL SECURITY;
CREATE POLICY own_sources ON gateway.source_credential TO gw_tenant
USING (EXISTS (SELECT 1 FROM gateway.source s WHERE s.source_id = source_credential.source_id))
WITH CHECK (EXISTS (SELECT 1 FROM gateway.source s WHERE s.source_id = source_credential.source_id));
CREATE POLICY owner_reads_for_the_look_up ON gateway.source_credential FOR SELECT TO gw_owner USING (true);
-- Tokens of installations live for hours, and what has ended is forgotten. Credentials of a tenant that leaves go with it.
GRANT SELECT, INSERT, UPDATE, DELETE ON gateway.source_credential TO gw_tenant;

SELECT gateway.isolate('gateway.source_holder');
CREATE POLICY names_for_the_queue ON gateway.source_holder FOR SELECT TO gw_queue USING (true);
-- The erasure of a tenant forgets which installations were its own.
GRANT SELECT, INSERT, UPDATE, DELETE ON gateway.source_holder TO gw_tenant;
GRANT SELECT ON gateway.source_holder TO gw_queue;

-- Intake has no tenant when a delivery arrives. It may ask for one source by its exact name, and within it for one holder.
CREATE FUNCTION gateway.source_for_intake(wanted text, wanted_holder text, at timestamptz)
RETURNS TABLE (
    source_id uuid, tenant_id uuid, kind text, site_host text, settings jsonb, replay_window_seconds integer,
    credential_id uuid, master_id integer, sealed bytea
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.source_id, s.tenant_id, s.kind, s.site_host, s.settings, s.replay_window_seconds,
           c.credential_id, c.master_id, c.sealed
    FROM gateway.source s
    LEFT JOIN gateway.source_credential c
        ON c.source_id = s.source_id AND c.purpose = 'verify' AND c.holder = wanted_holder
            AND (c.valid_until IS NULL OR c.valid_until > at)
    WHERE s.name = wanted AND s.disabled_at IS NULL
    ORDER BY c.valid_until DESC NULLS FIRST
    LIMIT 4
$$;
REVOKE ALL ON FUNCTION gateway.source_for_intake(text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.source_for_intake(text, text, timestamptz) TO gw_intake;
