-- More kinds of senders: one registration may serve many tenants, tokens work once, and refusals are counted.

-- The platform: what belongs to no tenant yet, or to all of them, hangs on this row. It is never a product database's tenant.
CREATE POLICY owner_finds_and_makes ON gateway.tenant TO gw_owner USING (true) WITH CHECK (true);
INSERT INTO gateway.tenant (tenant_id, stable_key, created_at)
VALUES ('00000000-0000-0000-0000-000000000000', '(platform)', now());

ALTER TABLE gateway.source DROP CONSTRAINT source_kind_check;
ALTER TABLE gateway.source ADD CONSTRAINT source_kind_check CHECK (kind IN
    ('jira_admin', 'forge', 'connect', 'google_pubsub', 'google_events', 'firebase_function', 'atlassian_report'));
-- What a kind has to know beside its name: audience, account, project, app. Never a secret.
ALTER TABLE gateway.source ADD COLUMN settings jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object');
-- How long a source may be silent before somebody should ask why.
ALTER TABLE gateway.source ADD COLUMN expected_every_seconds integer CHECK (expected_every_seconds >= 60);

-- What a credential is for, and whose it is within its source: empty for the source's own, otherwise the installation's.
ALTER TABLE gateway.source_credential ADD COLUMN purpose text NOT NULL DEFAULT 'verify'
    CHECK (purpose IN ('verify', 'call_back'));
ALTER TABLE gateway.source_credential ADD COLUMN holder text NOT NULL DEFAULT '' CHECK (length(holder) <= 256);
DROP INDEX gateway.source_credential_one_current;
CREATE UNIQUE INDEX source_credential_one_current
    ON gateway.source_credential (source_id, purpose, holder) WHERE valid_until IS NULL;

-- Tokens of installations live for hours; what has ended is forgotten.
GRANT DELETE ON gateway.source_credential TO gw_tenant;

-- Which tenant an installation belongs to, where its own words do not say.
CREATE TABLE gateway.source_holder (
    source_id uuid NOT NULL REFERENCES gateway.source (source_id),
    holder text NOT NULL CHECK (length(holder) BETWEEN 1 AND 256),
    -- No foreign key: it would cross from rows kept by source to rows kept by tenant. Tenants are never deleted.
    tenant_id uuid NOT NULL,
    bound_at timestamptz NOT NULL,
    PRIMARY KEY (source_id, holder)
);
ALTER TABLE gateway.source_holder ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateway.source_holder FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON gateway.source_holder TO gw_tenant
USING (tenant_id = (SELECT current_setting('gateway.tenant_id')::uuid))
WITH CHECK (tenant_id = (SELECT current_setting('gateway.tenant_id')::uuid));
CREATE POLICY names_for_the_queue ON gateway.source_holder FOR SELECT TO gw_queue USING (true);
GRANT SELECT, INSERT, UPDATE ON gateway.source_holder TO gw_tenant;
GRANT SELECT ON gateway.source_holder TO gw_queue;

-- Intake has no tenant when a delivery arrives. It may ask for one source by its exact name, and within it for one holder.
DROP FUNCTION gateway.source_for_intake(text, timestamptz);
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

-- The tenant that a verified credential names. A site that has installed our app is a tenant from its first word on.
CREATE FUNCTION gateway.tenant_for_intake(wanted_key text, new_tenant_id uuid, at timestamptz) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found uuid;
BEGIN
    SELECT tenant_id INTO found FROM gateway.tenant WHERE stable_key = wanted_key;
    IF found IS NULL THEN
        INSERT INTO gateway.tenant (tenant_id, stable_key, created_at) VALUES (new_tenant_id, wanted_key, at)
        ON CONFLICT (stable_key) DO NOTHING;
        SELECT tenant_id INTO found FROM gateway.tenant WHERE stable_key = wanted_key;
    END IF;
    RETURN found;
END
$$;
REVOKE ALL ON FUNCTION gateway.tenant_for_intake(text, uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.tenant_for_intake(text, uuid, timestamptz) TO gw_intake;

-- Tokens that were used. A token works once; its digest is kept until nobody would accept it any more.
CREATE TABLE gateway.token_use (
    source_id uuid NOT NULL REFERENCES gateway.source (source_id),
    token_digest bytea NOT NULL CHECK (octet_length(token_digest) = 32),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (source_id, token_digest)
);
CREATE INDEX token_use_by_expiry ON gateway.token_use (expires_at);
ALTER TABLE gateway.token_use ALTER COLUMN token_digest SET STATISTICS 0;
GRANT SELECT, INSERT ON gateway.token_use TO gw_intake;
GRANT SELECT, DELETE ON gateway.token_use TO gw_queue;

-- Refused calls: which rule failed, how often, by day. `source_name` is a registered one, or empty for everything else: what
-- callers write into the path is not kept.
CREATE TABLE gateway.rejection_count (
    day date NOT NULL,
    source_name text NOT NULL,
    source_kind text NOT NULL,
    reason text NOT NULL CHECK (reason ~ '^[a-z_]{1,40}$'),
    refused bigint NOT NULL CHECK (refused > 0),
    last_at timestamptz NOT NULL,
    PRIMARY KEY (day, source_name, source_kind, reason)
);
-- The latest refusals, in a ring: a row is written over when its turn comes again.
CREATE TABLE gateway.rejection (
    slot integer PRIMARY KEY CHECK (slot BETWEEN 0 AND 999),
    at timestamptz NOT NULL,
    source_name text NOT NULL,
    source_kind text NOT NULL,
    reason text NOT NULL CHECK (reason ~ '^[a-z_]{1,40}$'),
    reply text NOT NULL CHECK (reply IN ('unauthorized', 'unavailable'))
);
CREATE SEQUENCE gateway.rejection_turn;
GRANT SELECT, INSERT, UPDATE ON gateway.rejection_count, gateway.rejection TO gw_intake;
GRANT USAGE ON SEQUENCE gateway.rejection_turn TO gw_intake;
GRANT SELECT, DELETE ON gateway.rejection_count, gateway.rejection TO gw_queue;

ALTER TABLE gateway.subject_signal DROP CONSTRAINT subject_signal_signal_check;
ALTER TABLE gateway.subject_signal ADD CONSTRAINT subject_signal_signal_check
    CHECK (signal IN ('user_created', 'user_updated', 'user_deleted', 'account_closed'));
