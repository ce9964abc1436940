-- The reference schema of the Milestone product: what its privacy policy speaks of, as tables.
-- It exists for demos, tests and vendors who want an example. It is never applied to an operator's database.
-- The tenant id is the Atlassian cloudId. Every table forces row level security; a session without a tenant is an error.

CREATE SCHEMA milestone;

CREATE TABLE milestone.tenant (
    tenant_id uuid PRIMARY KEY,
    company_name text NOT NULL,
    site_host text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE milestone.client (
    tenant_id uuid NOT NULL REFERENCES milestone.tenant (tenant_id),
    client_id uuid NOT NULL,
    company_name text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, client_id)
);

CREATE TABLE milestone.team_member (
    tenant_id uuid NOT NULL REFERENCES milestone.tenant (tenant_id),
    member_id uuid NOT NULL,
    account_id text NOT NULL,
    display_name text,
    email text,
    created_at timestamptz NOT NULL,
    restricted_at timestamptz,
    marked_for_deletion_at timestamptz,
    PRIMARY KEY (tenant_id, member_id),
    UNIQUE (tenant_id, account_id)
);

CREATE TABLE milestone.role_assignment (
    tenant_id uuid NOT NULL,
    member_id uuid NOT NULL,
    role text NOT NULL,
    granted_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, member_id, role),
    FOREIGN KEY (tenant_id, member_id) REFERENCES milestone.team_member (tenant_id, member_id)
);

CREATE TABLE milestone.portal_user (
    tenant_id uuid NOT NULL,
    portal_user_id uuid NOT NULL,
    client_id uuid NOT NULL,
    firebase_uid text NOT NULL,
    email text,
    full_name text,
    created_at timestamptz NOT NULL,
    restricted_at timestamptz,
    marked_for_deletion_at timestamptz,
    PRIMARY KEY (tenant_id, portal_user_id),
    UNIQUE (tenant_id, firebase_uid),
    FOREIGN KEY (tenant_id, client_id) REFERENCES milestone.client (tenant_id, client_id)
);

CREATE TABLE milestone.delivery_user (
    tenant_id uuid NOT NULL REFERENCES milestone.tenant (tenant_id),
    delivery_user_id uuid NOT NULL,
    firebase_uid text NOT NULL,
    email text,
    full_name text,
    created_at timestamptz NOT NULL,
    restricted_at timestamptz,
    marked_for_deletion_at timestamptz,
    PRIMARY KEY (tenant_id, delivery_user_id),
    UNIQUE (tenant_id, firebase_uid)
);

CREATE TABLE milestone.service_request (
    tenant_id uuid NOT NULL,
    request_id uuid NOT NULL,
    client_id uuid NOT NULL,
    issue_id text NOT NULL,
    summary text NOT NULL,
    content text,
    requester_id uuid,
    requester_name text,
    assignee_id uuid,
    assignee_name text,
    status text NOT NULL,
    created_at timestamptz NOT NULL,
    closed_at timestamptz,
    PRIMARY KEY (tenant_id, request_id),
    UNIQUE (tenant_id, issue_id),
    FOREIGN KEY (tenant_id, client_id) REFERENCES milestone.client (tenant_id, client_id),
    FOREIGN KEY (tenant_id, requester_id) REFERENCES milestone.portal_user (tenant_id, portal_user_id),
    FOREIGN KEY (tenant_id, assignee_id) REFERENCES milestone.team_member (tenant_id, member_id)
);

-- A message belongs to both parties: it goes with the last of them.
CREATE TABLE milestone.message (
    tenant_id uuid NOT NULL,
    message_id uuid NOT NULL,
    request_id uuid NOT NULL,
    member_id uuid,
    member_name text,
    portal_user_id uuid,
    portal_user_name text,
    sent_by text NOT NULL CHECK (sent_by IN ('member', 'portal_user')),
    body text NOT NULL,
    sent_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, message_id),
    FOREIGN KEY (tenant_id, request_id) REFERENCES milestone.service_request (tenant_id, request_id),
    FOREIGN KEY (tenant_id, member_id) REFERENCES milestone.team_member (tenant_id, member_id),
    FOREIGN KEY (tenant_id, portal_user_id) REFERENCES milestone.portal_user (tenant_id, portal_user_id)
);
CREATE INDEX message_by_member ON milestone.message (tenant_id, member_id);
CREATE INDEX message_by_portal_user ON milestone.message (tenant_id, portal_user_id);

-- Hours synced from Jira worklogs. No foreign key to the person or the request: a worklog may arrive before either.
CREATE TABLE milestone.hours_entry (
    tenant_id uuid NOT NULL REFERENCES milestone.tenant (tenant_id),
    worklog_id text NOT NULL,
    issue_id text NOT NULL,
    request_id uuid,
    author_account_id text,
    seconds bigint NOT NULL CHECK (seconds >= 0),
    work_day date NOT NULL,
    source_updated_at timestamptz NOT NULL,
    removed_at timestamptz,
    PRIMARY KEY (tenant_id, worklog_id)
);
CREATE INDEX hours_entry_by_author ON milestone.hours_entry (tenant_id, author_account_id);

CREATE TABLE milestone.sla_metric (
    tenant_id uuid NOT NULL,
    request_id uuid NOT NULL,
    metric text NOT NULL,
    owner_member_id uuid,
    product_seconds bigint NOT NULL,
    actual_seconds bigint,
    PRIMARY KEY (tenant_id, request_id, metric),
    FOREIGN KEY (tenant_id, request_id) REFERENCES milestone.service_request (tenant_id, request_id),
    FOREIGN KEY (tenant_id, owner_member_id) REFERENCES milestone.team_member (tenant_id, member_id)
);

CREATE TABLE milestone.activity_log (
    tenant_id uuid NOT NULL REFERENCES milestone.tenant (tenant_id),
    activity_id uuid NOT NULL,
    actor_account_id text,
    actor_portal_user_id uuid,
    action text NOT NULL,
    detail jsonb NOT NULL,
    happened_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, activity_id)
);
CREATE INDEX activity_log_by_actor ON milestone.activity_log (tenant_id, actor_account_id);

CREATE TABLE milestone.session (
    tenant_id uuid NOT NULL REFERENCES milestone.tenant (tenant_id),
    session_id uuid NOT NULL,
    member_id uuid,
    portal_user_id uuid,
    delivery_user_id uuid,
    token_digest text NOT NULL,
    ip_address inet,
    started_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, session_id),
    FOREIGN KEY (tenant_id, member_id) REFERENCES milestone.team_member (tenant_id, member_id),
    FOREIGN KEY (tenant_id, portal_user_id) REFERENCES milestone.portal_user (tenant_id, portal_user_id),
    FOREIGN KEY (tenant_id, delivery_user_id) REFERENCES milestone.delivery_user (tenant_id, delivery_user_id)
);

CREATE TABLE milestone.notification (
    tenant_id uuid NOT NULL,
    notification_id uuid NOT NULL,
    member_id uuid,
    portal_user_id uuid,
    subject text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, notification_id),
    FOREIGN KEY (tenant_id, member_id) REFERENCES milestone.team_member (tenant_id, member_id),
    FOREIGN KEY (tenant_id, portal_user_id) REFERENCES milestone.portal_user (tenant_id, portal_user_id)
);

-- One attempt to hand a notification to a mail server; it goes with its notification.
CREATE TABLE milestone.notification_delivery (
    tenant_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    notification_id uuid NOT NULL,
    recipient_email text NOT NULL,
    attempted_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, delivery_id),
    FOREIGN KEY (tenant_id, notification_id) REFERENCES milestone.notification (tenant_id, notification_id)
);

-- What the product's sign-in reads: a restricted person is not in these views, so access is off at once.
CREATE VIEW milestone.member_with_access WITH (security_invoker = true, security_barrier = true) AS
SELECT tenant_id, member_id, account_id
FROM milestone.team_member
WHERE restricted_at IS NULL;

CREATE VIEW milestone.portal_user_with_access WITH (security_invoker = true, security_barrier = true) AS
SELECT tenant_id, portal_user_id, client_id, firebase_uid
FROM milestone.portal_user
WHERE restricted_at IS NULL;

CREATE VIEW milestone.delivery_user_with_access WITH (security_invoker = true, security_barrier = true) AS
SELECT tenant_id, delivery_user_id, firebase_uid
FROM milestone.delivery_user
WHERE restricted_at IS NULL;

DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY[
        'tenant', 'client', 'team_member', 'role_assignment', 'portal_user', 'delivery_user', 'service_request',
        'message', 'hours_entry', 'sla_metric', 'activity_log', 'session', 'notification', 'notification_delivery'
    ]
    LOOP
        EXECUTE format('ALTER TABLE milestone.%I ENABLE ROW LEVEL SECURITY', table_name);
        EXECUTE format('ALTER TABLE milestone.%I FORCE ROW LEVEL SECURITY', table_name);
        EXECUTE format(
            'CREATE POLICY one_tenant ON milestone.%I '
            'USING (tenant_id = (SELECT current_setting(''milestone.tenant_id'')::uuid)) '
            'WITH CHECK (tenant_id = (SELECT current_setting(''milestone.tenant_id'')::uuid))',
            table_name);
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA milestone TO gw_tenant, gw_verify;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA milestone TO gw_tenant;
GRANT SELECT ON ALL TABLES IN SCHEMA milestone TO gw_verify;
