-- Polling: closed accounts, worklogs whose webhook was lost, silent installations. And the tree
-- of issues that hours are found by. Nothing here names anybody: keyed digests, ids of ours, bare numbers and times.

-- How far each source was polled, when it may be polled again, and who is polling it.
CREATE TABLE gateway.poll_cursor (
    source_id uuid NOT NULL CONSTRAINT poll_cursor_has_source REFERENCES gateway.source (source_id),
    -- The installation within a source that many share; empty for the source itself.
    holder text NOT NULL CONSTRAINT poll_cursor_holder_length CHECK (length(holder) <= 256),
    feed text NOT NULL
        CONSTRAINT poll_cursor_feed_known CHECK (feed IN ('accounts', 'worklogs_updated', 'worklogs_deleted')),
    -- The `since` of the next call, in milliseconds since 1970; zero where a feed has none.
    since_ms bigint NOT NULL CONSTRAINT poll_cursor_since_not_negative CHECK (since_ms >= 0),
    due_at timestamptz NOT NULL,
    -- The other side wants to be left alone until then; whoever asks for a round by hand waits, too.
    held_back_until timestamptz,
    -- In a row, so that the waits between them grow.
    failures integer NOT NULL DEFAULT 0 CONSTRAINT poll_cursor_failures_not_negative CHECK (failures >= 0),
    -- The fencing token: a process that has lost its lease moves nothing.
    turn bigint NOT NULL DEFAULT 1,
    lease_until timestamptz,
    CONSTRAINT poll_cursor_pkey PRIMARY KEY (source_id, holder, feed)
);

-- Accounts as the platform has reported them: once in a cycle, however many tenants know them.
CREATE TABLE gateway.reported_account (
    digest_key_id integer NOT NULL,
    digest bytea NOT NULL CONSTRAINT reported_account_digest_length CHECK (octet_length(digest) = 32),
    next_due_at timestamptz NOT NULL,
    -- By database time: whoever has claimed it may die, and then somebody else reports it.
    claimed_until timestamptz,
    -- That an account is closed is remembered for the whole platform: a tenant that comes to know it afterwards is told at
    -- once, and Atlassian is not asked about it again.
    closed_at timestamptz,
    CONSTRAINT reported_account_pkey PRIMARY KEY (digest_key_id, digest)
);
CREATE INDEX reported_account_by_due ON gateway.reported_account (next_due_at);
ALTER TABLE gateway.reported_account ALTER COLUMN digest SET STATISTICS 0;

-- When an installation is looked at again. Moving it is the claim.
CREATE TABLE gateway.installation_watch (
    tenant_id uuid
        CONSTRAINT installation_watch_pkey PRIMARY KEY
        CONSTRAINT installation_watch_has_tenant REFERENCES gateway.tenant (tenant_id),
    next_at timestamptz NOT NULL
);

-- Which project an issue belongs to, and what of both is gone. Deleting a project or an issue is told for itself only; the
-- hours below it are found by this ledger. No row says anything about a person.
CREATE TABLE gateway.tree_project (
    tenant_id uuid NOT NULL CONSTRAINT tree_project_has_tenant REFERENCES gateway.tenant (tenant_id),
    project_id text NOT NULL CONSTRAINT tree_project_id_is_a_number CHECK (project_id ~ '^[0-9]{1,20}$'),
    -- Source times of its latest deletions, newest first, and of its latest return. It is gone while one of them is later
    -- than the return. All are kept, because each may have marked hours.
    deletions timestamptz[] NOT NULL DEFAULT '{}' CONSTRAINT tree_project_deletions_few CHECK (cardinality(deletions) <= 16),
    restored_at timestamptz,
    CONSTRAINT tree_project_pkey PRIMARY KEY (tenant_id, project_id)
);

CREATE TABLE gateway.tree_issue (
    tenant_id uuid NOT NULL CONSTRAINT tree_issue_has_tenant REFERENCES gateway.tenant (tenant_id),
    issue_id text NOT NULL CONSTRAINT tree_issue_id_is_a_number CHECK (issue_id ~ '^[0-9]{1,20}$'),
    project_id text CONSTRAINT tree_issue_project_is_a_number CHECK (project_id ~ '^[0-9]{1,20}$'),
    -- Source time of what named the project: an issue may move, and the latest word counts.
    seen_at timestamptz,
    deleted_at timestamptz,
    -- Whether hours of the issue may bear a mark of ours in the product database. It is committed before the first mark is
    -- set and never taken back, so that an issue that is there again is looked for in the product database only when there
    -- can be something to find.
    may_have_removed_hours boolean NOT NULL DEFAULT false,
    CONSTRAINT tree_issue_pkey PRIMARY KEY (tenant_id, issue_id),
    CONSTRAINT tree_issue_project_was_seen CHECK ((project_id IS NULL) = (seen_at IS NULL))
);
CREATE INDEX tree_issue_of_project ON gateway.tree_issue (tenant_id, project_id, issue_id) WHERE project_id IS NOT NULL;

SELECT gateway.isolate('gateway.installation_watch');
CREATE POLICY owner_finds_the_silent ON gateway.installation_watch FOR SELECT TO gw_owner USING (true);
SELECT gateway.isolate('gateway.tree_project');
SELECT gateway.isolate('gateway.tree_issue');
GRANT SELECT, INSERT, UPDATE ON gateway.poll_cursor TO gw_queue;
GRANT SELECT, INSERT, UPDATE, DELETE ON gateway.reported_account TO gw_queue;
GRANT SELECT, INSERT, UPDATE ON gateway.installation_watch TO gw_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON gateway.tree_project, gateway.tree_issue TO gw_tenant;

-- Which sources there are to poll, over all tenants, and within an app's source each installation that has brought a token
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
        ON c.source_id = s.source_id AND c.purpose = 'provider' AND c.holder = '' AND c.valid_until IS NULL
    WHERE s.disabled_at IS NULL
        AND (s.kind = 'forge' OR s.kind IN ('atlassian_report', 'jira_admin') AND c.source_id IS NOT NULL)
    UNION ALL
    SELECT s.source_id, c.holder, s.name, s.kind, t.tenant_id, NULL, t.created_at, true
    FROM gateway.source s
    JOIN gateway.source_credential c
        ON c.source_id = s.source_id AND c.purpose = 'provider' AND c.holder <> '' AND c.valid_until IS NULL
    JOIN gateway.tenant t ON t.stable_key = c.holder
    WHERE s.disabled_at IS NULL AND s.kind = 'forge' AND c.created_at > tokens_since AND t.erased_at IS NULL
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
    WHERE i.is_anchor AND i.kind = 'atlassian_account_id' AND i.report_due_at <= at AND t.erased_at IS NULL
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
    WHERE t.erased_at IS NULL AND (w.next_at IS NULL OR w.next_at <= at)
        AND e.kind IN ('installed', 'upgraded', 'enabled', 'heartbeat', 'probe_alive')
    GROUP BY t.tenant_id, t.stable_key
    HAVING bool_or(e.kind = 'heartbeat') AND max(e.source_at) <= silent_since
    ORDER BY max(e.source_at), t.tenant_id
    LIMIT most
$$;
REVOKE ALL ON FUNCTION gateway.silent_installations(timestamptz, timestamptz, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gateway.silent_installations(timestamptz, timestamptz, bigint) TO gw_queue;
