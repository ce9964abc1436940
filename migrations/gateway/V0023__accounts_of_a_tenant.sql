-- Accounts that the people of a leaving customer have at their identity providers: each is noted before the product's rows
-- go, told of before the customer's keys go, and every attempt at it is a row.

-- When all of them were noted. The first row of the customer is deleted in the product database only after that.
ALTER TABLE gateway.offboarding ADD COLUMN accounts_collected_at timestamptz;

CREATE TABLE gateway.account_call (
    tenant_id uuid NOT NULL,
    account_call_id uuid NOT NULL,
    request_id uuid NOT NULL,
    -- Who gives the uid out, in the form of `identity.issuer`. Empty where the product knows the uid and nobody the project.
    issuer text NOT NULL,
    -- Keyed with the request's own key, so that it says nothing once that key is destroyed.
    uid_digest bytea NOT NULL CHECK (octet_length(uid_digest) = 32),
    -- The uid under the same key, as long as somebody has to be told.
    sealed bytea,
    -- pending: attempts go on until it succeeds. done, already_gone: the other side has confirmed. withdrawn: the account was
    -- made after the customer had left. shared: another customer knows it. ambiguous: several projects have such an account.
    -- unreachable: nobody has given us a way to its project.
    state text NOT NULL CHECK (state IN ('pending', 'done', 'already_gone', 'withdrawn', 'shared', 'ambiguous',
                                         'unreachable')),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, account_call_id),
    UNIQUE (tenant_id, request_id, uid_digest, issuer),
    FOREIGN KEY (tenant_id, request_id) REFERENCES gateway.privacy_request (tenant_id, request_id),
    CHECK ((state = 'pending') = (finished_at IS NULL)),
    CHECK ((state = 'pending') = (sealed IS NOT NULL))
);
CREATE INDEX account_call_pending ON gateway.account_call (tenant_id, request_id, attempts, account_call_id)
    WHERE state = 'pending';
ALTER TABLE gateway.account_call ALTER COLUMN uid_digest SET STATISTICS 0;
ALTER TABLE gateway.account_call ALTER COLUMN sealed SET STATISTICS 0;
-- A sealed uid that was taken away is a dead tuple until vacuum has come by.
ALTER TABLE gateway.account_call SET (
    autovacuum_enabled = true, autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
    toast.autovacuum_enabled = true, toast.autovacuum_vacuum_threshold = 0, toast.autovacuum_vacuum_scale_factor = 0);

CREATE TABLE gateway.account_call_attempt (
    tenant_id uuid NOT NULL,
    account_call_id uuid NOT NULL,
    attempt integer NOT NULL CHECK (attempt > 0),
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    -- How it ended, as a word; null while it runs, or when it ended without one.
    outcome text CHECK (outcome ~ '^[a-z_0-9]{1,40}$'),
    PRIMARY KEY (tenant_id, account_call_id, attempt),
    FOREIGN KEY (tenant_id, account_call_id) REFERENCES gateway.account_call (tenant_id, account_call_id),
    CHECK ((outcome IS NULL) = (ended_at IS NULL))
);

DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['account_call', 'account_call_attempt']
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
GRANT SELECT, INSERT ON gateway.account_call, gateway.account_call_attempt TO gw_tenant;
GRANT UPDATE (sealed, state, attempts, finished_at) ON gateway.account_call TO gw_tenant;
GRANT UPDATE (ended_at, outcome) ON gateway.account_call_attempt TO gw_tenant;

-- shared: a person's account that another customer's people use too stays, and is told of by the last of them. unreachable: a
-- person has said that nobody can be told any more.
ALTER TABLE gateway.call_back DROP CONSTRAINT call_back_state_check;
ALTER TABLE gateway.call_back ADD CONSTRAINT call_back_state_check
    CHECK (state IN ('pending', 'done', 'already_gone', 'withdrawn', 'shared', 'unreachable'));
