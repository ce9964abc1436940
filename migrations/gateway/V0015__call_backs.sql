-- Calls back to senders' systems: what must be told, and every attempt at it. Ids and words only; whom a call is about is the
-- request's subject, whose identities are sealed.

CREATE TABLE gateway.call_back (
    tenant_id uuid NOT NULL,
    call_back_id uuid NOT NULL,
    request_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('firebase_disable', 'firebase_revoke', 'firebase_delete')),
    -- The source whose credentials are used. No foreign key: it would cross from rows kept by tenant to rows kept by source.
    source_id uuid NOT NULL,
    -- pending: attempts go on until it succeeds. done, already_gone: the other side has confirmed. withdrawn: the person is
    -- back, and nothing has to be told any more.
    state text NOT NULL CHECK (state IN ('pending', 'done', 'already_gone', 'withdrawn')),
    attempts integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, call_back_id),
    UNIQUE (tenant_id, request_id, kind),
    FOREIGN KEY (tenant_id, request_id) REFERENCES gateway.privacy_request (tenant_id, request_id),
    CHECK ((state = 'pending') = (finished_at IS NULL))
);

CREATE TABLE gateway.call_back_attempt (
    tenant_id uuid NOT NULL,
    call_back_id uuid NOT NULL,
    attempt integer NOT NULL CHECK (attempt > 0),
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    -- How it ended, as a word; null while it runs, or when it ended without one.
    outcome text CHECK (outcome ~ '^[a-z_0-9]{1,40}$'),
    PRIMARY KEY (tenant_id, call_back_id, attempt),
    FOREIGN KEY (tenant_id, call_back_id) REFERENCES gateway.call_back (tenant_id, call_back_id),
    CHECK ((outcome IS NULL) = (ended_at IS NULL))
);

DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['call_back', 'call_back_attempt']
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
GRANT SELECT, INSERT, UPDATE ON gateway.call_back, gateway.call_back_attempt TO gw_tenant;

ALTER TABLE gateway.job DROP CONSTRAINT job_kind_check;
ALTER TABLE gateway.job ADD CONSTRAINT job_kind_check
    CHECK (kind IN ('access_off', 'access_on', 'mark', 'deletion', 'call_back'));
