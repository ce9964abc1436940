-- What the source of an account said of it last: by its time an older word never overwrites a newer one. It names nobody
-- (keyed digests) and goes with the mirror of the person's fence.
CREATE TABLE milestone_gateway.profile (
    tenant_key text NOT NULL,
    identity_kind text NOT NULL,
    digest_key_id integer NOT NULL,
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    -- Source time.
    told_at timestamptz NOT NULL,
    -- What the gateway has set when the account was deactivated, so that only this is taken back. Null: nothing.
    restricted_at timestamptz,
    PRIMARY KEY (tenant_key, identity_kind, digest_key_id, digest)
);
ALTER TABLE milestone_gateway.profile ENABLE ROW LEVEL SECURITY;
ALTER TABLE milestone_gateway.profile FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON milestone_gateway.profile
USING (tenant_key = (SELECT milestone_gateway.current_tenant_key()))
WITH CHECK (tenant_key = (SELECT milestone_gateway.current_tenant_key()));
GRANT SELECT, INSERT, UPDATE, DELETE ON milestone_gateway.profile TO gw_tenant;
