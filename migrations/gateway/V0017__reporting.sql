-- Senders that are asked, because they do not tell: closed accounts, worklogs whose webhook was lost, silent installations.
-- Nothing here names anybody: keyed digests, ids of ours, and times.

-- When an identity's account may be reported to Atlassian. Only a look-up: `reported_account` decides for all tenants.
ALTER TABLE gateway.identity ADD COLUMN report_due_at timestamptz NOT NULL DEFAULT '-infinity';
CREATE INDEX identity_report_due
    ON gateway.identity (report_due_at) WHERE is_anchor AND kind = 'atlassian_account_id';
GRANT UPDATE (report_due_at) ON gateway.identity TO gw_tenant;

-- Accounts as the platform has reported them: once in a cycle, however many tenants know them.
CREATE TABLE gateway.reported_account (
    digest_key_id integer NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    next_due_at timestamptz NOT NULL,
    -- By database time: whoever has claimed it may die, and then somebody else reports it.
    claimed_until timestamptz,
    PRIMARY KEY (digest_key_id, digest)
);
CREATE INDEX reported_account_by_due ON gateway.reported_account (next_due_at);
ALTER TABLE gateway.reported_account ALTER COLUMN digest SET STATISTICS 0;
GRANT SELECT, INSERT, UPDATE, DELETE ON gateway.reported_account TO gw_queue;

-- How far each source was asked, when it may be asked again, and who is asking it.
CREATE TABLE gateway.poll_cursor (
    source_id uuid NOT NULL REFERENCES gateway.source (source_id),
    -- The installation within a source that many share; empty for the source itself.
    holder text NOT NULL CHECK (length(holder) <= 256),
    feed text NOT NULL CHECK (feed IN ('accounts', 'worklogs_updated', 'worklogs_deleted')),
    -- The `since` of the next call, in milliseconds since 1970; zero where a feed has none.
    since_ms bigint NOT NULL CHECK (since_ms >= 0),
    due_at timestamptz NOT NULL,
    -- The other side wants to be left alone until then; whoever asks for a round by hand waits, too.
    held_back_until timestamptz,
    -- In a row, so that the waits between them grow.
    failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    -- The fencing token: a process that has lost its lease moves nothing.
    turn bigint NOT NULL DEFAULT 1,
    lease_until timestamptz,
    PRIMARY KEY (source_id, holder, feed)
);
GRANT SELECT, INSERT, UPDATE ON gateway.poll_cursor TO gw_queue;

-- When an installation is looked at again. Moving it is the claim.
CREATE TABLE gateway.installation_watch (
    tenant_id uuid PRIMARY KEY REFERENCES gateway.tenant (tenant_id),
    next_at timestamptz NOT NULL
);
ALTER TABLE gateway.installation_watch ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateway.installation_watch FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON gateway.installation_watch TO gw_tenant
USING (tenant_id = (SELECT current_setting('gateway.tenant_id')::uuid))
WITH CHECK (tenant_id = (SELECT current_setting('gateway.tenant_id')::uuid));
CREATE POLICY owner_finds_the_silent ON gateway.installation_watch FOR SELECT TO gw_owner USING (true);
CREATE POLICY owner_finds_the_silent ON gateway.tenant_evidence FOR SELECT TO gw_owner USING (true);
GRANT SELECT, INSERT, UPDATE ON gateway.installation_watch TO gw_tenant;

-- Which sources there are to ask, over all tenants, and within an app's source each installation that has brought a token
-- since `tokens_since`. Whether there are credentials is told, nothing of them.
CREATE FUNCTION gateway.sources_to_poll(tokens_since timestamptz)
RETURNS TABLE (
    source_id uuid, holder text, name text, kind text, tenant_id uuid, site_host text, created_at timestamptz,
    has_credentials boolean
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.source_id, '', s.name, s.kind, s.tenant_id, s.site_host, s.created_at, c.source_id IS NOT NULL
    FROM gateway.source s
    LEFT JOIN gateway.source_credential c
        ON c.source_id = s.source_id AND c.purpose = 'call_back' AND c.holder = '' AND c.valid_until IS NULL
    WHERE s.disabled_at IS NULL
        AND (s.kind = 'forge' OR s.kind IN ('atlassian_report', 'jira_admin') AND c.source_id IS NOT NULL)
    UNION ALL
    SELECT s.source_id, c.holder, s.name, s.kind, t.tenant_id, NULL, t.created_at, true
    FROM gateway.source s
    JOIN gateway.source_credential c
        ON c.source_id = s.source_id AND c.purpose = 'call_back' AND c.holder <> '' AND c.valid_until IS NULL
    JOIN gateway.tenant t ON t.stable_key = c.holder
    WHERE s.disabled_at IS NULL AND s.kind = 'forge' AND c.created_at > tokens_since AND t.purged_at IS NULL
$$;
REVOKE ALL ON FUNCTION gateway.sources_to_poll(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.sources_to_poll(timestamptz) TO gw_queue;

-- Identities whose account may be due, over all tenants, longest due first.
CREATE FUNCTION gateway.accounts_to_report(at timestamptz, most bigint)
RETURNS TABLE (tenant_id uuid, identity_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT i.tenant_id, i.identity_id
    FROM gateway.identity i
    JOIN gateway.tenant t ON t.tenant_id = i.tenant_id
    WHERE i.is_anchor AND i.kind = 'atlassian_account_id' AND i.report_due_at <= at AND t.purged_at IS NULL
    ORDER BY i.report_due_at, i.identity_id
    LIMIT most
$$;
REVOKE ALL ON FUNCTION gateway.accounts_to_report(timestamptz, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.accounts_to_report(timestamptz, bigint) TO gw_queue;

-- Installations without a sign of life since `silent_since` that were not looked at lately, longest silent first. Only one
-- that has ever sent a scheduled sign of life can fall silent.
CREATE FUNCTION gateway.silent_installations(silent_since timestamptz, at timestamptz, most bigint)
RETURNS TABLE (tenant_id uuid, stable_key text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT t.tenant_id, t.stable_key
    FROM gateway.tenant t
    JOIN gateway.tenant_evidence e ON e.tenant_id = t.tenant_id
    LEFT JOIN gateway.installation_watch w ON w.tenant_id = t.tenant_id
    WHERE t.purged_at IS NULL AND (w.next_at IS NULL OR w.next_at <= at)
        AND e.kind IN ('installed', 'upgraded', 'enabled', 'heartbeat', 'probe_alive')
    GROUP BY t.tenant_id, t.stable_key
    HAVING bool_or(e.kind = 'heartbeat') AND max(e.source_at) <= silent_since
    ORDER BY max(e.source_at), t.tenant_id
    LIMIT most
$$;
REVOKE ALL ON FUNCTION gateway.silent_installations(timestamptz, timestamptz, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.silent_installations(timestamptz, timestamptz, bigint) TO gw_queue;
