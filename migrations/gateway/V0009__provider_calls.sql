-- Calls to identity providers: what they must be told, and every attempt at it.

-- A row is about one of two things, and its columns say which:
--   the subject of a person's own request, whose identities are sealed elsewhere: ids and words only;
--   an account that somebody of a leaving tenant has at a provider: noted before the product's rows go, told of before the
--   tenant's keys go. Such a row has a digest, and as long as somebody has to be told the sealed uid.
CREATE TABLE gateway.provider_call (
    tenant_id uuid NOT NULL,
    call_id uuid NOT NULL,
    request_id uuid NOT NULL,
    kind text NOT NULL
        CONSTRAINT provider_call_kind_known CHECK (kind IN ('firebase_disable', 'firebase_revoke', 'firebase_delete')),
    -- The source whose credentials were chosen for a person's call. No foreign key: it would cross from rows kept by tenant to
    -- rows kept by source.
    source_id uuid,
    -- Who gives an account's uid out, in the form of `identity.issuer`; null where the product knows the uid and nobody the
    -- project.
    issuer text,
    -- An account's uid, keyed with the request's own key, so that it says nothing once that key is destroyed.
    uid_digest bytea CONSTRAINT provider_call_digest_length CHECK (octet_length(uid_digest) = 32),
    -- The uid under the same key, as long as somebody has to be told.
    sealed bytea,
    -- pending: attempts go on until it succeeds. done, already_gone: the other side has confirmed. withdrawn: the person is
    -- back, or the account was made after the departure. shared: another tenant knows the account; it stays, and is told of by
    -- the last of them. ambiguous: several projects have such an account. unreachable: nobody has given us credentials for its
    -- project, or a person has said that nobody can be told any more.
    state text NOT NULL CONSTRAINT provider_call_state_known CHECK (state IN (
        'pending', 'done', 'already_gone', 'withdrawn', 'shared', 'ambiguous', 'unreachable')),
    attempts integer NOT NULL DEFAULT 0 CONSTRAINT provider_call_attempts_not_negative CHECK (attempts >= 0),
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT provider_call_pkey PRIMARY KEY (tenant_id, call_id),
    -- One of each kind for a person, one for each account.
    CONSTRAINT provider_call_once_for_a_request
        UNIQUE NULLS NOT DISTINCT (tenant_id, request_id, uid_digest, issuer, kind),
    CONSTRAINT provider_call_has_request FOREIGN KEY (tenant_id, request_id)
        REFERENCES gateway.privacy_request (tenant_id, request_id),
    CONSTRAINT provider_call_pending_has_no_end CHECK ((state = 'pending') = (finished_at IS NULL)),
    CONSTRAINT provider_call_of_a_person_or_an_account CHECK ((source_id IS NULL) = (uid_digest IS NOT NULL)),
    CONSTRAINT provider_call_of_a_person_has_no_account CHECK (
        uid_digest IS NOT NULL OR issuer IS NULL AND sealed IS NULL AND state <> 'ambiguous'),
    CONSTRAINT provider_call_account_is_deleted CHECK (uid_digest IS NULL OR kind = 'firebase_delete'),
    CONSTRAINT provider_call_pending_keeps_the_uid CHECK (
        uid_digest IS NULL OR (state = 'pending') = (sealed IS NOT NULL))
);
CREATE INDEX provider_call_pending ON gateway.provider_call (tenant_id, request_id, attempts, call_id)
    WHERE state = 'pending';
ALTER TABLE gateway.provider_call ALTER COLUMN uid_digest SET STATISTICS 0;
ALTER TABLE gateway.provider_call ALTER COLUMN sealed SET STATISTICS 0;
-- A sealed uid that was taken away is a dead tuple until vacuum has come by.
SELECT gateway.vacuum_at_once('gateway.provider_call');

CREATE TABLE gateway.provider_call_attempt (
    tenant_id uuid NOT NULL,
    call_id uuid NOT NULL,
    attempt integer NOT NULL CONSTRAINT provider_call_attempt_positive CHECK (attempt > 0),
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    -- How it ended, as a word; null while it runs, or when it crashed.
    outcome text CONSTRAINT provider_call_attempt_outcome_is_a_word CHECK (outcome ~ '^[a-z_0-9]{1,40}$'),
    CONSTRAINT provider_call_attempt_pkey PRIMARY KEY (tenant_id, call_id, attempt),
    CONSTRAINT provider_call_attempt_has_call FOREIGN KEY (tenant_id, call_id)
        REFERENCES gateway.provider_call (tenant_id, call_id),
    CONSTRAINT provider_call_attempt_ended_has_outcome CHECK ((outcome IS NULL) = (ended_at IS NULL))
);

SELECT gateway.isolate('gateway.provider_call');
SELECT gateway.isolate('gateway.provider_call_attempt');
GRANT SELECT, INSERT ON gateway.provider_call, gateway.provider_call_attempt TO gw_tenant;
GRANT UPDATE (sealed, state, attempts, finished_at) ON gateway.provider_call TO gw_tenant;
GRANT UPDATE (ended_at, outcome) ON gateway.provider_call_attempt TO gw_tenant;
