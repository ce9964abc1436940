-- People as one tenant knows them: digests to find them by, and values sealed under their own key.

CREATE TABLE gateway.data_subject (
    tenant_id uuid NOT NULL CONSTRAINT data_subject_has_tenant REFERENCES gateway.tenant (tenant_id),
    subject_id uuid NOT NULL,
    kind text NOT NULL CONSTRAINT data_subject_kind_is_a_word CHECK (kind ~ '^[a-z][a-z0-9_]{0,39}$'),
    generation integer NOT NULL CONSTRAINT data_subject_generation_positive CHECK (generation > 0),
    created_at timestamptz NOT NULL,
    -- Since when everything that the product has copied of the account is as its source says; null: since it was first heard
    -- of. Atlassian tells what has changed since then.
    refreshed_at timestamptz,
    erased_at timestamptz,
    CONSTRAINT data_subject_pkey PRIMARY KEY (tenant_id, subject_id)
);

CREATE TABLE gateway.identity (
    tenant_id uuid NOT NULL,
    identity_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    kind text NOT NULL,
    issuer text NOT NULL,
    -- True for the identity that sources name the person by. Only those are unique: mailboxes are shared.
    is_anchor boolean NOT NULL,
    norm_version smallint NOT NULL,
    digest_key_id integer NOT NULL,
    digest bytea NOT NULL CONSTRAINT identity_digest_length CHECK (octet_length(digest) = 32),
    sealed bytea NOT NULL,
    -- When its account may be reported to Atlassian. Only a look-up: `reported_account` decides for all tenants.
    report_due_at timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT identity_pkey PRIMARY KEY (tenant_id, identity_id),
    CONSTRAINT identity_has_subject FOREIGN KEY (tenant_id, subject_id)
        REFERENCES gateway.data_subject (tenant_id, subject_id),
    CONSTRAINT identity_once_for_a_subject UNIQUE (tenant_id, subject_id, kind, digest_key_id, digest)
);
CREATE UNIQUE INDEX identity_anchor_once
    ON gateway.identity (tenant_id, kind, issuer, norm_version, digest_key_id, digest) WHERE is_anchor;
CREATE INDEX identity_by_digest ON gateway.identity (tenant_id, digest);
CREATE INDEX identity_report_due
    ON gateway.identity (report_due_at) WHERE is_anchor AND kind = 'atlassian_account_id';
ALTER TABLE gateway.identity ALTER COLUMN digest SET STATISTICS 0;
ALTER TABLE gateway.identity ALTER COLUMN sealed SET STATISTICS 0;

-- Every signal about a subject, by source time, so that the order of arrival does not matter.
CREATE TABLE gateway.subject_signal (
    tenant_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    signal text NOT NULL CONSTRAINT subject_signal_known
        CHECK (signal IN ('user_created', 'user_updated', 'user_deleted', 'account_closed')),
    -- Source time, never later than the arrival; it alone decides the order.
    source_at timestamptz NOT NULL,
    -- Arrival bounds how far back a deadline may be counted.
    arrived_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    CONSTRAINT subject_signal_pkey PRIMARY KEY (tenant_id, subject_id, signal, source_at),
    CONSTRAINT subject_signal_has_subject FOREIGN KEY (tenant_id, subject_id)
        REFERENCES gateway.data_subject (tenant_id, subject_id)
);

-- What is kept of an event once it is understood: type, ids, times and seconds, sealed under the subject's key.
CREATE TABLE gateway.minimized_event (
    tenant_id uuid NOT NULL,
    event_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    sealed bytea NOT NULL,
    CONSTRAINT minimized_event_pkey PRIMARY KEY (tenant_id, event_id, subject_id),
    CONSTRAINT minimized_event_has_subject FOREIGN KEY (tenant_id, subject_id)
        REFERENCES gateway.data_subject (tenant_id, subject_id)
);
ALTER TABLE gateway.minimized_event ALTER COLUMN sealed SET STATISTICS 0;

SELECT gateway.vacuum_at_once('gateway.identity');
SELECT gateway.vacuum_at_once('gateway.subject_signal');
SELECT gateway.vacuum_at_once('gateway.minimized_event');

SELECT gateway.isolate('gateway.data_subject');
SELECT gateway.isolate('gateway.identity');
-- For `digest_keys_in_use` and `accounts_to_report`, which ask across all tenants.
CREATE POLICY owner_reads_digest_keys ON gateway.identity FOR SELECT TO gw_owner USING (true);
SELECT gateway.isolate('gateway.subject_signal');
SELECT gateway.isolate('gateway.minimized_event');
GRANT SELECT, INSERT, UPDATE ON gateway.data_subject TO gw_tenant;
GRANT SELECT, INSERT, DELETE ON gateway.identity, gateway.subject_signal, gateway.minimized_event TO gw_tenant;
GRANT UPDATE (report_due_at) ON gateway.identity TO gw_tenant;
