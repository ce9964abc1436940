-- People as one tenant knows them: digests to find them by, and values sealed under their own key.

CREATE TABLE gateway.data_subject (
    tenant_id uuid NOT NULL REFERENCES gateway.tenant (tenant_id),
    subject_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind ~ '^[a-z][a-z0-9_]{0,39}$'),
    generation integer NOT NULL CHECK (generation > 0),
    created_at timestamptz NOT NULL,
    erased_at timestamptz,
    PRIMARY KEY (tenant_id, subject_id)
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
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    sealed bytea NOT NULL,
    PRIMARY KEY (tenant_id, identity_id),
    FOREIGN KEY (tenant_id, subject_id) REFERENCES gateway.data_subject (tenant_id, subject_id),
    UNIQUE (tenant_id, subject_id, kind, digest_key_id, digest)
);
CREATE UNIQUE INDEX identity_anchor_once
    ON gateway.identity (tenant_id, kind, issuer, norm_version, digest_key_id, digest) WHERE is_anchor;
CREATE INDEX identity_by_digest ON gateway.identity (tenant_id, digest);
ALTER TABLE gateway.identity ALTER COLUMN digest SET STATISTICS 0;
ALTER TABLE gateway.identity ALTER COLUMN sealed SET STATISTICS 0;

-- Every signal about a subject, by source time, so that the order of arrival does not matter.
CREATE TABLE gateway.subject_signal (
    tenant_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    signal text NOT NULL CHECK (signal IN ('user_created', 'user_updated', 'user_deleted')),
    -- Source time, never later than the arrival; it alone decides the order.
    source_at timestamptz NOT NULL,
    -- Arrival bounds how far back a deadline may be counted.
    arrived_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, subject_id, signal, source_at),
    FOREIGN KEY (tenant_id, subject_id) REFERENCES gateway.data_subject (tenant_id, subject_id)
);

-- What is kept of an event once it is understood: type, ids, times and seconds, sealed under the subject's key.
CREATE TABLE gateway.minimized_event (
    tenant_id uuid NOT NULL,
    event_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (tenant_id, event_id, subject_id),
    FOREIGN KEY (tenant_id, subject_id) REFERENCES gateway.data_subject (tenant_id, subject_id)
);
ALTER TABLE gateway.minimized_event ALTER COLUMN sealed SET STATISTICS 0;

DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['data_subject', 'identity', 'subject_signal', 'minimized_event']
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
GRANT SELECT, INSERT, UPDATE ON gateway.data_subject TO gw_tenant;
GRANT SELECT, INSERT, DELETE ON gateway.identity, gateway.subject_signal, gateway.minimized_event TO gw_tenant;
