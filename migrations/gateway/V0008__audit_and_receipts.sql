-- What was done, in the business transaction that did it. Ids, counts and closed words only. Rows are never changed.

CREATE TABLE gateway.audit_entry (
    tenant_id uuid NOT NULL,
    at timestamptz NOT NULL,
    audit_id uuid NOT NULL,
    actor text NOT NULL CHECK (actor ~ '^[a-z0-9_.:-]{1,64}$'),
    action text NOT NULL CHECK (action ~ '^[a-z0-9_.]{1,64}$'),
    -- Canonical JSON, byte for byte what the hash was taken over.
    entry text NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (tenant_id, at, audit_id)
) PARTITION BY RANGE (at);
CREATE TABLE gateway.audit_entry_default PARTITION OF gateway.audit_entry DEFAULT;

-- The chain: one sealer gives each entry its place, so that business transactions never wait for one another.
CREATE TABLE gateway.audit_link (
    tenant_id uuid NOT NULL,
    place bigint NOT NULL CHECK (place > 0),
    audit_id uuid NOT NULL,
    audit_at timestamptz NOT NULL,
    chain_hash bytea NOT NULL CHECK (octet_length(chain_hash) = 32),
    PRIMARY KEY (tenant_id, place),
    UNIQUE (tenant_id, audit_id)
);

CREATE TABLE gateway.receipt (
    tenant_id uuid NOT NULL,
    receipt_id uuid NOT NULL,
    request_id uuid NOT NULL,
    issued_at timestamptz NOT NULL,
    jws text NOT NULL,
    PRIMARY KEY (tenant_id, receipt_id),
    UNIQUE (tenant_id, request_id),
    FOREIGN KEY (tenant_id, request_id) REFERENCES gateway.privacy_request (tenant_id, request_id)
);

DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['audit_entry', 'audit_link', 'receipt']
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
GRANT SELECT, INSERT ON gateway.audit_entry, gateway.audit_link, gateway.receipt TO gw_tenant;
