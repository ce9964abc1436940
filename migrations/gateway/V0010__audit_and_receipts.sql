-- What was done, in the business transaction that did it. Ids, counts and closed words only. Rows are never changed.

CREATE TABLE gateway.audit_entry (
    tenant_id uuid NOT NULL,
    at timestamptz NOT NULL,
    audit_id uuid NOT NULL,
    actor text NOT NULL CONSTRAINT audit_entry_actor_is_a_word CHECK (actor ~ '^[a-z0-9_.:-]{1,64}$'),
    action text NOT NULL CONSTRAINT audit_entry_action_is_a_word CHECK (action ~ '^[a-z0-9_.]{1,64}$'),
    -- Canonical JSON, byte for byte what the hash was taken over.
    entry text NOT NULL,
    hash bytea NOT NULL CONSTRAINT audit_entry_hash_length CHECK (octet_length(hash) = 32),
    CONSTRAINT audit_entry_pkey PRIMARY KEY (tenant_id, at, audit_id)
) PARTITION BY RANGE (at);
CREATE TABLE gateway.audit_entry_default PARTITION OF gateway.audit_entry DEFAULT;
SELECT gateway.vacuum_at_once('gateway.audit_entry_default');

-- The chain: one sealer gives each entry its place, so that business transactions never wait for one another.
CREATE TABLE gateway.audit_link (
    tenant_id uuid NOT NULL,
    place bigint NOT NULL CONSTRAINT audit_link_place_positive CHECK (place > 0),
    audit_id uuid NOT NULL,
    audit_at timestamptz NOT NULL,
    chain_hash bytea NOT NULL CONSTRAINT audit_link_hash_length CHECK (octet_length(chain_hash) = 32),
    CONSTRAINT audit_link_pkey PRIMARY KEY (tenant_id, place),
    CONSTRAINT audit_link_once_for_an_entry UNIQUE (tenant_id, audit_id)
);

CREATE TABLE gateway.receipt (
    tenant_id uuid NOT NULL,
    receipt_id uuid NOT NULL,
    run_id uuid NOT NULL,
    issued_at timestamptz NOT NULL,
    jws text NOT NULL,
    CONSTRAINT receipt_pkey PRIMARY KEY (tenant_id, receipt_id),
    CONSTRAINT receipt_once_for_a_run UNIQUE (tenant_id, run_id),
    CONSTRAINT receipt_has_run FOREIGN KEY (tenant_id, run_id) REFERENCES gateway.run (tenant_id, run_id)
);

SELECT gateway.isolate('gateway.audit_entry');
SELECT gateway.isolate('gateway.audit_link');
SELECT gateway.isolate('gateway.receipt');
GRANT SELECT, INSERT ON gateway.audit_entry, gateway.audit_link, gateway.receipt TO gw_tenant;
