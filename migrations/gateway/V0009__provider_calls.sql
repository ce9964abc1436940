-- Calls to identity providers: what they must be told, and every attempt at it.

-- About one person: ids and words only. Whom a call is about is the request's subject, whose identities are sealed.
CREATE TABLE gateway.call_back (
    tenant_id uuid NOT NULL,
    call_back_id uuid NOT NULL,
    request_id uuid NOT NULL,
    kind text NOT NULL
        CONSTRAINT call_back_kind_known CHECK (kind IN ('firebase_disable', 'firebase_revoke', 'firebase_delete')),
    -- The source whose credentials are used. No foreign key: it would cross from rows kept by tenant to rows kept by source.
    source_id uuid NOT NULL,
    -- pending: attempts go on until it succeeds. done, already_gone: the other side has confirmed. withdrawn: the person is
    -- back, and nothing has to be told any more. shared: people of another tenant use the account too; it stays, and is told
    -- of by the last of them. unreachable: a person has said that nobody can be told any more.
    state text NOT NULL CONSTRAINT call_back_state_known CHECK (state IN (
        'pending', 'done', 'already_gone', 'withdrawn', 'shared', 'unreachable')),
    attempts integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT call_back_pkey PRIMARY KEY (tenant_id, call_back_id),
    CONSTRAINT call_back_once_for_a_request UNIQUE (tenant_id, request_id, kind),
    CONSTRAINT call_back_has_request FOREIGN KEY (tenant_id, request_id)
        REFERENCES gateway.privacy_request (tenant_id, request_id),
    CONSTRAINT call_back_pending_has_no_end CHECK ((state = 'pending') = (finished_at IS NULL))
);

CREATE TABLE gateway.call_back_attempt (
    tenant_id uuid NOT NULL,
    call_back_id uuid NOT NULL,
    attempt integer NOT NULL CONSTRAINT call_back_attempt_positive CHECK (attempt > 0),
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    -- How it ended, as a word; null while it runs, or when it crashed.
    outcome text CONSTRAINT call_back_attempt_outcome_is_a_word CHECK (outcome ~ '^[a-z_0-9]{1,40}$'),
    CONSTRAINT call_back_attempt_pkey PRIMARY KEY (tenant_id, call_back_id, attempt),
    CONSTRAINT call_back_attempt_has_call FOREIGN KEY (tenant_id, call_back_id)
        REFERENCES gateway.call_back (tenant_id, call_back_id),
    CONSTRAINT call_back_attempt_ended_has_outcome CHECK ((outcome IS NULL) = (ended_at IS NULL))
);

-- Accounts that the people of a leaving tenant have at their identity providers: each is noted before the product's rows go,
-- and told of before the tenant's keys go.
CREATE TABLE gateway.account_call (
    tenant_id uuid NOT NULL,
    account_call_id uuid NOT NULL,
    request_id uuid NOT NULL,
    -- Who gives the uid out, in the form of `identity.issuer`. Empty where the product knows the uid and nobody the project.
    issuer text NOT NULL,
    -- Keyed with the request's own key, so that it says nothing once that key is destroyed.
    uid_digest bytea NOT NULL CONSTRAINT account_call_digest_length CHECK (octet_length(uid_digest) = 32),
    -- The uid under the same key, as long as somebody has to be told.
    sealed bytea,
    -- pending: attempts go on until it succeeds. done, already_gone: the other side has confirmed. withdrawn: the account was
    -- made after the tenant had left. shared: another tenant knows it. ambiguous: several projects have such an account.
    -- unreachable: nobody has given us credentials for its project.
    state text NOT NULL CONSTRAINT account_call_state_known CHECK (state IN (
        'pending', 'done', 'already_gone', 'withdrawn', 'shared', 'ambiguous', 'unreachable')),
    attempts integer NOT NULL DEFAULT 0 CONSTRAINT account_call_attempts_not_negative CHECK (attempts >= 0),
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT account_call_pkey PRIMARY KEY (tenant_id, account_call_id),
    CONSTRAINT account_call_once_for_a_request UNIQUE (tenant_id, request_id, uid_digest, issuer),
    CONSTRAINT account_call_has_request FOREIGN KEY (tenant_id, request_id)
        REFERENCES gateway.privacy_request (tenant_id, request_id),
    CONSTRAINT account_call_pending_has_no_end CHECK ((state = 'pending') = (finished_at IS NULL)),
    CONSTRAINT account_call_pending_keeps_the_uid CHECK ((state = 'pending') = (sealed IS NOT NULL))
);
CREATE INDEX account_call_pending ON gateway.account_call (tenant_id, request_id, attempts, account_call_id)
    WHERE state = 'pending';
ALTER TABLE gateway.account_call ALTER COLUMN uid_digest SET STATISTICS 0;
ALTER TABLE gateway.account_call ALTER COLUMN sealed SET STATISTICS 0;
-- A sealed uid that was taken away is a dead tuple until vacuum has come by.
SELECT gateway.vacuum_at_once('gateway.account_call');

CREATE TABLE gateway.account_call_attempt (
    tenant_id uuid NOT NULL,
    account_call_id uuid NOT NULL,
    attempt integer NOT NULL CONSTRAINT account_call_attempt_positive CHECK (attempt > 0),
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    -- How it ended, as a word; null while it runs, or when it crashed.
    outcome text CONSTRAINT account_call_attempt_outcome_is_a_word CHECK (outcome ~ '^[a-z_0-9]{1,40}$'),
    CONSTRAINT account_call_attempt_pkey PRIMARY KEY (tenant_id, account_call_id, attempt),
    CONSTRAINT account_call_attempt_has_call FOREIGN KEY (tenant_id, account_call_id)
        REFERENCES gateway.account_call (tenant_id, account_call_id),
    CONSTRAINT account_call_attempt_ended_has_outcome CHECK ((outcome IS NULL) = (ended_at IS NULL))
);

SELECT gateway.isolate('gateway.call_back');
SELECT gateway.isolate('gateway.call_back_attempt');
SELECT gateway.isolate('gateway.account_call');
SELECT gateway.isolate('gateway.account_call_attempt');
GRANT SELECT, INSERT, UPDATE ON gateway.call_back, gateway.call_back_attempt TO gw_tenant;
GRANT SELECT, INSERT ON gateway.account_call, gateway.account_call_attempt TO gw_tenant;
GRANT UPDATE (sealed, state, attempts, finished_at) ON gateway.account_call TO gw_tenant;
GRANT UPDATE (ended_at, outcome) ON gateway.account_call_attempt TO gw_tenant;
