-- Which project an issue belongs to, and what of both is gone. Deleting a project or an issue is told for itself only; the
-- hours below it are found by this ledger. No row says anything about a person.

CREATE TABLE gateway.tree_project (
    tenant_id uuid NOT NULL REFERENCES gateway.tenant (tenant_id),
    project_id text NOT NULL CHECK (project_id ~ '^[0-9]{1,20}$'),
    -- Source times of its latest deletions, newest first, and of its latest return. It is gone while one of them is later
    -- than the return. All are kept, because each may have marked hours.
    deletions timestamptz[] NOT NULL DEFAULT '{}' CHECK (cardinality(deletions) <= 16),
    restored_at timestamptz,
    PRIMARY KEY (tenant_id, project_id)
);

CREATE TABLE gateway.tree_issue (
    tenant_id uuid NOT NULL REFERENCES gateway.tenant (tenant_id),
    issue_id text NOT NULL CHECK (issue_id ~ '^[0-9]{1,20}$'),
    project_id text CHECK (project_id ~ '^[0-9]{1,20}$'),
    -- Source time of what named the project: an issue may move, and the latest word counts.
    seen_at timestamptz,
    deleted_at timestamptz,
    PRIMARY KEY (tenant_id, issue_id),
    CHECK ((project_id IS NULL) = (seen_at IS NULL))
);
CREATE INDEX tree_issue_of_project ON gateway.tree_issue (tenant_id, project_id, issue_id) WHERE project_id IS NOT NULL;

DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['tree_project', 'tree_issue']
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
GRANT SELECT, INSERT, UPDATE, DELETE ON gateway.tree_project, gateway.tree_issue TO gw_tenant;
